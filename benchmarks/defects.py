"""Recall, precision and cost of the detectors, on planted and on real defects, beside other methods.

Images are cut into two halves by a hash of their id. Thresholds are chosen on one of them (defect_survey.py); the other
one is where figures come from. Defects are planted (planting.py) into real images without a known defect. A
real alarm counts as false unless it is reviewed as true (judged_images.py).

`python benchmarks/defects.py [--quick]`; JSON=1 prints one JSON document. Without --quick, figures go to docs/defects/.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from contestants import ENVIRONMENTS, HERE
from defect_curves import Curve, by_depth, draw_depths, draw_precision_recall
from defect_rows import row
from defect_survey import HOUGH, Survey, chances, choose, choose_hough, survey
from hough import longest_dark_line
from judged_images import Real, read_lists, real_folder, real_images
from planting import PLANTERS
from watch import last_cores

from gzcore.images import Pixels, decode
from gzprep.config import Recipe
from gzprep.images.defects import DETECTORS, find

FIGURES = HERE.parent / "docs" / "defects"
BARS = {"error_image": 0.99, "colour_line": 0.98, "black_line": 0.95}
"""Recall of planted defects that is asked for, at FALSE of false alarms at most."""
FALSE, COST = 0.003, 2.5
SHARE = 0.03
"""Share of images with a defect that precision on planted ones is given for: as real ones."""
EDGES = (0, 4, 8, 12, 16, 20, 25, 30, 40, 60, 100, 160, 256)
"""Steps of the depth of black lines, grey levels."""
PEER = ENVIRONMENTS / "cleanvision" / "bin" / "python"
PEER_CASES = 400
ROUNDS = 7
TURNS: tuple[Callable[[Pixels], Pixels], ...] = (
    *(lambda image, k=k: np.rot90(image, k) for k in (1, 2, 3)),  # type: ignore[misc]
    *(lambda image, k=k: np.rot90(image[::-1], k) for k in (0, 1, 2, 3)),  # type: ignore[misc]
)


def measure_cost(images: Sequence[Real]) -> dict[str, Any]:
    """Milliseconds an image of decoding and of each detector alone, side by side, round by round; medians of rounds."""
    data = [image.path.read_bytes() for image in images]
    decoded = [decode(image, "RGBA") for image in data]
    work: dict[str, Callable[[], object]] = {
        "decode": lambda: [decode(image, "RGBA") for image in data],
        "all": lambda: [find(image) for image in decoded],
        **{name: (lambda name=name: [find(image, [name]) for image in decoded]) for name in DETECTORS},
        HOUGH: lambda: [longest_dark_line(image) for image in decoded],
    }
    rounds = [{name: _milliseconds(do) / len(data) for name, do in work.items()} for _ in range(ROUNDS)]
    ratios = [one["all"] / one["decode"] for one in rounds]
    times = {name: median(one[name] for one in rounds) for name in work}
    return {"ms": times, "of_decode": median(ratios), "of_decode_rounds": ratios, "images": len(data)}


def _milliseconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - began)


def count_turned(images: Sequence[Real], thresholds: dict[str, float]) -> dict[str, int]:
    """Verdicts that change when an image is turned by 90 degrees or mirrored, more than 5 % from the threshold."""
    counts = dict.fromkeys(DETECTORS, 0)
    for image in images:
        pixels = decode(image.path.read_bytes(), "RGBA")
        scores = {name: finding.score for name, finding in find(pixels).items()}
        for turn in TURNS:
            turned = find(np.ascontiguousarray(turn(pixels)))
            for name, threshold in thresholds.items():
                changed = (turned[name].score >= threshold) != (scores[name] >= threshold)
                counts[name] += changed and abs(scores[name] / threshold - 1) > 0.05
    return counts


def ask_cleanvision(seen: Survey) -> dict[str, Any] | None:
    """Share of images that cleanvision has something against: real ones with and without a defect, planted ones."""
    if not PEER.exists():
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        groups = {f"planted {kind}": list(_save_cases(seen, kind, folder)) for kind in DETECTORS}
        groups["sound"] = [str(image.path) for image in seen.images if image.id not in seen.lists.not_sound]
        for kind in DETECTORS:
            true = seen.lists.having(kind)
            groups[f"real {kind}"] = [str(image.path) for image in seen.images if image.id in true]
        paths = [path for group in groups.values() for path in group]
        (folder / "list.txt").write_text("".join(f"{path}\n" for path in dict.fromkeys(paths)))
        command = [PEER, HERE / "peers" / "cleanvision_flags.py", folder / "list.txt", folder / "out.json"]
        subprocess.run(command, check=True)  # noqa: S603
        answer = json.loads((folder / "out.json").read_text())
    failed = answer["failed"]
    table = {group: [sum(bool(failed[one]) for one in members), len(members)] for group, members in groups.items()}
    kinds = {
        kind: sum(kind in failed[path] for path in groups["sound"]) for kind in {k for f in failed.values() for k in f}
    }
    return {"flagged": table, "why_sound": kinds, "ms": 1000 * answer["seconds"] / len(failed)}


def _save_cases(seen: Survey, kind: str, folder: Path) -> Iterator[str]:
    """Plant again what was planted into images of the unseen half, and save it without loss."""
    hosts = list(dict.fromkeys(case.image for case in seen.cases(kind, chosen_on=False)))
    for image in hosts[:PEER_CASES]:
        planted = PLANTERS[kind](decode(image.path.read_bytes(), "RGBA"), next(chances(image, kind)))
        path = folder / f"{kind}-{image.id}.png"
        cv2.imwrite(str(path), planted.image[..., 2::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        yield str(path)


def run(*, quick: bool) -> dict[str, Any]:
    """Measure everything."""
    folder = real_folder()
    images = real_images(folder)[:: 10 if quick else 1]
    cost = measure_cost(images[:: 1 if quick else 5])
    seen = survey(images, read_lists(folder))
    recipe = {name: getattr(Recipe().defects, name).threshold for name in DETECTORS}
    thresholds = recipe if quick else {name: choose(seen, name) for name in DETECTORS}
    hough = choose_hough(seen)
    if not quick:
        draw(seen, thresholds, hough)
    return {
        "quick": quick,
        "images": {"all": len(images), "unseen": sum(not image.chosen_on for image in images)},
        "detectors": {name: row(seen, name, threshold) for name, threshold in thresholds.items()},
        "recipe": {name: row(seen, name, threshold) for name, threshold in recipe.items()},
        HOUGH: row(seen, "black_line", hough, baseline=True),
        "faint_black_lines": faint(seen, thresholds["black_line"], hough),
        "turned": count_turned(images[::2], thresholds),
        "cost": cost,
        "cleanvision": None if quick else ask_cleanvision(seen),
    }


def faint(seen: Survey, threshold: float, hough: float) -> dict[str, list[dict[str, float]]]:
    """Recall of black lines by depth, ours and the baseline's, unseen half."""
    depths = [case.facts["depth"] for case in seen.any_depth]
    ours, theirs = (
        [getattr(case, name) >= least for case in seen.any_depth]
        for name, least in (("score", threshold), (HOUGH, hough))
    )
    return {"ours": by_depth(depths, ours, EDGES), HOUGH: by_depth(depths, theirs, EDGES)}


def draw(seen: Survey, thresholds: dict[str, float], hough: float) -> None:
    """Draw both figures."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    panels = {name: list(_curves(seen, name, threshold)) for name, threshold in thresholds.items()}
    panels["black_line"].append(_hough_curve(seen, hough))
    draw_precision_recall(panels, FIGURES / "precision_recall.png")
    rows = faint(seen, thresholds["black_line"], hough)
    middles = [(one["from"] + one["to"]) / 2 for one in rows["ours"]]
    recalls = {
        "gzprep": [one["recall"] for one in rows["ours"]],
        "closing and Hough": [one["recall"] for one in rows[HOUGH]],
    }
    draw_depths(middles, recalls, FIGURES / "faint_lines.png")


def _curves(seen: Survey, name: str, threshold: float) -> Iterator[Curve]:
    others = seen.others(name)
    unseen = [image for image in others if not image.chosen_on]
    planted = [case.score for case in seen.cases(name, chosen_on=False)]
    yield Curve("planted, unseen half", planted, seen.scores(name, unseen), SHARE, threshold)
    true = seen.lists.having(name)
    hits = [image for image in seen.images if image.id in true]
    if hits:
        yield Curve("real, all", seen.scores(name, hits), seen.scores(name, others), None, threshold)


def _hough_curve(seen: Survey, threshold: float) -> Curve:
    true = seen.lists.having("black_line")
    hits = [image for image in seen.images if image.id in true]
    others = seen.others("black_line")
    return Curve("closing and Hough, real", seen.scores(HOUGH, hits), seen.scores(HOUGH, others), None, threshold)


def lines_of(document: dict[str, Any]) -> Iterator[str]:
    """The document as a table."""
    yield f"{'':<22}{'threshold':>10}{'recipe':>8}{'planted':>9}{'recall':>8}{'bar':>6}{'false':>9}{'bar':>7}"
    for name, one in [*document["detectors"].items(), (HOUGH, document[HOUGH])]:
        recipe = document["recipe"].get(name, {}).get("threshold", math.nan)
        recall, false, bar = one["planted_recall_unseen"], one["false_alarm_rate_unseen"], BARS.get(name)
        figures = f"{one['threshold']:>10g}{recipe:>8g}{one['planted_cases_unseen']:>9}{recall:>8.4f}"
        yield f"{name:<22}{figures}{f'{bar:.2f}' if bar else '':>6}{false:>9.4f}{f'{FALSE}' if bar else '':>7}"
    yield f"\n{'real: found of':<22}{'listed':>12}{'elsewhere':>12}{'all known':>12}{'precision':>11}  unseen half"
    for name, one in [*document["detectors"].items(), (HOUGH, document[HOUGH])]:
        yield f"{name:<22}" + "   ".join(_real_line(one["real"][half]) for half in ("all", "unseen"))
        yield f"    false {' '.join(one['false_alarms'])}; missed {' '.join(one['real']['missed'])}"
    yield "\nblack lines by depth: " + ", ".join(
        f"{one['from']:g}-{one['to']:g}: {one['recall']:.2f} of {one['cases']:g}"
        for one in document["faint_black_lines"]["ours"]
    )
    for name in ("black_line", "colour_line"):
        one = document["detectors"][name]
        away, far = one["px_aside_median"], one["px_aside_95"]
        yield f"{name}: found {away:.1f} px from where it was planted, 95 % of them within {far:.1f} px"
    yield f"verdicts that changed when the image was turned: {document['turned']}"
    cost = document["cost"]
    yield f"cost {cost['of_decode']:.2f} x decode (bar {COST}); ms an image: " + ", ".join(
        f"{name} {ms:.2f}" for name, ms in cost["ms"].items()
    )
    if document["cleanvision"]:
        yield f"cleanvision, images that fail a check: {document['cleanvision']}"


def _real_line(real: dict[str, Any]) -> str:
    parts = "".join(f"{f'{real[key][0]} of {real[key][1]}':>12}" for key in ("listed", "elsewhere", "known"))
    return parts + f"{real['precision']:>11.3f}"


def plain(value: Any) -> Any:  # noqa: ANN401 -- any part of a document
    """Without NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every tenth image, no cleanvision")
    quick = parser.parse_args().quick
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, last_cores(1))
    document = run(quick=quick)
    sys.stdout.write(
        json.dumps(plain(document)) + "\n" if os.environ.get("JSON") else "\n".join(lines_of(document)) + "\n"
    )


if __name__ == "__main__":
    main()
