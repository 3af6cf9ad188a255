"""Peak memory of our readers does not grow with shards or epochs: 10 and 100 shards, 1 and 5 epochs.

The 10 shards are real galaxies with 5 extra views each (benchmarks/sky.py), of 224 px; the 100 are ten links to each of
them, so ten times the records. A process reads every record in the order of each epoch, in batches of 256, and is
watched from outside, as by all benchmarks (benchmarks/watch.py): pages of the page cache are not counted. `level` is
the peak at 100 shards and 5 epochs over that at 10 shards and 1 epoch. Five minutes on two cores.

`python benchmarks/input_memory.py [--threads N]`; JSON=1 prints one JSON document.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from materials import prepare
from sky import source_folder
from watch import ALL_CORES, say, watch

from gztrain.data import open_reader, order, select
from gztrain.data.dataset import open_dataset
from gztrain.environment import ALLOCATOR

READERS = ("native", "tf")
COPIES = {"10": 1, "100": 10}
EPOCHS = (1, 5)
BATCH = 256


def read(folder: Path, name: str, threads: int, epochs: int) -> None:
    """What is watched: read a data set some times over."""
    selection, reader = select(open_dataset(folder), views=5), open_reader(name, threads=threads)
    for epoch in range(epochs):
        places = order(0, epoch, len(selection))
        seen = sum(len(batch) for batch in reader.batches(selection, places, BATCH, epoch=epoch))
        if seen != len(selection):
            raise SystemExit(f"{seen} records of {len(selection)}")


def multiply(source: Path, target: Path, copies: int) -> Path:
    """A data set that has every shard of another so many times, under as many names."""
    manifest = json.loads((source / "manifest.json").read_text())
    target.mkdir()
    for split in manifest["splits"].values():
        listed = split["shards"]
        split["shards"] = [{**shard, "file": f"{copy}-{shard['file']}"} for copy in range(copies) for shard in listed]
        for shard in split["shards"]:
            (target / shard["file"]).hardlink_to(source / shard["file"].split("-", 1)[1])
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


def measure(folder: Path, threads: int) -> dict[str, dict[str, float]]:
    """Peak memory in MB of every reader, by "shards/epochs"."""
    prepare(source_folder(folder), folder / "set", "shards.min_bins=1", "views.count=5")
    sets = {shards: multiply(folder / "set", folder / shards, copies) for shards, copies in COPIES.items()}
    peaks: dict[str, dict[str, float]] = {}
    for name in READERS:
        peaks[name] = {}
        for shards, path in sets.items():
            for epochs in EPOCHS:
                command = [sys.executable, __file__, "--read", str(path), name, str(threads), str(epochs)]
                seen = watch(command, ALL_CORES, settings=ALLOCATOR, sample=0.05)
                peaks[name][f"{shards}/{epochs}"] = round(seen.peak_mb, 1)
                say(f"{name}, {shards} shards, {epochs} epochs: {seen.peak_mb:.0f} MB, {seen.seconds:.0f} s")
    return peaks


def summarise(peaks: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The peaks, and how level they are."""
    return {
        name: {"peak_mb": points, "level": round(points["100/5"] / points["10/1"], 4)} for name, points in peaks.items()
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Peak memory of our readers.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--read", nargs=4, metavar=("FOLDER", "READER", "THREADS", "EPOCHS"), help="be the watched one")
    given = parser.parse_args()
    if given.read:
        folder, name, threads, epochs = given.read
        read(Path(folder), name, int(threads), int(epochs))
        return
    with tempfile.TemporaryDirectory(prefix="gztrain-bench-") as place:
        document = summarise(measure(Path(place), given.threads))
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write(f"{'shards/epochs':<16}" + "".join(f"{name:>12}" for name in document) + "\n")
    for point in document[READERS[0]]["peak_mb"]:
        cells = (f"{row['peak_mb'][point]:>9.0f} MB" for row in document.values())
        sys.stdout.write(f"{point:<16}" + "".join(cells) + "\n")
    sys.stdout.write(f"{'level':<16}" + "".join(f"{row['level']:>12.3f}" for row in document.values()) + "\n")


if __name__ == "__main__":
    main()
