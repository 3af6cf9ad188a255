"""Where our time goes, stage by stage, in microseconds a galaxy: the code of one worker over a few hundred galaxies.

Every function named in ``STAGES`` is timed from outside, less the stages it calls itself; what a timer costs (0.3 us a
call) is in the figures. "other" is what no stage covers. The floor runs in the same process, round by round; there, the
bytes around the image, their CRC and the write are one stage. Of each stage the least of the rounds is shown.

`python benchmarks/stages.py [GALAXIES]`; JSON=1 prints one JSON document.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
from floor import run_floor
from sky import Sky, accepted_rows, source_folder, write_sky
from watch import last_cores

Table = list[dict[str, float]]
ROUNDS = 5
STAGES: dict[str, tuple[str, str]] = {
    "read file": ("gzprep.prepare.galaxy.read_image", "floor.read"),
    "labels": ("gzprep.prepare.galaxy.label", ""),
    "header": ("gzprep.images.opening.check_header gzprep.images.opening.read_header", ""),
    "decode": ("gzprep.images.opening.decode_noted", "floor.Floor.decode"),
    "detectors": ("gzprep.prepare.galaxy.judge", ""),
    "digest of the image": ("gzprep.prepare.galaxy.image_digest", ""),
    "label bytes": ("gzprep.prepare.galaxy.galaxy_entries", ""),
    "draw views": ("gzprep.prepare.galaxy.draw_views", ""),
    "geometry": ("gzprep.images.views.warp gzprep.images.views.to_rgb", "floor.Floor.warped floor.Floor.moved"),
    "blur": ("gzprep.images.views.blur", "floor.blur"),
    "noise": ("gzprep.images.views.noise", "floor.Noise.add"),
    "denoise": ("gzprep.images.views.denoise", "floor.denoise"),
    "render, rest": ("gzprep.prepare.galaxy.render", "floor.Floor.view"),
    "encode": ("gzprep.prepare.galaxy.encode", "floor.encode"),
    "describe": ("gzprep.prepare.galaxy.describe", ""),
    "serialize": ("gzprep.prepare.galaxy.serialize", ""),
    "order": ("gzprep.prepare.galaxy.order_of", ""),
    "spool": ("gzprep.dataset.spool.Spool.add gzprep.dataset.spool.Spool._read", ""),
    "framing, CRC": ("gzprep.dataset.spool.frame", ""),
    "write, SHA-256, disk": ("gzprep.prepare.bin._write_shard", "floor.Floor.record"),
    "hash of the inputs": ("gzprep.prepare.bin.hash_inputs", ""),
    "bin record": ("gzprep.prepare.bin.write_finished gzprep.prepare.bin._summarise", ""),
}
"""Stage: our functions and the floor's, named where they are looked up by those who call them."""


class Stopwatch:
    """Seconds of each stage, less those of the stages within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time noted."""

        def timer(*args: Any, **options: Any) -> Any:  # noqa: ANN401 -- whatever the function takes
            self._inner.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                took = time.perf_counter() - began
                self.seconds[stage] += took - self._inner.pop()
                self._inner[-1] += took

        return timer


def install(watch: Stopwatch, column: int) -> None:
    """Put a timer around every stage's functions; one that has gone is left out."""
    for stage, names in STAGES.items():
        for name in names[column].split():
            holder, _, attribute = name.rpartition(".")
            place = _find(holder)
            if hasattr(place, attribute):
                setattr(place, attribute, watch.timed(stage, getattr(place, attribute)))
            else:
                sys.stderr.write(f"{name} is not there any more; its time is in its caller's\n")


def install_pixel_operations() -> None:
    """Let gzprep's table of operations, made before there were timers, point to what has one."""
    views = importlib.import_module("gzprep.images.views")
    views._PIXEL_OPS.update((name, getattr(views, name)) for name in list(views._PIXEL_OPS))  # noqa: SLF001


def _find(name: str) -> Any:  # noqa: ANN401 -- a module or a class
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def run_bins(sky: Sky, out: Path) -> float:
    """Write all bins of a sky in this process; seconds."""
    from gzprep.catalogue.read import read_all
    from gzprep.config import Recipe, Shards
    from gzprep.prepare import bin as bins
    from gzprep.run import launch

    job = launch.plan(launch.RunRequest(out, Recipe(shards=Shards(min_bins=1)), sky.data))
    job.folder.prepare()
    groups = defaultdict(list)
    for galaxy in read_all(job.source.catalogues, job.recipe.survey):
        groups[job.bin_of(galaxy.id, galaxy.split)].append(galaxy)
    began = time.perf_counter()
    for target, rows in groups.items():
        bins.write_bin(job, target, rows, lambda _: None)
    return time.perf_counter() - began


def measure(galaxies: int) -> Table:
    """Microseconds a galaxy of each stage, ours and the floor's: the least of the rounds, the least disturbed."""
    with tempfile.TemporaryDirectory() as name:
        source = source_folder(Path(name))
        sky = write_sky(source, Path(name) / "data", galaxies, {"train": (1.0, accepted_rows(source))})
        images = [Path(line) for line in sky.images.read_text().splitlines()]
        out = (Path(name) / f"out-{at}" for at in range(2 * ROUNDS))
        runs = (lambda: run_bins(sky, next(out)), lambda: galaxies * run_floor(images, next(out)))
        watches = (Stopwatch(), Stopwatch())
        for column, one in enumerate(watches):
            install(one, column)
        install_pixel_operations()
        rounds = [[_one_round(one, run) for one, run in zip(watches, runs, strict=True)] for _ in range(ROUNDS)]
    return [_least(column, galaxies) for column in zip(*rounds, strict=True)]


def _one_round(watch: Stopwatch, run: Callable[[], float]) -> dict[str, float]:
    watch.seconds.clear()
    total = run()
    return dict(watch.seconds) | {"other": total - sum(watch.seconds.values()), "all": total}


def _least(rounds: Sequence[dict[str, float]], galaxies: int) -> dict[str, float]:
    return {stage: 1e6 * min(one[stage] for one in rounds) / galaxies for stage in rounds[0]}


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, last_cores(1))
    ours, floor = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps({"ours": ours, "floor": floor}) + "\n")
        return
    sys.stdout.write(f"{'us a galaxy':<22}{'ours':>9}{'floor':>9}\n")
    for stage in (*STAGES, "other", "all"):
        sys.stdout.write(f"{stage:<22}{ours.get(stage, 0):9.1f}{floor.get(stage, 0):9.1f}\n")


if __name__ == "__main__":
    main()
