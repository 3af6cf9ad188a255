"""Memory, speed and interruption of ``gztrain predict --catalogue`` on a large catalogue.

Usage: python benchmarks/catalogue_rows.py RUN IMAGES [--rows 50000] [--turns 25] [--format parquet]

RUN is a trained run, IMAGES a folder of images, each of which stands for many rows. Prints one JSON document:

- ``speed``: what 3,072 galaxies take of ``predict`` on the images alone, and of the catalogue, in one process, in
  turns, each of which begins with the other one: reading, looking, writing the rows, and putting parts together.
  Starting does not count. ``predict`` and ``catalogue`` are galaxies/s, ``ratio`` is the median over the turns of the
  catalogue's speed over that of ``predict``, with its quartiles; ``cpu_ratio`` is the same of processor time.
  ``--rows 0``: this alone;
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
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from gztrain.environment import start_keras

PARTS = 3


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


def speeds(run: Path, images: Path, folder: Path, turns: int) -> dict[str, Any]:
    """Galaxies/s of both ways, on the same images, in turns."""
    from gztrain.predict.threads import reading_threads

    folder.mkdir()
    with reading_threads() as pool:
        ways = {"predict": _predicting(run, images, folder), "catalogue": _cataloguing(run, images, folder, pool)}
        took: dict[str, list[Taken]] = {name: [] for name in ways}
        for turn in range(2 + turns):
            for name in sorted(ways, reverse=turn % 2 == 0):
                took[name].append(taken(ways[name]))
    pairs = list(zip(took["predict"][2:], took["catalogue"][2:], strict=True))
    number = len(_some(images))
    rates = {name: [number / one.clock for one in times[2:]] for name, times in took.items()}
    return {
        "turns": turns,
        **{name: round(statistics.median(some), 1) for name, some in rates.items()},
        "ratio": _quartiles([theirs.clock / ours.clock for theirs, ours in pairs]),
        "cpu_ratio": _quartiles([theirs.cpu / ours.cpu for theirs, ours in pairs]),
    }


def _quartiles(values: list[float]) -> list[float]:
    """Median and quartiles: the median first."""
    low, middle, high = statistics.quantiles(values, n=4)
    return [round(value, 3) for value in (middle, low, high)]


def _some(images: Path) -> list[Path]:
    """As many images as some parts have, each as often as need be."""
    from gztrain.predict.crops import find_files
    from gztrain.predict.images import ROW_GROUP

    files = find_files([images]).images
    return [files[row % len(files)] for row in range(PARTS * ROW_GROUP)]


def _predicting(run: Path, images: Path, folder: Path) -> Callable[[], None]:
    """Predicting the images of some parts, and writing the rows."""
    from gztrain.predict.images import columns, cut_of, predict_files
    from gztrain.runs.folder import open_run

    opened, files = open_run(run), _some(images)
    model, cut = opened.model(), cut_of(opened, resize=False)

    def work() -> None:
        with pq.ParquetWriter(folder / "p.parquet", columns(opened.scheme)) as out:
            rows = predict_files(files, model.predict_on_batch, cut=cut, scheme=opened.scheme)
            out.write_table(pa.Table.from_batches(list(rows)))

    return work


def _cataloguing(run: Path, images: Path, folder: Path, pool: Executor) -> Callable[[], object]:
    """Making a catalogue of the same images."""
    from gztrain.predict.catalogue import make as making
    from gztrain.predict.catalogue.columns import columns_of
    from gztrain.predict.catalogue.rows import RowMaker
    from gztrain.predict.catalogue.source import open_source
    from gztrain.predict.images import cut_of

    files = [str(path.relative_to(images)) for path in _some(images)]
    write_catalogue(folder / "rows.parquet", files, len(files))
    request = making.CatalogueRequest((run,), folder / "rows.parquet", images, folder / "votes.parquet")
    source, member = open_source(request.catalogue, ()), making._open_member(run, None)  # noqa: SLF001 -- as it does
    fitted = member.fitted
    doubts = {"doubt": fitted.familiar is not None, "picture": fitted.picture is not None}
    columns = columns_of(source, member.run.scheme, **doubts, members=1)
    maker = RowMaker((member,), source.carried, cut_of(member.run, resize=False), columns, pool)
    whole = making._Work(request, source, maker, {})  # noqa: SLF001

    return lambda: making._make(whole, lambda _: None)


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
    from gztrain.predict.catalogue.make import part_file

    process = subprocess.Popen([sys.executable, __file__, *arguments])  # noqa: S603 -- this file
    last = part_file(out, max(1, parts // 2) - 1)
    while process.poll() is None and not last.exists():
        time.sleep(0.05)
    process.kill()
    if process.wait() != -signal.SIGKILL:
        raise SystemExit("The process that was to be killed half-way had ended before.")


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
    parser.add_argument("--turns", type=int, default=25, help="how often both ways are timed")
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
        told["speed"] = speeds(options.run, options.images, folder / "speed", options.turns)
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
