"""Files, parquet, tar and FITS: what reading an image takes, and what a whole run takes, one worker, one view.

The same galaxies lie in every source: FITS as three planes of 8 bits, parquet in row groups of 100, in another order
than the catalogue's. `read` is CPU time an image of reading alone, with the index and the copying of parquet in it.
`ms` of a run is the slope between two numbers of galaxies, so start-up does not count. Rounds are interleaved, and
ratios are taken within a round, against files. Peak memory is given at both sizes. `--check` compares the shards.

`python benchmarks/sources.py [--rounds N] [--sizes A B] [--check]`; JSON=1 prints one JSON document.
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
from statistics import median

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


def read_all_images(sky: Sky, place: Path, room: Path) -> float:
    """CPU seconds an image: the index, the copying of parquet, and each image once in the order of ids."""
    from gzprep.config import Recipe
    from gzprep.images.sources import ImageName, open_images
    from gzprep.images.sources.parquet import ParquetImages, unpack

    rows = pq.read_table(sky.data / "gz2_train_catalog.parquet", columns=list(_PLACE)).to_pylist()
    names = sorted((ImageName(*(str(row[key]) for key in _PLACE)) for row in rows), key=lambda name: name.id)
    began = time.process_time()
    images = open_images(place, Recipe())
    if isinstance(images, ParquetImages):
        images = unpack(images, room / "images.pack", room)
    size = sum(len(images.open(name)) for name in names)
    return (time.process_time() - began) / len(names) if size else 0.0


def measure_reading(course: Course, size: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU an image, round by round, after a first round that is not counted."""
    sky, taken = course.sky(size), defaultdict(list)
    places = {kind: Path(make(sky)[1]) for kind, make in KINDS.items()}
    for number in range(rounds + 1):
        for kind, place in places.items():
            seconds = read_all_images(sky, place, course.folder)
            if number:
                taken[kind].append(1e6 * seconds)
    return taken


def measure(course: Course, sizes: tuple[int, int], rounds: int) -> tuple[dict[str, list[Pair]], dict[str, set[str]]]:
    """Run every source at both sizes, round by round; and the sums of what they made of the larger one."""
    run, pairs, made = gzprep_command(1, "views.count=0"), defaultdict(list), defaultdict(set)
    sources = {(kind, size): make(course.sky(size)) for kind, make in KINDS.items() for size in sizes}
    for _ in range(rounds):
        for kind in KINDS:
            seen = []
            for size in sizes:
                out = course.folder / "out"
                command = [*run(course.sky(size), out), *sources[kind, size]]
                seen.append(watch(command, last_cores(1), out=out))
                made[kind].add(sums(out)) if size == sizes[1] else None
                shutil.rmtree(out)
            pairs[kind].append(Pair(sizes, *seen))
            say(f"{kind:<9}{1e3 * pairs[kind][-1].cpu_seconds:8.2f} ms of CPU a galaxy{seen[1].peak_mb:8.0f} MB")
    return pairs, made


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs=2, default=(500, 2500))
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        course = Course(Path(name))
        course.warm([ONE_VIEW])
        reading = measure_reading(course, given.sizes[1], given.rounds + 2)
        say("  ".join(f"{kind} {median(taken):.0f} us an image" for kind, taken in reading.items()))
        pairs, made = measure(course, tuple(given.sizes), given.rounds)
    if given.check and len(set.union(*made.values())) != 1:
        raise SystemExit("The shards are not the same.")
    document = {}
    for kind, some in pairs.items():
        ratios = [pair.cpu_seconds / files.cpu_seconds for pair, files in zip(some, pairs["files"], strict=True)]
        document[kind] = {
            "read_us": round(median(reading[kind]), 1),
            "ms": round(1e3 * median(pair.seconds for pair in some), 3),
            "cpu_ms": round(1e3 * median(pair.cpu_seconds for pair in some), 3),
            "of_files": [round(ratio, 3) for ratio in ratios],
            "peak_mb": [
                round(max(pair.small.peak_mb for pair in some)),
                round(max(pair.large.peak_mb for pair in some)),
            ],
        }
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(document) + "\n")
        return
    sys.stdout.write(f"{'':<10}{'read us':>9}{'ms':>8}{'CPU ms':>9}{'of files':>26}{'peak MB':>14}\n")
    for kind, seen in document.items():
        ratios, peaks = (", ".join(map(str, seen[key])) for key in ("of_files", "peak_mb"))
        sys.stdout.write(f"{kind:<10}{seen['read_us']:>9}{seen['ms']:>8}{seen['cpu_ms']:>9}{ratios:>26}{peaks:>14}\n")


if __name__ == "__main__":
    main()
