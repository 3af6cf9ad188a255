"""How often the catalogue's look at pictures tells simulated images from real ones, and real ones from themselves.

Usage: python benchmarks/pictures.py [--splits 12] [--skies 4]

Real galaxies (GZ_REAL_DATA, default ../shared/data) are prepared by the default recipe. In each of several random
splits, 464 of them, as they lie in the shards, say what pictures look like, and 122 others which distance 95 % of
galaxies stay within. Told is the share beyond it: of the other real galaxies, from shards and from their files, and of
simulated skies (`gzprep simulate`, 300 galaxies each, seeds 1, 2 ...). 5 % is expected of real ones. Prints one JSON
document: the mean over the splits and the standard deviation, and the microseconds of processor time of one look.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gzcore.images import Pixels
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.data.stream import in_order
from gztrain.predict.catalogue.picture import find_usual, measure, statistics_of
from gztrain.predict.crops import Cut, find_files, read_crop

ROOT = Path(__file__).parent.parent
TRAINING, VALIDATION, LIMIT = 464, 122, 0.95
Doubles = np.ndarray[Any, np.dtype[np.float64]]


def command(*words: object) -> None:
    """Run a command of gzprep."""
    subprocess.run([sys.executable, "-m", "gzprep", *map(str, words)], check=True, stdout=sys.stderr)  # noqa: S603


def of_shards(folder: Path) -> dict[str, Pixels]:
    """Crops of all galaxies of a data set, by their ids."""
    dataset, found = open_dataset(folder), {}
    for split in ("train", "test"):
        for batch in in_order(open_reader(), select(dataset, split), 64):
            found.update(zip(batch.ids, batch.images, strict=True))
    return found


def of_files(folder: Path, crop: int) -> dict[str, Pixels]:
    """Crops of all images in a folder that can be used, by the names of the files."""
    crops = (read_crop(path, Cut(crop)) for path in find_files([folder]).images)
    return {Path(crop.path).stem: crop.pixels for crop in crops if crop.pixels is not None}


def statistics(images: Iterable[Pixels]) -> Doubles:
    """What is measured of each."""
    return statistics_of([measure(np.stack(list(images)))])


def beyond(shards: Doubles, files: Doubles, skies: Sequence[Doubles], seed: int) -> list[float]:
    """Shares beyond the limit in one split: of real shards, real files, and each sky."""
    order = np.random.default_rng(seed).permutation(len(shards))
    training, validation, others = np.split(order, (TRAINING, TRAINING + VALIDATION))
    usual = find_usual(shards[training], shards[validation])
    judged = [shards[others], files[others], *skies]
    return [float((usual.quantiles(usual.distances(some)) > LIMIT).mean()) for some in judged]


def look_seconds(images: Pixels) -> float:
    """Processor time of one look, with OpenCV in one thread."""
    cv2.setNumThreads(1)
    began = time.thread_time()
    measure(images)
    return (time.thread_time() - began) / len(images)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=12)
    parser.add_argument("--skies", type=int, default=4)
    options = parser.parse_args()
    real = Path(os.environ.get("GZ_REAL_DATA", ROOT.parent / "shared" / "data")) / "gz2"
    with tempfile.TemporaryDirectory() as name:
        folder, skies = Path(name), []
        command("run", "--data", real, "--out", folder / "data", "--views", 0)
        shards = of_shards(folder / "data")
        crop = len(next(iter(shards.values())))
        files = of_files(real / "images", crop)
        for seed in range(1, options.skies + 1):
            command("simulate", folder / f"sky-{seed}", "--galaxies", 300, "--seed", seed)
            skies.append(statistics(of_files(folder / f"sky-{seed}" / "images", crop).values()))
    seconds = [look_seconds(np.stack(list(files.values()))) for _ in range(5)]
    own, theirs = statistics(shards.values()), statistics(files[name] for name in shards)
    found = np.array([beyond(own, theirs, skies, seed) for seed in range(options.splits)])
    names = ["real shards", "real files", *(f"sky {seed}" for seed in range(1, options.skies + 1))]
    told: dict[str, Any] = {"galaxies": len(shards), "look_us": round(1e6 * min(seconds), 1)}
    for name, column in zip(names, found.T, strict=True):
        told[name] = {"beyond": round(float(column.mean()), 3), "sd": round(float(column.std()), 3)}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
