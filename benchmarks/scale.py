"""What a galaxy costs, from a disk and from buckets, and what that makes of a whole survey (docs/scale.md).

Measured on the real galaxies (GZ_REAL_DATA), one worker: processor seconds a galaxy are the slope between two sizes, so
that the start cancels; the buckets are emulators in another process, whose own work is not counted. Then arithmetic
(gzprep/run/cost.py) for three surveys, and a simulation of bins dealt to cores: some cores are slow, some bins lost.

`python benchmarks/scale.py [--galaxies N] [--simulate-only]`; JSON=1 prints one JSON document. About three minutes.
"""

import argparse
import heapq
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from gzcore.engines.dataflow import Fleet  # noqa: E402
from gzcore.storage.places import Url  # noqa: E402
from gzprep.catalogue.find import find_catalogues  # noqa: E402
from gzprep.catalogue.galaxy import pack  # noqa: E402
from gzprep.catalogue.read import read_all  # noqa: E402
from gzprep.catalogue.surveys import gz2  # noqa: E402
from gzprep.config import from_mapping  # noqa: E402
from gzprep.dataset.shards import plan_bins  # noqa: E402
from gzprep.run.cost import Measured, Size, as_json  # noqa: E402
from gzprep.run.dry_run import _KEY_BYTES  # noqa: E402

DATA = Path(os.environ.get("GZ_REAL_DATA", ROOT.parent / "shared" / "data")) / "gz2"
SURVEYS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "GZ2, 12 views": (167_434, 41_859, {}),
    "GZ DESI, 12 views": (8_700_000, 0, {}),
    "GZ DESI, no extra views": (8_700_000, 0, {"views": {"count": 0}}),
    "LSST, no extra views, 1 GB shards": (10**10, 0, {"views": {"count": 0}, "shards": {"megabytes": 1024}}),
    "LSST, 12 views, 1 GB shards": (10**10, 0, {"shards": {"megabytes": 1024}}),
    "one of 1,000 parts of LSST, 12 views": (10**7, 0, {}),
}
EMULATOR = """
import sys, time
sys.path.insert(0, sys.argv[1])
from tests import clouds
with getattr(clouds, sys.argv[2])() as address:
    print(address, flush=True)
    sys.stdin.read()
"""


def cpu_of(arguments: list[str], environment: dict[str, str]) -> float:
    """Processor seconds of a run with one worker."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call = [sys.executable, "-m", "gzprep", "run", *arguments, "--workers", "1", "--set", "max_reject_share=1"]
    subprocess.run(call, check=True, env={**os.environ, **environment}, capture_output=True, cwd=ROOT)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def slope(data: str, out: str, galaxies: int, environment: dict[str, str], views: int = 12) -> float:
    """Processor seconds a galaxy."""
    small, large = galaxies // 5, galaxies
    seconds = [
        cpu_of(["--data", data, "--out", f"{out}-{views}-{n}", "--limit", str(n), "--views", str(views)], environment)
        for n in (small, large)
    ]
    return (seconds[1] - seconds[0]) / (large - small)


@contextmanager
def emulator(name: str) -> Iterator[str]:
    """A bucket in a process of its own."""
    call = [sys.executable, "-c", EMULATOR, str(ROOT), name]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as it:  # noqa: S603
        try:
            yield it.stdout.readline().strip() if it.stdout else ""
        finally:
            it.terminate()


def measure(galaxies: int) -> dict[str, Any]:
    """Everything that is measured."""
    from tests import clouds

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        found["disk"] = slope(str(DATA), f"{folder}/out", galaxies, {})
        found["disk, no extra views"] = slope(str(DATA), f"{folder}/out", galaxies, {}, views=0)
        made = Path(f"{folder}/out-12-{galaxies}")
        manifest = json.loads((made / "manifest.json").read_text())
        found |= sizes_of(made, manifest)
        for scheme, name, variable in (
            ("gs", "google", "STORAGE_EMULATOR_HOST"),
            ("s3", "amazon", "AWS_ENDPOINT_URL_S3"),
        ):
            with emulator(name) as address:
                environment = {variable: address, **clouds.CREDENTIALS}
                os.environ.update(environment)
                clouds.upload(DATA, Url(scheme, clouds.BUCKET, "sky"))
                place = f"{scheme}://{clouds.BUCKET}"
                found[scheme] = slope(f"{place}/sky", f"{place}/out", galaxies, environment)
    return found


def sizes_of(made: Path, manifest: dict[str, Any]) -> dict[str, float]:
    """Bytes of what was made, a galaxy, a record, a shard."""
    galaxies = manifest["counts"]["all"]["in"]
    splits = manifest["splits"].values()
    rows = [pack(galaxy) for galaxy in read_all(find_catalogues(DATA), gz2())]
    entry = json.dumps({"splits": {"train": {"shards": [manifest["splits"]["train"]["shards"][0]]}}}, indent=2)
    return {
        "record_bytes": sum(split["bytes"] for split in splits) / sum(split["records"] for split in splits),
        "row_bytes": sum(map(len, rows)) / len(rows) + _KEY_BYTES,
        "catalogue_bytes": (made / "catalogue.parquet").stat().st_size / galaxies,
        "manifest_bytes_a_shard": len(entry),
        "train_share": manifest["counts"]["train"]["in"] / galaxies,
    }


def simulate(bins: int, cores: int, seconds: float, slow: float, lost: float) -> float:
    """Time of the slowest core over that of a perfect deal.

    Args:
        bins: units of work.
        cores: that do them.
        seconds: a bin takes on average; its galaxies differ by a tenth.
        slow: share of cores that take three times as long.
        lost: share of bins whose worker is taken away when half of it is done.
    """
    chance = random.Random(0)
    speed = [3.0 if chance.random() < slow else chance.gauss(1.0, 0.05) for _ in range(cores)]
    free = [(0.0, core) for core in range(cores)]
    heapq.heapify(free)
    for _ in range(bins):
        at, core = heapq.heappop(free)
        took = seconds * max(chance.gauss(1.0, 0.1), 0.3) * max(speed[core], 0.5)
        heapq.heappush(free, (at + took * (1.5 if chance.random() < lost else 1.0), core))
    return max(at for at, _ in free) / (bins * seconds / cores)


def surveys(measured: Measured) -> dict[str, Any]:
    """The cost of each survey, on a fleet of 100 machines of 8 cores."""
    found = {}
    for name, (train, test, values) in SURVEYS.items():
        recipe = from_mapping(values)
        size = Size(train, test, recipe.views.count, plan_bins(train, test, recipe), parts=500)
        found[name] = as_json(size, measured, Fleet(), recipe.shards.megabytes)
    return found


def shard_sizes(measured: Measured) -> list[dict[str, Any]]:
    """How well the bins of Galaxy Zoo 2 and of GZ DESI keep cores busy, by size of a shard."""
    rows = []
    for name, cores in (("GZ2, 12 views", 8), ("GZ2, 12 views", 80), ("GZ DESI, 12 views", 800)):
        train, test, _ = SURVEYS[name]
        for megabytes in (16, 64, 128, 512, 1024):
            counts = plan_bins(train, test, from_mapping({"shards": {"megabytes": megabytes}}))
            bins = counts.train
            seconds = train / bins * (measured.galaxy_seconds + 13 * measured.record_seconds)
            row = {
                "survey": name,
                "cores": cores,
                "megabytes": megabytes,
                "bins": bins,
                "bin_seconds": round(seconds, 1),
            }
            for label, slow, lost in (("even", 0.0, 0.0), ("slow", 0.05, 0.0), ("slow, lost", 0.05, 0.02)):
                row[label] = round(simulate(bins, cores, seconds, slow, lost), 2)
            rows.append(row)
    return rows


def show(document: dict[str, Any]) -> None:
    """Print the tables."""
    out = sys.stdout
    for name, value in document["measured"].items():
        out.write(f"{name:<24}{value * 1e3:9.2f} ms\n" if value < 0.1 else f"{name:<24}{value:9.1f}\n")
    for name, cost in document["surveys"].items():
        out.write(f"\n{name}\n")
        for key, value in cost.items():
            if key not in ("measured", "warnings"):
                out.write(f"  {key:<20}{value:>20,.4g}\n")
        for warning in cost["warnings"]:
            out.write(f"  ! {warning}\n")
    out.write(f"\n{'survey':<20}{'cores':>6}{'MB':>6}{'bins':>7}{'s a bin':>9}{'even':>7}{'slow':>7}{'+ lost':>7}\n")
    for row in document["shard_sizes"]:
        out.write(
            f"{row['survey']:<20}{row['cores']:>6}{row['megabytes']:>6}{row['bins']:>7}{row['bin_seconds']:>9}"
            f"{row['even']:>7}{row['slow']:>7}{row['slow, lost']:>7}\n"
        )


def main() -> None:
    """Measure, reckon, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--galaxies", type=int, default=750)
    parser.add_argument("--simulate-only", action="store_true", help="take the figures of docs/scale.md")
    wanted = parser.parse_args()
    began = time.monotonic()
    figures = (
        {
            "disk": 0.00655,
            "disk, no extra views": 0.00125,
            "gs": 0.00825,
            "record_bytes": 8389.0,
            "row_bytes": 213.0,
            "train_share": 0.8,
        }
        if wanted.simulate_only
        else measure(wanted.galaxies)
    )
    record = (figures["disk"] - figures["disk, no extra views"]) / (12 * figures["train_share"])
    galaxy = figures["gs"] - figures["disk"] + figures["disk, no extra views"] - record
    measured = Measured(galaxy, record, figures["record_bytes"], figures["row_bytes"])
    document = {"measured": figures, "surveys": surveys(measured), "shard_sizes": shard_sizes(measured)}
    document["seconds"] = round(time.monotonic() - began)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        show(document)


if __name__ == "__main__":
    main()
