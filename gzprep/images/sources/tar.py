"""Images in tar files, WebDataset's among them: an index is made of the headers, then each image is one read."""

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gzcore.console import printable
from gzcore.errors import GzError
from gzcore.images import MissingImage
from gzcore.images.parts import Parts
from gzcore.storage.places import Place, Url
from gzprep.images.sources.base import Named
from gzprep.images.sources.index import Index, IndexBuilder, Location, keys_of_path

ENDINGS = (".jpg", ".jpeg", ".png", ".fits", ".fit", ".fits.gz", ".fit.gz", ".fz")
"""Members that are images; others, such as the .json of WebDataset, are passed over."""
EMPTY = "its image is empty"


@dataclass(frozen=True)
class TarImages:
    """Images that lie in one piece in some files: members of tar files, or what was unpacked from parquet.

    Attributes:
        shown: the place as the user named it.
        files: the files.
        index: where each image lies.
    """

    shown: str
    files: tuple[Place, ...]
    index: Index

    def __str__(self) -> str:
        return self.shown

    @property
    def places(self) -> tuple[Place, ...]:
        """The files."""
        return self.files

    def open(self, galaxy: Named) -> bytes:
        """Read the bytes; see :class:`gzprep.images.sources.base.ImageSource`."""
        at = self.index.find(galaxy)
        if not at.length:
            raise MissingImage(EMPTY)
        return self._parts.read(self.files[at.file], at.start, at.length)

    @cached_property
    def _parts(self) -> Parts:
        """The files, as far as this process has opened them."""
        return Parts()

    def __reduce__(self) -> tuple[object, ...]:
        """Open files are not sent to workers."""
        return TarImages, (self.shown, self.files, self.index)


def open_tar(shown: str, files: Sequence[Place]) -> TarImages:
    """Make the index of tar files.

    Raises:
        GzError: a file is no tar, is compressed as a whole, or holds no image.
    """
    builder = IndexBuilder()
    for number, place in enumerate(files):
        _index_one(place, number, builder)
    if not builder.images:
        raise GzError(f"There is no image ({', '.join(ENDINGS)}) in {shown}; name the tar files that hold them.")
    return TarImages(shown, tuple(files), builder.built())


def _index_one(place: Place, number: int, builder: IndexBuilder) -> None:
    try:
        with _opened(place) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if member.isreg() and not member.issparse() and member.name.lower().endswith(ENDINGS):
                    at = Location(number, member.offset_data, member.size)
                    builder.add(keys_of_path(member.name), at)
                tar.members.clear()  # type: ignore[attr-defined] # tarfile would keep every header
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise GzError(
            f"{place} cannot be read as a tar file ({printable(reason)}); name a tar file that is not compressed as a "
            "whole: images are compressed already."
        ) from None


def _opened(place: Place) -> io.BufferedIOBase:
    return place.open() if isinstance(place, Url) else place.open("rb")
