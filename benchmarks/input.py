"""How fast galaxies come: our readers against bare decoding of the same images, a second thread, and other loaders.

Everyone is a process of its own that reads the same galaxies again and again when it is told (benchmarks/relay.py),
pinned to one core (where two threads are named: to two), under the allocator setting that gztrain makes for itself,
with a warm page cache and after one reading that is not measured. Everyone is read once a round, each round from
another starting place; a ratio is taken within a round, and the median of five rounds is reported. Who has batches
makes them of 256; our readers shuffle, check every checksum and bring ids, votes and labels, the bare loops and most
others none.

`tf_over_decode` and `native_over_decode` are the shares of bare decoding that our readers keep. galaxy-datasets reads
424 px frames and is measured twice: scaled to our 224 px, which is what the ratio is taken with, and as they are. CPU
seconds are noted as well: `cpu` holds the same ratios by CPU time, which a busy machine distorts less.

`python benchmarks/input.py`: ten minutes. `--quick`: a minute, without peers, figures good for nothing but seeing that
it runs. `--only NAME ...`: some of them. JSON=1: one JSON document.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from materials import make_materials
from readers import (
    GALAXY_DATASETS,
    GALAXY_DATASETS_424,
    GRAIN,
    HF,
    HF_SIMPLEJPEG,
    KERAS_CROPS,
    KERAS_FRAMES,
    LOOP,
    LOOP_TWO,
    NATIVE,
    NATIVE_TWO,
    OURS,
    PEERS,
    TF,
    TF_ACCURATE,
    TF_LOOP,
    TF_TWO,
    WEBDATASET,
    WEBDATASET_SIMPLEJPEG,
    Loader,
    Pass,
    started,
)
from watch import say

from gztrain.environment import ALLOCATOR

ROUNDS = 5
GALAXIES = 2000
QUICK_GALAXIES, QUICK_SHARE = 200, 0.1
RATIOS: dict[str, tuple[Loader, Loader, float | None]] = {
    "tf_over_decode": (TF, TF_LOOP, 0.90),
    "tf_over_decode_accurate": (TF, TF_ACCURATE, None),
    "native_over_decode": (NATIVE, LOOP, 0.75),
    "native_two_threads_over_one": (NATIVE_TWO, NATIVE, 1.8),
    "decode_two_threads_over_one": (LOOP_TWO, LOOP, None),
    "tf_two_threads_over_one": (TF_TWO, TF, None),
    "native_over_tf": (NATIVE, TF, None),
    "tf_over_galaxy_datasets": (TF, GALAXY_DATASETS, 7.0),
    "native_over_galaxy_datasets": (NATIVE, GALAXY_DATASETS, 7.0),
    "tf_over_galaxy_datasets_unscaled": (TF, GALAXY_DATASETS_424, None),
    "native_over_galaxy_datasets_unscaled": (NATIVE, GALAXY_DATASETS_424, None),
    "native_over_keras_frames": (NATIVE, KERAS_FRAMES, None),
    "native_over_keras_crops": (NATIVE, KERAS_CROPS, None),
    "native_over_hf_datasets": (NATIVE, HF, None),
    "native_over_hf_datasets_simplejpeg": (NATIVE, HF_SIMPLEJPEG, None),
    "native_over_webdataset": (NATIVE, WEBDATASET, None),
    "native_over_webdataset_simplejpeg": (NATIVE, WEBDATASET_SIMPLEJPEG, None),
    "native_over_grain_array_record": (NATIVE, GRAIN, None),
}
"""Name: whose rate, over whose rate, and the bar that it is held to: no less than this."""
Results = dict[str, list[Pass]]


def measure(loaders: Sequence[Loader], materials: Path, rounds: int, share: float) -> Results:
    """Let everyone read once a round, each round from another starting place."""
    results: Results = defaultdict(list)
    with started(loaders, materials, share) as processes:
        say(f"{len(processes)} loaders are warm")
        for at in range(rounds):
            first = at * len(processes) // rounds
            for one in (*processes[first:], *processes[:first]):
                results[one.loader.name].append(one.read())
            rates = (f"{name} {passes[-1].rate:.0f}" for name, passes in sorted(results.items()))
            say(f"round {at + 1}: {', '.join(rates)} records/s")
    return results


def ratio(results: Results, faster: Loader, slower: Loader, rate: Callable[[Pass], float]) -> float | None:
    """Median over the rounds of one rate over another; None where either was not measured."""
    pairs = zip(results.get(faster.name, []), results.get(slower.name, []), strict=False)
    ratios = [rate(one) / rate(other) for one, other in pairs]
    return round(median(ratios), 4) if ratios else None


def summarise(results: Results, loaders: Sequence[Loader]) -> dict[str, Any]:
    """Everything, as one document."""
    by_wall, by_cpu = (
        {name: ratio(results, faster, slower, rate) for name, (faster, slower, _) in RATIOS.items()}
        for rate in (lambda one: one.rate, lambda one: one.cpu_rate)
    )
    return {**by_wall, "cpu": by_cpu, "loaders": {one.name: describe(one, results[one.name]) for one in loaders}}


def describe(loader: Loader, passes: Sequence[Pass]) -> dict[str, Any]:
    """What was seen of a loader."""
    return {
        "records_per_second": round(median(one.rate for one in passes), 1),
        "records_per_cpu_second": round(median(one.cpu_rate for one in passes), 1),
        "cores": loader.cores,
        "rounds": [[one.records, round(one.seconds, 4), round(one.cpu_seconds, 4)] for one in passes],
    }


def table(document: dict[str, Any], loaders: Sequence[Loader]) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield f"{'':<50}{'records/s':>11}{'a CPU second':>14}"
    for one in loaders:
        row = document["loaders"][one.name]
        yield f"{one.about:<50}{row['records_per_second']:>11.0f}{row['records_per_cpu_second']:>14.0f}"
    yield ""
    yield f"{'':<44}{'ratio':>9}{'by CPU':>9}{'bar':>9}"
    for name, (_, _, bar) in RATIOS.items():
        figure, cpu = document[name], document["cpu"][name]
        if figure is not None:
            met = "" if bar is None or document["quick"] else "  met" if figure >= bar else "  MISSED"
            yield f"{name:<44}{figure:>9.3f}{cpu:>9.3f}{f'>= {bar:g}' if bar else '':>9}{met}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="How fast galaxies come.")
    parser.add_argument("--quick", action="store_true", help="few galaxies, one round, no peers")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in (*OURS, *PEERS)], help="some of the loaders")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds")
    return parser.parse_args()


def choose(given: argparse.Namespace) -> list[Loader]:
    """The loaders to be measured."""
    field = OURS if given.quick else (*OURS, *PEERS)
    chosen = [one for one in field if given.only is None or one.name in given.only]
    absent = [one.name for one in chosen if not one.python.exists()]
    if absent:
        say(f"Left out, for want of an environment (make bench-envs): {', '.join(absent)}")
    return [one for one in chosen if one.python.exists()]


def main() -> None:
    """Measure, and print."""
    given, began = arguments(), time.monotonic()
    loaders, share = choose(given), QUICK_SHARE if given.quick else 1.0
    with tempfile.TemporaryDirectory(prefix="gztrain-bench-") as name:
        galaxies = make_materials(Path(name), QUICK_GALAXIES if given.quick else GALAXIES)
        results = measure(loaders, Path(name), 1 if given.quick else given.rounds, share)
    document = summarise(results, loaders)
    document |= {"quick": given.quick, "galaxies": galaxies, "cores": os.cpu_count(), "allocator": ALLOCATOR}
    document["wall_seconds"] = round(time.monotonic() - began, 1)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write("".join(f"{line}\n" for line in table(document, loaders)))


if __name__ == "__main__":
    main()
