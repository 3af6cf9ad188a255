"""How fast galaxies come to a program: what `gztrain.open_dataset` gives, beside the reader that `gztrain fit` uses.

Each way is a process of its own on two cores, which reads all galaxies when it is told (benchmarks/relay.py): view 0,
224 px, batches of 64, shuffled, with decoded images, from a warm page cache, after one reading that is not measured.
All are read once a round, each round from another starting place; a ratio is taken within a round, and its median is
told. The last two read single records at random places in one thread: `train[i]`, and array_record with the same
parsing and decoding.

`python benchmarks/python_api.py`: five minutes. `--quick`: half a minute, which shows that it runs, not how fast.
JSON=1: one JSON document.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from materials import prepare
from python_feeds import formats_packages
from readers import Loader, Pass, started
from sky import accepted_rows, source_folder, write_sky
from watch import say

GALAXIES, QUICK_GALAXIES = 10_000, 400
ROUNDS = 5
ABOUT = {
    "native": "the reader of gztrain fit, 2 threads",
    "batches": "train.batches, 2 threads",
    "to_tf": "train.to_tf, 2 threads",
    "to_torch": "train.to_torch, DataLoader of 2 workers",
    "to_torch-batches": "the same, a batch at once (BatchSampler)",
    "grain": "grain.MapDataset.source(train), 2 threads",
    "grain-batches": "the same, a batch at once (train[places])",
    "random-ours": "train[i] at random places, 1 thread",
    "random-array_record": "array_record at random places, 1 thread",
}
RATIOS: dict[str, tuple[str, str, float | None]] = {
    "batches_over_native": ("batches", "native", 0.97),
    "to_torch_over_native": ("to_torch", "native", 0.8),
    "to_torch_batches_over_native": ("to_torch-batches", "native", None),
    "grain_over_native": ("grain", "native", 0.8),
    "grain_batches_over_native": ("grain-batches", "native", 0.8),
    "to_tf_over_native": ("to_tf", "native", None),
    "random_over_array_record": ("random-ours", "random-array_record", None),
}
"""Name: whose rate, over whose rate, and the least that it must be."""
Results = dict[str, list[Pass]]


def make_set(folder: Path, galaxies: int) -> int:
    """Make the data set, and the same records as array_record; how many there are."""
    source = source_folder(folder)
    sky = write_sky(source, folder / "sky", galaxies, {"train": (1.0, accepted_rows(source))})
    prepare(sky.data, folder / "set", "views.count=0")
    command = [sys.executable, "-m", "gzprep", "convert", folder / "set", folder / "array_record"]
    subprocess.run([*command, "--to", "array_record"], check=True, capture_output=True)  # noqa: S603
    return int(json.loads((folder / "set" / "manifest.json").read_text())["splits"]["train"]["records"])


def measure(ways: list[str], materials: Path, records: int, rounds: int) -> Results:
    """Let each read once a round, each round from another starting place."""
    results: Results = defaultdict(list)
    cores = {name: 1 if name.startswith("random") else 2 for name in ways}
    loaders = [Loader(name, ABOUT[name], "python_feeds.py", (name,), records, cores[name]) for name in ways]
    with started(loaders, materials, 1.0) as processes:
        for at in range(rounds):
            first = at * len(processes) // rounds
            for one in (*processes[first:], *processes[:first]):
                results[one.loader.name].append(one.read())
            say(f"round {at + 1}: {', '.join(f'{name} {results[name][-1].rate:.0f}' for name in ways)} records/s")
    return results


def ratios(results: Results) -> dict[str, float]:
    """Medians over the rounds of one rate over another, of what was measured."""
    return {
        name: round(median(a.rate / b.rate for a, b in zip(results[one], results[other], strict=True)), 4)
        for name, (one, other, _) in RATIOS.items()
        if one in results and other in results
    }


def table(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the tables."""
    for name, rate in document["records_per_second"].items():
        yield f"{ABOUT[name]:<46}{rate:>9,.0f} records/s"
    yield ""
    for name, value in document["ratios"].items():
        bar = RATIOS[name][2]
        met = "" if bar is None or document["quick"] else "met" if value >= bar else "MISSED"
        yield f"{name:<46}{value:>9.3f}  {'' if bar is None else f'>= {bar:g}'}  {met}".rstrip()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="How fast galaxies come to a program.")
    parser.add_argument("--quick", action="store_true", help="few galaxies, one round")
    parser.add_argument("--only", nargs="+", choices=ABOUT, help="some of the ways")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds")
    return parser.parse_args()


def main() -> None:
    """Measure, and print."""
    given = arguments()
    if not formats_packages().is_dir():
        raise SystemExit("torch and grain are not installed; make bench-python installs them.")
    ways = [name for name in ABOUT if given.only is None or name in given.only]
    with tempfile.TemporaryDirectory(prefix="gztrain-bench-") as name:
        records = make_set(Path(name), QUICK_GALAXIES if given.quick else GALAXIES)
        say(f"{records} records")
        results = measure(ways, Path(name), records, 1 if given.quick else given.rounds)
    rates = {way: round(median(one.rate for one in results[way]), 1) for way in ways}
    document = {"quick": given.quick, "records": records, "records_per_second": rates, "ratios": ratios(results)}
    document["rounds"] = {way: [round(one.rate, 1) for one in results[way]] for way in ways}
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write("".join(f"{line}\n" for line in table(document)))


if __name__ == "__main__":
    main()
