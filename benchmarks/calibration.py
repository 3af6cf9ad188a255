"""Whether a temperature of each question lowers the calibration error, on a simulated sky.

`python benchmarks/calibration.py`: simulates galaxies, trains the small CNN until it is too certain of every question
(80 epochs, of which the last is kept, so validation galaxies choose nothing but the temperatures), and compares a
further, larger sky of another seed with and without the temperatures that `gztrain fit` stored. `--run RUN`: a run that
is there and was evaluated; the last split of its metrics.json is compared. JSON=1: one JSON document.

The ECE has ten bins. Intervals are of 95 %, over 1,000 bootstrap resamples of the test galaxies, and the two models are
compared on the same resamples. The ECE of a perfect model is above zero, too, since labels are few: 97.5 % of such
models stay below `limit`, and `excess` is the ECE less the mean of such models (Roelofs et al. 2022). With a thousand
galaxies the noise is as large as the error of the easiest question, so thousands are judged. A question that was within
its limit already has nothing that a temperature could mend.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gztrain.evaluation.bootstrap import interval, resamples
from gztrain.evaluation.calibration import BINS, CLIP, bins_of, ece, ece_of_perfect, is_joint, temper
from gztrain.evaluation.predictions import read_predictions
from gztrain.runs.folder import open_run

FIT = (
    *("--scheme", "all", "--size", "32", "--views", "0", "--batch", "32", "--fine-tune-epochs", "0"),
    *("--monitor", "last", "--rate", "2e-3", "--schedule", "constant", "--class-weights", "none", "--no-symmetries"),
)
"""Training until the model is too certain: no augmentation, a constant rate, the last epoch."""
RESAMPLES, PERFECT = 1000, 400
Doubles = np.ndarray[Any, np.dtype[np.float64]]


def trained(folder: Path, galaxies: int, epochs: int, seed: int) -> Path:
    """Simulate, prepare and train; the run folder."""
    sky, data, run = folder / "sky", folder / "data", folder / "run"
    command("gzprep", "simulate", sky, "--galaxies", galaxies, "--seed", seed)
    command("gzprep", "run", "--data", sky, "--out", data, "--views", 0)
    command("gztrain", "fit", data, "--run", run, "--epochs", epochs, "--seed", seed, *FIT)
    return run


def judge(run: Path, folder: Path, galaxies: int, seed: int) -> None:
    """Judge the run on a further sky, all of whose galaxies in the training catalogue are test galaxies here."""
    sky, data = folder / "further", folder / "further-data"
    command("gzprep", "simulate", sky, "--galaxies", galaxies, "--seed", seed)
    catalogue = ("--catalogue", sky / "gz2_train_catalog.parquet", "--images", sky / "images", "--split", "test")
    command("gzprep", "run", *catalogue, "--out", data, "--views", 0)
    command("gztrain", "evaluate", run, "--data", data)


def command(package: str, *words: object) -> None:
    """Run a command of ours; what it prints goes to the screen, as it takes minutes."""
    subprocess.run([sys.executable, "-m", package, *map(str, words)], check=True, stdout=sys.stderr)  # noqa: S603


def gaps(labels: Doubles, scores: Doubles, known: Doubles) -> Doubles:
    """What each of N galaxies adds to the gap of each bin of probability, [N, bins]; all arrays [N, K]."""
    found = np.zeros((len(labels), BINS))
    rows, columns = np.nonzero(known)
    pairs = rows, columns
    np.add.at(found, (rows, bins_of(scores[pairs])), scores[pairs] - labels[pairs])
    return found


def eces(counts: Doubles, gap: Doubles, known: Doubles) -> Doubles:
    """The ECE in R resamples, [R]: counts of galaxies [R, N], gaps [N, bins], known labels [N, K]."""
    found: Doubles = np.abs(counts @ gap).sum(axis=1) / np.maximum(counts @ known.sum(axis=1), 1)
    return found


def rows(run: Path) -> Iterator[dict[str, Any]]:
    """A row for each question: temperature, ECE and Brier score before and after, and intervals."""
    opened = open_run(run)
    splits = json.loads((run / "metrics.json").read_text())["splits"]
    judged = next(reversed(splits))
    loss, found = opened.config.loss.name, read_predictions(opened.folder.predictions_of(judged))
    temperatures = splits[judged]["temperatures"]
    for question, block in zip(opened.scheme.questions, opened.scheme.blocks, strict=True):
        known, labels = found.mask[:, block] == 1, found.labels[:, block]
        after = found.probabilities[:, block].astype(np.float64)
        temperature = float(temperatures[question.name])
        before = temper(after, 1 / temperature, joint=is_joint(len(question.used), loss))
        yield {"question": question.name, "temperature": temperature, **compared(labels, known, before, after)}


def compared(labels: Any, known: Any, before: Doubles, after: Doubles) -> dict[str, Any]:  # noqa: ANN401 -- [N, K]
    """The figures of one question before and after."""
    parts = [gaps(labels, scores, known) for scores in (before, after)]
    draws = [[eces(counts, gap, known) for gap in parts] for counts in resamples(len(labels), RESAMPLES, 0, 2 * BINS)]
    old, new = (np.concatenate([draw[place] for draw in draws]) for place in (0, 1))
    known_labels = labels[known]
    return {
        "galaxies": int(known.any(axis=1).sum()),
        "ece": [ece(known_labels, scores[known]) for scores in (before, after)],
        "limit": [ece_of_perfect(scores[known]) for scores in (before, after)],
        "excess": [excess(known_labels, scores[known]) for scores in (before, after)],
        "log_loss": [log_loss(known_labels, scores[known]) for scores in (before, after)],
        "lower_by": interval(old - new),
    }


def excess(labels: Any, scores: Doubles) -> float | None:  # noqa: ANN401 -- both [M]
    """The ECE less the mean ECE of 400 models whose probabilities are right."""
    own, rng = ece(labels, scores), np.random.default_rng(0)
    perfect = [ece((rng.random(len(scores)) < scores).astype(np.int64), scores) for _ in range(PERFECT)]
    return None if own is None else own - float(np.mean([each for each in perfect if each is not None]))


def log_loss(labels: Any, scores: Doubles) -> float:  # noqa: ANN401 -- both [M]
    """Mean binary cross-entropy."""
    given = scores.clip(CLIP, 1 - CLIP)
    return float(-np.mean(np.where(labels == 1, np.log(given), np.log1p(-given))))


def table(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, and a line that counts."""
    heads = ("question", "answers known", "temperature", "ECE before (limit)", "ECE after (limit)", "lower by")
    yield f"| {' | '.join((*heads, 'excess', 'log loss'))} |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in found:
        (before, after), (old, new) = row["ece"], row["limit"]
        low, high = row["lower_by"]
        others = [" to ".join(f"{value:.3f}" for value in row[key]) for key in ("excess", "log_loss")]
        change = f"{before - after:.3f} ({low:.3f} to {high:.3f})"
        cells = (f"{row['temperature']:.2f}", f"{before:.3f} ({old:.3f})", f"{after:.3f} ({new:.3f})", change, *others)
        yield f"| {row['question']} | {row['galaxies']} | {' | '.join(cells)} |"
    lower = sum(row["ece"][1] < row["ece"][0] for row in found)
    clearly = sum(row["lower_by"][0] > 0 for row in found)
    within = sum(row["ece"][1] <= row["limit"][1] for row in found)
    yield f"\nLower for {lower} of {len(found)} questions, surely for {clearly}; {within} are within the limit."


def main() -> None:
    """Train if need be, compare and print; exit code 1 if the error of a question is not lower."""
    parser = argparse.ArgumentParser(description="Whether temperatures lower the calibration error.")
    parser.add_argument("--run", type=Path, help="a trained run that was evaluated")
    parser.add_argument("--galaxies", type=int, default=6000)
    parser.add_argument("--further", type=int, default=12000, help="galaxies of the further sky that is judged")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gztrain-bench-") as name:
        folder = Path(name)
        run = given.run or trained(folder, given.galaxies, given.epochs, given.seed)
        if not given.run:
            judge(run, folder, given.further, given.seed + 100)
        found = list(rows(run))
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table(found)))
    sys.exit(not all(row["ece"][1] < row["ece"][0] for row in found))


if __name__ == "__main__":
    main()
