"""Memory, speed and interruption of ``gztrain predict --catalogue`` on a large catalogue.

Usage: python benchmarks/catalogue_rows.py RUN IMAGES [--rows 50000] [--speed-rows 4000] [--turns 5] [--format parquet]

RUN is a trained run, IMAGES a folder of images, each of which stands for many rows. Prints one JSON document:

- ``speed``: galaxies/s of ``predict`` on the images alone, and of the catalogue. Both do a quarter of the rows and all
  of them, and the difference counts, so that the start does not; ``start`` is what the start takes, in seconds. They
  take turns, after one turn that is not counted, and each turn begins with the other one. ``ratio`` is the median over
  the turns of the catalogue's speed over that of ``predict``; ``cpu_ratio`` is the same of galaxies a second of
  processor time, which depends less on what else the machine does. ``--rows 0``: this alone;
- ``seconds``: for all rows at once;
- ``memory``: resident MB of the process after each tenth of the rows, and its peak with the output written;
- ``interrupted``: a process that makes the same file is killed when half of the parts are there, and run again;
  ``rows_kept`` are those that the second process found, and ``equal`` says whether its bytes are those of the file that
  was made at once.
"""

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from gztrain.environment import start_keras


def write_catalogue(path: Path, images: list[str], rows: int) -> None:
    """A catalogue of so many rows; row i shows image i modulo their number."""
    with pq.ParquetWriter(path, pa.schema([("id", pa.string()), ("path", pa.string())])) as writer:
        for start in range(0, rows, 100_000):
            here = range(start, min(start + 100_000, rows))
            names = [images[row % len(images)] for row in here]
            writer.write_table(pa.table({"id": [f"row {row:09d}" for row in here], "path": names}))


def resident() -> float:
    """MB of this process that are in memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


class Taken(NamedTuple):
    """Seconds by the clock, and of processor time of all threads."""

    clock: float
    cpu: float


def taken(work: Callable[[], Any]) -> Taken:
    """How long it takes."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - clock, time.process_time() - cpu)


def speeds(run: Path, images: Path, folder: Path, rows: int, turns: int) -> dict[str, Any]:
    """Galaxies/s of both ways, on the same images, in turns."""
    sizes = (rows // 4, rows)
    ways = {size: _ways(run, images, folder / str(size), size) for size in sizes}
    slopes: dict[str, list[Taken]] = {"predict": [], "catalogue": []}
    starts: dict[str, list[float]] = {"predict": [], "catalogue": []}
    for turn in range(1 + turns):
        for name in sorted(slopes, reverse=turn % 2 == 0):
            few, all_of_them = (taken(ways[size][name]) for size in sizes)
            more = sizes[1] - sizes[0]
            slope = Taken((all_of_them.clock - few.clock) / more, (all_of_them.cpu - few.cpu) / more)
            slopes[name].append(slope)
            starts[name].append(few.clock - sizes[0] * slope.clock)
    pairs = list(zip(slopes["predict"][1:], slopes["catalogue"][1:], strict=True))
    ratios = [theirs.clock / ours.clock for theirs, ours in pairs]
    return {
        "rows": rows,
        **{name: round(statistics.median(1 / one.clock for one in slopes[name][1:]), 1) for name in slopes},
        "start": {name: round(statistics.median(starts[name][1:]), 2) for name in starts},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "cpu_ratio": round(statistics.median(theirs.cpu / ours.cpu for theirs, ours in pairs), 3),
        "cpu_ratios": [round(theirs.cpu / ours.cpu, 3) for theirs, ours in pairs],
    }


def _ways(run: Path, images: Path, folder: Path, rows: int) -> dict[str, Callable[[], Any]]:
    """Predicting so many images, and making a catalogue of them."""
    from gztrain.predict.catalogue.make import CatalogueRequest, make_catalogue
    from gztrain.predict.crops import find_files
    from gztrain.predict.images import predict

    folder.mkdir()
    files = find_files([images]).images
    write_catalogue(folder / "rows.parquet", [str(path.relative_to(images)) for path in files], rows)
    request = CatalogueRequest((run,), folder / "rows.parquet", images, folder / "votes.parquet")
    links = _linked([files[row % len(files)] for row in range(rows)], folder / "links")
    return {
        "predict": lambda: predict(run, [links], folder / "p.parquet"),
        "catalogue": lambda: make_catalogue(request),
    }


def _linked(files: list[Path], folder: Path) -> Path:
    """A folder with a link a row, for ``predict`` takes each path once."""
    folder.mkdir()
    for number, path in enumerate(files):
        (folder / f"{number:07d}{path.suffix}").symlink_to(path.resolve())
    return folder


def make(run: Path, catalogue: Path, images: Path, out: Path) -> tuple[list[float], int]:
    """Make the file; gives the memory after each tenth of the rows, and how many rows were there before."""
    from gztrain.predict.catalogue.make import CatalogueRequest, make_catalogue

    rows, done, seen = pq.read_metadata(catalogue).num_rows, 0, []

    def note(more: int) -> None:
        nonlocal done
        done += more
        if done * 10 // rows > len(seen):
            seen.append(round(resident(), 1))

    counts = make_catalogue(CatalogueRequest((run,), catalogue, images, out), note)
    return seen, int(counts["from_before"])


def killed(arguments: list[str], out: Path, parts: int) -> None:
    """Start the same in another process, and kill it once half of the parts are there."""
    process = subprocess.Popen([sys.executable, __file__, *arguments])  # noqa: S603 -- this file
    last = out.with_name(f".{out.name}.parts") / f"part-{max(1, parts // 2) - 1:06d}.parquet"
    while process.poll() is None and not last.exists():
        time.sleep(0.05)
    process.kill()
    process.wait()


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--speed-rows", type=int, default=4_000, help="rows that a speed is measured on")
    parser.add_argument("--turns", type=int, default=5, help="how often both ways are timed")
    parser.add_argument("--format", default="parquet", choices=("parquet", "csv", "fits", "vot"))
    parser.add_argument("--make", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    start_keras()
    if options.make:
        make(options.run, options.make[0], options.images, options.make[1])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = measured(options, folder) if options.rows else {}
        told["speed"] = speeds(options.run, options.images, folder, options.speed_rows, options.turns)
        sys.stdout.write(json.dumps(told, indent=2) + "\n")


def measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Memory, time and interruption."""
    from gztrain.predict.crops import find_files
    from gztrain.predict.images import ROW_GROUP

    files = [str(path.relative_to(options.images)) for path in find_files([options.images]).images]
    catalogue = folder / "rows.parquet"
    write_catalogue(catalogue, files, options.rows)
    once, again = (folder / f"{name}.{options.format}" for name in ("once", "again"))
    began = time.perf_counter()
    memory, _ = make(options.run, catalogue, options.images, once)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    killed(
        [str(options.run), str(options.images), "--make", str(catalogue), str(again)], again, options.rows // ROW_GROUP
    )
    _, kept = make(options.run, catalogue, options.images, again)
    return {
        "rows": options.rows,
        "format": options.format,
        "seconds": round(took, 1),
        "memory": {"after_each_tenth_mb": memory, "peak_mb": round(peak, 1)},
        "interrupted": {"rows_kept": kept, "equal": digest(once) == digest(again)},
    }


if __name__ == "__main__":
    main()
