"""What every source of images can do, and how a failure becomes a rejection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gzcore.images import MissingImage, UnreadableImage
from gzcore.storage.ahead import ahead
from gzcore.storage.places import Place, Url
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection, RejectionStage


class PathOutside(Exception):
    """A catalogue, which is untrusted, names a path that may not be opened. The message says which."""


class Named(Protocol):
    """What an image is found by; a galaxy has it."""

    @property
    def id(self) -> str:
        """Of the galaxy."""

    @property
    def subfolder(self) -> str:
        """Of the image, below the image folder. Untrusted."""

    @property
    def filename(self) -> str:
        """Of the image, in its subfolder. Untrusted."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """What an image is found by, without its galaxy."""

    id: str
    subfolder: str
    filename: str


class ImageSource(Protocol):
    """Images by galaxy. A source is sent to workers, so it is small once pickled, and opens files when it reads."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Folders or files that hold the images; nothing is ever written there."""

    def open(self, galaxy: Named) -> bytes:
        """The bytes of a galaxy's image.

        Raises:
            MissingImage: there is none. The message says what was looked for.
            UnreadableImage: it cannot be read, or is too large.
            PathOutside: the catalogue leads somewhere else.
            GzError: the storage fails; that is no fault of the image.
        """


def read_image(galaxy: Galaxy, images: ImageSource) -> bytes | Rejection:
    """Read the bytes of a galaxy's image, or say why they cannot be had."""
    if galaxy.rejection is not None:
        return galaxy.rejection
    return read_named(galaxy, images)


def read_named(galaxy: Named, images: ImageSource) -> bytes | Rejection:
    """Read an image by its name, or say why it cannot be had."""
    try:
        return images.open(galaxy)
    except PathOutside as error:
        return Rejection(RejectionStage.CATALOGUE, Reason.PATH_OUTSIDE, str(error))
    except MissingImage as error:
        return Rejection(RejectionStage.READ, Reason.MISSING_FILE, str(error))
    except UnreadableImage as error:
        return Rejection(RejectionStage.READ, Reason.UNREADABLE, str(error))


def read_images(galaxies: Iterable[Galaxy], images: ImageSource) -> Iterator[bytes | Rejection]:
    """Read the images of galaxies in their order, each when it is wanted; from a bucket, some ahead of that."""
    if any(isinstance(place, Url) for place in images.places):
        return ahead(lambda galaxy: read_image(galaxy, images), galaxies)
    return (read_image(galaxy, images) for galaxy in galaxies)
