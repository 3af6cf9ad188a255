"""Write records.json again, and say what changed.

The file holds the SHA-256 of every record of six small galaxies, drawn here. Where a change of our own code changes
one of them, raise ``gzprep.config.BYTES_VERSION`` as well: data sets of the old code are then not mixed with new ones.
"""

import difflib
import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gzprep.catalogue.galaxy import Galaxy, Split
from gzprep.config import BYTES_VERSION, Recipe, from_mapping, pixel_versions
from gzprep.dataset.shards import own_fold
from gzprep.images.codec import encode
from gzprep.prepare.galaxy import judge_galaxy, make_records
from tests.gz2 import ANSWERS, CATALOGUE_QUESTIONS, Votes

GOLDEN = Path(__file__).parent / "records.json"
FRAME, CROP = 64, 32
RECIPES = {
    "jpeg": {"images": {"frame": FRAME}, "crop": {"size": CROP}},
    "report": {
        "images": {"frame": FRAME},
        "crop": {"size": CROP, "encoding": "png"},
        "seed": 7,
        "views": {"zoom": [-0.9, 1.5], "zoom_draw": "uniform", "translate": [-15, 15], "denoise": "non-local-means"},
    },
}
"""The default, and one with everything else: lossless, the report's ranges, the other denoiser."""
GALAXIES = (
    ("587722981736120347", Split.TRAIN),
    ("587722981741363294", Split.TRAIN),
    ("J100000.00+000000.0", Split.TRAIN),
    ("\N{GREEK SMALL LETTER ALPHA} And", Split.TRAIN),
    ("1", Split.TEST),
    ("587722982272925748", Split.TEST),
)


def draw_frame(side: int, seed: int) -> npt.NDArray[np.uint8]:
    """Draw a galaxy that no symmetry maps onto itself: uint8 [side, side, 4], RGB and 255; noisy in each channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    disk = 150 * np.exp(-np.hypot(along / 0.2, across / 0.1))
    arm = 60 * np.exp(-(np.hypot(along - 0.12, across + 0.08) ** 2) / 0.004)
    texture = cv2.GaussianBlur(rng.normal(size=(side, side, 3)), (0, 0), 1.5) * 40
    light = disk[..., None] * (1.0, 0.8, 0.5) + arm[..., None] * (0.3, 0.6, 1.0) + texture + 45
    frame = np.full((side, side, 4), 255, np.uint8)
    frame[..., :3] = np.clip(light, 0, 255)
    return frame


def draw_votes(seed: int) -> Votes:
    """Votes of 40 people, where a question is sometimes not asked."""
    rng = np.random.default_rng(seed)
    counts: list[float] = []
    for question in CATALOGUE_QUESTIONS:
        asked = int(rng.integers(0, 41)) if question.parent else 40
        counts += map(float, rng.multinomial(asked, np.full(len(question.answers), 1 / len(question.answers))))
    places = np.repeat(range(len(CATALOGUE_QUESTIONS)), [len(question.answers) for question in CATALOGUE_QUESTIONS])
    totals = np.bincount(places, counts)
    fractions = tuple(
        count / totals[place] if totals[place] else float("nan") for count, place in zip(counts, places, strict=True)
    )
    assert len(fractions) == ANSWERS
    return Votes(fractions, tuple(counts), tuple(map(float, totals)))


def draw_galaxy(galaxy_id: str, split: Split, seed: int) -> Galaxy:
    """A galaxy with drawn votes."""
    return Galaxy(galaxy_id, split, "sub", f"{seed}.png", draw_votes(seed))


def record_sums(recipe: Recipe) -> dict[str, str]:
    """Make the records of the six galaxies: galaxy and view to SHA-256."""
    sums = {}
    for seed, (galaxy_id, split) in enumerate(GALAXIES):
        lossless = from_mapping({"crop": {"encoding": "png"}}).crop
        data = encode(np.ascontiguousarray(draw_frame(FRAME, seed)[..., :3]), lossless)
        judged = judge_galaxy(draw_galaxy(galaxy_id, split, seed), data, recipe)
        assert judged.frame is not None, judged.verdict
        fold = own_fold(galaxy_id, split, recipe.split_seed)
        for record in make_records(judged, judged.frame, recipe, fold):
            sums[f"{galaxy_id}, view {record.view}"] = hashlib.sha256(record.data).hexdigest()
    return sums


def made_with() -> dict[str, str]:
    """What may change a byte beside our own code."""
    return {**pixel_versions(), "machine": platform.machine()}


def frozen() -> dict[str, Any]:
    """What the golden file holds."""
    records = {name: record_sums(from_mapping(values)) for name, values in RECIPES.items()}
    return {"bytes_version": BYTES_VERSION, "made_with": made_with(), "records": records}


def main() -> None:
    """Write the file."""
    cv2.setNumThreads(1)
    old = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    new = json.dumps(frozen(), indent=2) + "\n"
    changes = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), "old", "new", n=0)
    sys.stdout.write("".join(changes) or f"{GOLDEN.name}: nothing changed\n")
    GOLDEN.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
