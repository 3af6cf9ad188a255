"""Break a trained model on purpose, in each way that has happened to us or to others, and see whether it is named.

Usage: python benchmarks/broken.py RUN GALAXIES

RUN is a sound trained run; its outputs are spoilt in copies. GALAXIES is a folder of galaxies with images and votes, of
which a data set with shuffled votes is made, and a model trained on it. The source report's CCT, which put positions in
place of its tokens, is trained on the data set of RUN. Each spoilt model is judged on its test split. Prints a row for
each: whether the verdict has the words that it should have, and the sentence with them. JSON=1 prints one document.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gztrain.environment import start_keras

QUICK = {"size": 32, "views": 0, "epochs": 1, "fine_tune_epochs": 0, "set": {"bootstrap": 100}}
"""Options of the two models that are trained here: what is wrong with them shows after one epoch."""
PLACES = ("id_str", "subfolder", "filename", "asset_id", "iauname", "ra", "dec", "sample", "split")
"""Columns that stay with the image where votes are shuffled."""
Outputs = Any
"""Symbolic output of a model, probabilities [B, L]."""


def rescaled(scale: list[float], offset: list[float]) -> Callable[[Outputs], Outputs]:
    """Multiply each output, and add to it."""
    import keras

    return keras.layers.Rescaling(scale, offset)


def exchanged(order: list[int]) -> Callable[[Outputs], Outputs]:
    """Give each output the place that ``order`` says."""
    import keras

    start = keras.initializers.Constant(np.eye(len(order))[order])  # saved models know this layer
    return keras.layers.Dense(len(order), use_bias=False, kernel_initializer=start)


def spoilers(mean: list[float], names: tuple[str, ...]) -> Iterator[tuple[str, Callable[[Outputs], Outputs], str]]:
    """What is done to the outputs, and the words that the verdict must have.

    Args:
        mean: mean output of each label.
        names: of the labels.
    """
    import keras

    ones, nothing = [1.0] * len(names), [0.0] * len(names)
    yield "constant output", rescaled(nothing, mean), "The output does not depend on the image"
    yield "noise of 0.001", rescaled([1e-3] * len(names), mean), "Hardly any dependence on the image: "
    first, second = names.index("disk-edge-on-gz2_yes"), names.index("has-spiral-arms-gz2_yes")
    order = list(range(len(names)))
    order[first], order[second] = second, first
    yield "outputs swapped", exchanged(order), "Outputs look swapped: "
    yield "p cubed", lambda outputs: keras.layers.Multiply()([outputs] * 3), "Probabilities are off: "
    bar = names.index("bar-gz2_yes")
    less = [0.4 if place == bar else one for place, one in enumerate(ones)]
    yield "a bar that is never found", rescaled(less, nothing), "Never says yes: "


def judged_copy(run: Path, spoil: Callable[[Outputs], Outputs], folder: Path) -> str:
    """The verdict on a copy of a run whose outputs are spoilt, on the test split."""
    import keras

    from gztrain.evaluation.evaluate import evaluate
    from gztrain.runs.folder import open_run

    shutil.copytree(run, folder)
    opened = open_run(folder)
    model = opened.model()
    keras.Model(model.input, spoil(model.output)).save(opened.folder.model)
    return str(evaluate(folder, "test", data=opened.dataset)["splits"]["test"]["verdict"])


def mean_output(run: Path) -> tuple[list[float], tuple[str, ...]]:
    """Mean output of each label over the validation galaxies, and the labels' names."""
    from gztrain.evaluation.predictions import read_predictions
    from gztrain.runs.folder import open_run

    found = read_predictions(open_run(run).folder.predictions_of("val"))
    return [float(each) for each in found.probabilities.mean(axis=0)], found.names


def shuffled_galaxies(galaxies: Path, folder: Path) -> Path:
    """The same folder with the votes of each galaxy given to another; images are linked."""
    folder.mkdir()
    (folder / "images").symlink_to((galaxies / "images").absolute())
    for seed, name in enumerate(("gz2_train_catalog.parquet", "gz2_test_catalog.parquet")):
        table = pq.read_table(galaxies / name)
        order = pa.array(np.random.default_rng(seed).permutation(len(table)))
        columns = {key: table[key] if key in PLACES else table[key].take(order) for key in table.column_names}
        pq.write_table(pa.table(columns), folder / name)
    return folder


def of_shuffled(galaxies: Path, folder: Path) -> str:
    """The verdict on a model that learned shuffled votes."""
    import gzprep
    import gztrain
    from gztrain.evaluation.evaluate import evaluate

    gzprep.run(shuffled_galaxies(galaxies, folder / "galaxies"), folder / "data", views=0, set={"max_reject_share": 1})
    gztrain.fit(folder / "data", run=folder / "run", model="small", **QUICK)
    return str(evaluate(folder / "run", "test")["splits"]["test"]["verdict"])


def of_positions(run: Path, folder: Path) -> str:
    """The verdict on a CCT whose tokens are replaced by their positions."""
    import gztrain
    from gztrain.evaluation.evaluate import evaluate
    from gztrain.models.layers import PositionEmbedding
    from gztrain.runs.folder import open_run

    with mock.patch.object(PositionEmbedding, "call", lambda self, tokens: 0 * tokens + self.positions):
        gztrain.fit(open_run(run).dataset, run=folder, model="cct", **QUICK)
        return str(evaluate(folder, "test")["splits"]["test"]["verdict"])


def rows(run: Path, galaxies: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each model: what was broken, the words that were looked for, and the line of the verdict with them."""
    mean, names = mean_output(run)
    verdicts = [
        (name, lambda spoil=spoil, place=place: judged_copy(run, spoil, folder / f"copy-{place}"), words)
        for place, (name, spoil, words) in enumerate(spoilers(mean, names))
    ]
    verdicts += [
        (
            "CCT, positions in place of tokens",
            lambda: of_positions(run, folder / "cct"),
            "The output does not depend on the image",
        ),
        ("shuffled labels", lambda: of_shuffled(galaxies, folder), "not shown to rank galaxies better than chance"),
    ]
    for name, make, words in verdicts:
        lines = make().splitlines()
        found = next((line for line in lines if words in line), None)
        yield {"broken": name, "named": found is not None, "sentence": found or " / ".join(lines)}


def main() -> None:
    """Break, judge and print; exit code 1 if something broken is not named."""
    parser = argparse.ArgumentParser(description="Whether what is broken on purpose is named.")
    parser.add_argument("run", type=Path)
    parser.add_argument("galaxies", type=Path)
    options = parser.parse_args()
    start_keras()
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(options.run, options.galaxies, Path(folder)):
            seen.append(row)
            if not os.environ.get("JSON"):
                sys.stdout.write(f"{'named' if row['named'] else 'NOT NAMED'}: {row['broken']}: {row['sentence']}\n")
                sys.stdout.flush()
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(seen, indent=1) + "\n")
    sys.exit(not all(row["named"] for row in seen))


if __name__ == "__main__":
    main()
