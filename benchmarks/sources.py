"""Files, parquet, tar and FITS: what reading an image takes, and what a whole run takes, one worker, one view.

The same galaxies lie in every source: FITS as three planes of 8 bits, parquet in row groups of 100, in another order
than the catalogue's. `read` is the time of an image of reading alone, of CPU and by the clock, with the index and the
copying of parquet in it.
`ms` of a run is the slope between two numbers of galaxies, so start-up does not count: by the clock, and of CPU. A run
has `--cores`: with two of them parquet is copied while libraries are imported, and the clock does not count it. Each
round begins with another source. Ratios are taken within a round, against files; told are their median and quartiles.
Peak memory is given at both sizes. `--check` compares the shards.

What was just written is still in memory. A run reads each image once, so what counts for images that were not used
today is `--cold`: before each measurement the kernel forgets the images. Root can have it forget the names of files,
too (/proc/sys/vm/drop_caches, which is all that is in memory of any file; then our own libraries are read again by a
small run). Else it forgets the contents alone. Then the clock also counts the waiting for the disk.

`python benchmarks/sources.py [--rounds N] [--sizes A B] [--kinds files parquet] [--check] [--cold] [--cores N]`; JSON=1
prints one JSON document. Reading alone, in a minute: `--rounds 0`.
"""

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contestants import ONE_VIEW, gzprep_command
from course import Course, Pair
from sky import Sky
from watch import last_cores, say, watch

Source = tuple[str | Path, ...]
_GROUP = 100
_PLACE = ("id_str", "subfolder", "filename")
_DROP = Path("/proc/sys/vm/drop_caches")
"""Where root tells Linux to forget what it has read."""


def _ids_and_images(sky: Sky) -> list[tuple[str, Path]]:
    rows = pq.read_table(
        sky.data / "gz2_train_catalog.parquet", columns=["id_str", "subfolder", "filename"]
    ).to_pylist()
    pairs = [(str(row["id_str"]), sky.data / "images" / row["subfolder"] / row["filename"]) for row in rows]
    random.Random(0).shuffle(pairs)
    return pairs


def as_files(sky: Sky) -> Source:
    """The images as they are."""
    return ("--images", sky.data / "images")


def as_parquet(sky: Sky) -> Source:
    """Hugging Face's layout."""
    path = sky.data / "pictures.parquet"
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("id_str", pa.string()), ("image", kind)])
    pairs = _ids_and_images(sky)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(pairs), _GROUP):
            some = pairs[start : start + _GROUP]
            images = [{"bytes": image.read_bytes(), "path": image.name} for _, image in some]
            writer.write_table(pa.table({"id_str": [name for name, _ in some], "image": images}, schema))
    return ("--images", path)


def as_tar(sky: Sky) -> Source:
    """One tar file."""
    path = sky.data / "pictures.tar"
    with tarfile.open(path, "w") as tar:
        for name, image in _ids_and_images(sky):
            data = image.read_bytes()
            member = tarfile.TarInfo(f"{name}.jpg")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return ("--images", path)


def as_fits(sky: Sky) -> Source:
    """A FITS file an image, with the pixels of the JPEG."""
    from astropy.io import fits

    from gzcore.images import decode

    folder = sky.data / "fits"
    for _, image in _ids_and_images(sky):
        target = folder / image.relative_to(sky.data / "images")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file():
            continue
        planes = np.ascontiguousarray(np.moveaxis(decode(image.read_bytes()), -1, 0)[:, ::-1])
        fits.PrimaryHDU(planes).writeto(target)
    return ("--images", folder)


KINDS: dict[str, Callable[[Sky], Source]] = {
    "files": as_files,
    "parquet": as_parquet,
    "tar": as_tar,
    "FITS": as_fits,
}


def sums(out: Path) -> str:
    """One sum over all shards of a folder."""
    digest = hashlib.sha256()
    for path in sorted(out.glob("*.tfrecord-*")):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def forget(place: Path) -> None:
    """Let the kernel forget a file, or all files of a folder: the next reader waits for the disk."""
    os.sync()  # only what is on the disk can be forgotten
    if os.access(_DROP, os.W_OK):
        _DROP.write_text("3\n", encoding="ascii")  # contents and names
        return
    for path in [place] if place.is_file() else filter(Path.is_file, place.rglob("*")):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Taken(NamedTuple):
    """Seconds an image.

    Attributes:
        cpu: of the processor.
        clock: by the clock.
    """

    cpu: float
    clock: float


def read_all_images(sky: Sky, place: Path, room: Path) -> Taken:
    """What reading takes: the index, the copying of parquet, and each image once in the order of ids."""
    from gzprep.config import Recipe
    from gzprep.images.sources import ImageName, open_images
    from gzprep.images.sources.parquet import ParquetImages, unpack

    rows = pq.read_table(sky.data / "gz2_train_catalog.parquet", columns=list(_PLACE)).to_pylist()
    names = sorted((ImageName(*(str(row[key]) for key in _PLACE)) for row in rows), key=lambda name: name.id)
    pack = room / "images.pack"
    pack.unlink(missing_ok=True)  # a run writes a new one; to write over a file takes twice as long
    cpu, clock = time.process_time(), time.perf_counter()
    images = open_images(place, Recipe())
    if isinstance(images, ParquetImages):
        images = unpack(images, pack, room)
    if not sum(len(images.open(name)) for name in names):
        raise SystemExit(f"There are no images in {place}.")
    return Taken((time.process_time() - cpu) / len(names), (time.perf_counter() - clock) / len(names))


def in_turns(kinds: list[str], number: int) -> list[str]:
    """The sources in the order of a round: each round begins with another one."""
    first = number % len(kinds)
    return kinds[first:] + kinds[:first]


def measure_reading(course: Course, kinds: list[str], size: int, rounds: int, *, cold: bool) -> dict[str, list[Taken]]:
    """What an image takes, round by round, after a first round that is not counted."""
    sky, taken = course.sky(size), defaultdict(list)
    places = {kind: Path(KINDS[kind](sky)[1]) for kind in kinds}
    for number in range(rounds + 1):
        for kind in in_turns(kinds, number):
            if cold:
                forget(places[kind])
            seconds = read_all_images(sky, places[kind], course.folder)
            if number:
                taken[kind].append(seconds)
    return taken


def measure(
    course: Course, kinds: list[str], given: argparse.Namespace
) -> tuple[dict[str, list[Pair]], dict[str, set[str]]]:
    """Run every source at both sizes, round by round; and the sums of what they made of the larger one."""
    sizes, cold = tuple(given.sizes), given.cold
    run, pairs, made = gzprep_command(1, "views.count=0"), defaultdict(list), defaultdict(set)
    sources = {(kind, size): KINDS[kind](course.sky(size)) for kind in kinds for size in sizes}
    for number in range(given.rounds):
        for kind in in_turns(kinds, number):
            seen = []
            for size in sizes:
                out = course.folder / "out"
                command = [*run(course.sky(size), out), *sources[kind, size]]
                if cold:
                    forget(Path(sources[kind, size][1]))
                    course.warm([ONE_VIEW])
                seen.append(watch(command, last_cores(given.cores), out=out))
                made[kind].add(sums(out)) if size == sizes[1] else None
                shutil.rmtree(out)
            pairs[kind].append(Pair(sizes, *seen))
            say(f"{kind:<9}{1e3 * pairs[kind][-1].cpu_seconds:8.2f} ms of CPU a galaxy{seen[1].peak_mb:8.0f} MB")
    return pairs, made


def ratios(some: list[Pair], files: list[Pair], quantity: str) -> list[float]:
    """What a galaxy takes over what it takes from files: the median over the rounds, and the quartiles."""
    each = [getattr(one, quantity) / getattr(other, quantity) for one, other in zip(some, files, strict=True)]
    low, middle, high = quantiles(each, n=4) if len(each) > 1 else each * 3
    return [round(value, 3) for value in (middle, low, high)]


def of_reading(taken: list[Taken], files: list[Taken]) -> dict[str, object]:
    """Microseconds an image, and the median over the rounds of what it takes over what it takes from files."""
    told: dict[str, object] = {}
    for name in Taken._fields:
        own, theirs = ([getattr(one, name) for one in some] for some in (taken, files))
        told[f"read_{name}_us"] = round(1e6 * median(own), 1)
        told[f"read_{name}_of_files"] = round(median(one / other for one, other in zip(own, theirs, strict=True)), 2)
    return told


def document(reading: dict[str, list[Taken]], pairs: dict[str, list[Pair]]) -> dict[str, dict[str, object]]:
    """What is told of each source."""
    told: dict[str, dict[str, object]] = {}
    for kind, taken in reading.items():
        told[kind] = of_reading(taken, reading["files"])
    for kind, some in pairs.items():
        told[kind] |= {
            "ms": round(1e3 * median(pair.seconds for pair in some), 3),
            "cpu_ms": round(1e3 * median(pair.cpu_seconds for pair in some), 3),
            "of_files": ratios(some, pairs["files"], "seconds"),
            "cpu_of_files": ratios(some, pairs["files"], "cpu_seconds"),
            "peak_mb": [round(max(getattr(pair, size).peak_mb for pair in some)) for size in ("small", "large")],
        }
    return told


def line(kind: str, told: dict[str, object]) -> str:
    """A source and its figures."""
    return f"{kind:<9}" + "  ".join(f"{key} {value}" for key, value in told.items())


def arguments() -> argparse.Namespace:
    """The command line; files are always measured, since ratios are against them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs=2, default=(500, 2500))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--cores", type=int, default=1, help="of a whole run, which has one worker")
    given = parser.parse_args()
    given.kinds = list(dict.fromkeys(["files", *given.kinds]))
    return given


def main() -> None:
    """Measure and print the table."""
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        course = Course(Path(name))
        course.warm([ONE_VIEW])
        reading = measure_reading(course, given.kinds, given.sizes[1], given.rounds + 8, cold=given.cold)
        for kind, taken in reading.items():
            say(line(kind, of_reading(taken, reading["files"])))
        pairs, made = measure(course, given.kinds, given)
    if given.check and given.rounds and len(set.union(*made.values())) != 1:
        raise SystemExit("The shards are not the same.")
    told = document(reading, pairs)
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(told) + "\n")
        return
    for kind, seen in told.items():
        sys.stdout.write(f"{line(kind, seen)}\n")


if __name__ == "__main__":
    main()
