"""Memory, speed and interruption of ``gztrain predict --catalogue`` on a large catalogue.

Usage: python benchmarks/catalogue_rows.py RUN IMAGES [--rows 50000] [--speed-rows 2000] [--format parquet]

RUN is a trained run, IMAGES a folder of images, each of which stands for many rows. Prints one JSON document:

- ``speed``: galaxies/s of ``predict`` on the images alone, and of the catalogue, in turns, after one turn that is not
  counted; ``ratio`` is the median of the catalogue's over that of ``predict``, and ``ratios`` has that of each turn;
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
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gztrain.environment import start_keras

TURNS = 5


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


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speeds(run: Path, images: Path, folder: Path, least: int) -> dict[str, Any]:
    """Galaxies/s of both ways, on the same images, in turns; so many rows at least."""
    from gztrain.predict.catalogue.make import CatalogueRequest, make_catalogue
    from gztrain.predict.crops import find_files
    from gztrain.predict.images import predict

    files = find_files([images]).images
    repeated = [path for _ in range(-(-least // len(files))) for path in files]
    catalogue = folder / "speed.parquet"
    write_catalogue(catalogue, [str(path.relative_to(images)) for path in files], len(repeated))
    request = CatalogueRequest((run,), catalogue, images, folder / "votes.parquet")
    links = _linked(repeated, folder / "links")
    took: dict[str, list[float]] = {"predict": [], "catalogue": []}
    for _ in range(1 + TURNS):
        took["predict"].append(seconds(lambda: predict(run, [links], folder / "p.parquet")))
        took["catalogue"].append(seconds(lambda: make_catalogue(request)))
    found = {name: [len(repeated) / time for time in times[1:]] for name, times in took.items()}
    middle = {name: statistics.median(rates) for name, rates in found.items()}
    return {
        "rows": len(repeated),
        **{name: round(value, 1) for name, value in middle.items()},
        "ratio": round(middle["catalogue"] / middle["predict"], 3),
        "ratios": [round(ours / theirs, 3) for theirs, ours in zip(*found.values(), strict=True)],
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
    parser.add_argument("--speed-rows", type=int, default=2_000, help="rows that a speed is measured on, at least")
    parser.add_argument("--format", default="parquet", choices=("parquet", "csv", "fits", "vot"))
    parser.add_argument("--make", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    start_keras()
    if options.make:
        make(options.run, options.make[0], options.images, options.make[1])
        return
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(json.dumps(measured(options, Path(name)), indent=2) + "\n")


def measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures."""
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
        "speed": speeds(options.run, options.images, folder, options.speed_rows),
    }


if __name__ == "__main__":
    main()
