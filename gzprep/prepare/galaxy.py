"""One galaxy, from its row and its image to the records of all its views, or to the reason why there are none."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

from gzcore.dataset.example import serialize
from gzcore.machine import OPEN_TO_READ
from gzcore.storage.ahead import ahead
from gzcore.storage.places import Place, Url
from gzprep.catalogue.galaxy import Galaxy, Labels, Reason, Rejection, Split, Stage, Verdict
from gzprep.catalogue.labels import label
from gzprep.catalogue.read import image_path
from gzprep.config import Recipe
from gzprep.dataset.shards import TEST_FOLD, fold_of
from gzprep.images.codec import Header, UnreadableImage, decode, encode, read_header
from gzprep.images.defects import fill_lines, judge
from gzprep.images.geometry import Pixels
from gzprep.images.views import Op, Rules, View, describe, draw_view, draw_views, render
from gzprep.prepare.record import galaxy_entries

MAX_FILE_BYTES = 64_000_000
"""Larger files are not read: an uncompressed frame of 4,096 px has 50 MB."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A galaxy whose image has been read and judged.

    Attributes:
        galaxy: the row.
        labels: everything a trainer may choose from.
        verdict: scores, flags, and the rejection if there is one.
        digest: blake2b of the image's bytes, hex; empty where there is no file.
        frame: uint8 [H, W, 4], lines filled where the recipe says so; None where the image cannot be used.
    """

    galaxy: Galaxy
    labels: Labels
    verdict: Verdict
    digest: str
    frame: Pixels | None

    def without_frame(self) -> Self:
        """The same, without the pixels: what is kept until the bin is done."""
        return replace(self, frame=None)


class Record(NamedTuple):
    """One serialised view."""

    view: int
    data: bytes


class _Rejected(Exception):
    def __init__(self, stage: Stage, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(stage, reason, detail)


def image_digest(data: bytes) -> str:
    """What identifies the bytes of an image: 16 bytes of blake2b, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_images(galaxies: Iterable[Galaxy], images: Place) -> Iterator[bytes | Rejection]:
    """Read the images of galaxies in their order, each when it is wanted; from a bucket, some ahead of that."""
    if isinstance(images, Path):
        return (read_image(galaxy, images) for galaxy in galaxies)
    return ahead(lambda galaxy: read_image(galaxy, images), galaxies)


def read_image(galaxy: Galaxy, images: Place) -> bytes | Rejection:
    """Read the bytes of a galaxy's image, or say why they cannot be had."""
    path = image_path(galaxy)
    if path is None:
        detail = f"{galaxy.subfolder!r} / {galaxy.filename!r} is no path below the image folder"
        return Rejection(Stage.CATALOGUE, Reason.PATH_OUTSIDE, detail)
    try:
        return _read_regular(f"{images}/{path}") if isinstance(images, Path) else _read_object(images / path)
    except _Rejected as rejected:
        return rejected.rejection
    except FileNotFoundError:
        return Rejection(Stage.READ, Reason.MISSING_FILE, f"there is no file {path!r}")
    except OSError as error:
        return Rejection(Stage.READ, Reason.UNREADABLE, f"{path!r}: {error.strerror or error}")


def _read_regular(path: str) -> bytes:
    """Read a plain file of a reasonable size: a pipe would never end, and a device might not either."""
    descriptor = os.open(path, OPEN_TO_READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Rejected(Stage.READ, Reason.UNREADABLE, "it is no regular file")
        if status.st_size > MAX_FILE_BYTES:
            detail = f"the file has {status.st_size} bytes; an image has {MAX_FILE_BYTES} at most"
            raise _Rejected(Stage.READ, Reason.UNREADABLE, detail)
        return os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _read_object(url: Url) -> bytes:
    """Read an object of a reasonable size; a service that fails is an error, for the image may be there."""
    data = url.read(0, MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        detail = f"the object has more than {MAX_FILE_BYTES} bytes; an image has {MAX_FILE_BYTES} at most"
        raise _Rejected(Stage.READ, Reason.UNREADABLE, detail)
    return data


def judge_galaxy(galaxy: Galaxy, data: bytes | Rejection, recipe: Recipe) -> Judged:
    """Decode and judge the image of a galaxy, and derive its labels.

    Args:
        galaxy: the row.
        data: what :func:`read_image` gave.
        recipe: frame, thresholds and policies.
    """
    labels = label(galaxy.votes, galaxy.id, seed=recipe.split_seed, min_votes=recipe.labels.min_votes)
    if isinstance(data, Rejection):
        return Judged(galaxy, labels, Verdict(rejection=data), "", None)
    try:
        frame = _decode(data, recipe.images.frame)
    except _Rejected as rejected:
        return Judged(galaxy, labels, Verdict(rejection=rejected.rejection), image_digest(data), None)
    verdict = judge(frame, recipe.defects)
    if verdict.inpainted:
        frame = fill_lines(frame, [verdict.lines[name] for name in verdict.inpainted])
    return Judged(galaxy, labels, verdict, image_digest(data), None if verdict.rejection else frame)


def _decode(data: bytes, side: int) -> Pixels:
    try:
        _check_shape(read_header(data), side)
        return decode(data)
    except UnreadableImage as error:
        raise _Rejected(Stage.READ, Reason.UNREADABLE, str(error)) from None


def _check_shape(header: Header, side: int) -> None:
    """Judge the declared size before any pixel is decoded: a small file may claim to be a huge image."""
    if (header.height, header.width) != (side, side):
        detail = f"{header.width} x {header.height} px, expected {side} x {side}"
        raise _Rejected(Stage.READ, Reason.WRONG_SHAPE, detail)
    if not header.colour:
        raise _Rejected(Stage.READ, Reason.WRONG_SHAPE, f"mode {header.mode}, expected 8-bit RGB")


def galaxy_views(galaxy: Galaxy, recipe: Recipe) -> tuple[View, ...]:
    """The views a galaxy gets: all of them in train, the original alone in test (F34)."""
    rules = Rules(recipe.views, recipe.crop.size)
    if galaxy.split is Split.TEST:
        return (draw_view(rules, recipe.seed, galaxy.id, 0),)
    return draw_views(rules, recipe.seed, galaxy.id)


def make_records(judged: Judged, frame: Pixels, recipe: Recipe) -> Iterator[Record]:
    """Yield the serialised views of an accepted galaxy.

    Args:
        judged: the galaxy and its labels.
        frame: uint8 [H, W, 4], its image.
        recipe: views and crop.
    """
    galaxy, crop = judged.galaxy, recipe.crop
    fold = fold_of(galaxy.id, recipe.split_seed) if galaxy.split is Split.TRAIN else TEST_FOLD
    shared = galaxy_entries(galaxy.id, fold, judged.labels)
    height, width = frame.shape[:2]
    repairs = _repairs(judged.verdict)
    for view in galaxy_views(galaxy, recipe):
        image = encode(render(frame, view, crop.size), crop)
        ops = describe(view, height, width, crop.size, repairs)
        yield Record(view.index, serialize(shared, image, view.index, ops))


def _repairs(verdict: Verdict) -> tuple[Op, ...]:
    """What was done to the image before any view was made of it."""
    return tuple(Op("inpaint", {"defect": name, **asdict(verdict.lines[name])}) for name in verdict.inpainted)
