"""A file an image: below the image folder under the catalogue's names, or under an absolute path."""

import contextlib
from dataclasses import dataclass
from pathlib import Path, PurePath

from gzcore.images import MissingImage, read_file, read_object
from gzcore.storage.places import Place
from gzprep.catalogue.read import path_below
from gzprep.images.sources.base import Named, PathOutside

ENDINGS = (".jpg", ".jpeg", ".png", ".fits")
"""Endings that are tried, in this order, where a catalogue names a file without one."""


@dataclass(frozen=True, slots=True)
class Files:
    """Images as files.

    Attributes:
        root: the image folder. None: the catalogue has absolute paths, which the user trusts.
        named: the user named the folder, or it is the usual one; else it was found by the paths of the catalogue.
    """

    root: Place | None
    named: bool = True

    def __str__(self) -> str:
        return "" if self.root is None else str(self.root)

    @property
    def places(self) -> tuple[Place, ...]:
        """The image folder, if there is one."""
        return () if self.root is None else (self.root,)

    def open(self, galaxy: Named) -> bytes:
        """Read the file; see :class:`gzprep.images.sources.base.ImageSource`."""
        path = self._absolute(galaxy) if isinstance(self.root, Path | None) else None
        below = path or path_below(galaxy.subfolder, galaxy.filename)
        if below is None:
            raise PathOutside(f"{galaxy.subfolder!r} / {galaxy.filename!r} is no path below the image folder")
        if path is None and self.root is None:
            raise PathOutside(f"{below!r} is no absolute path, and no image folder is named")
        try:
            return self._read(below, absolute=path is not None)
        except MissingImage:
            return self._read_with_an_ending(below, absolute=path is not None)

    def _read(self, path: str, *, absolute: bool) -> bytes:
        if absolute:
            return read_file(path)
        return read_file(f"{self.root}/{path}") if isinstance(self.root, Path | None) else read_object(self.root / path)

    def _read_with_an_ending(self, path: str, *, absolute: bool) -> bytes:
        """Read the file of a name that has no ending, as catalogues have it that name images by ids."""
        if path.lower().endswith(ENDINGS):
            raise MissingImage(f"there is no file {path!r}")
        for ending in ENDINGS:
            with contextlib.suppress(MissingImage):
                return self._read(path + ending, absolute=absolute)
        raise MissingImage(f"there is no file {path!r}, nor one with {', '.join(ENDINGS)} behind it")

    def _absolute(self, galaxy: Named) -> str | None:
        """An absolute path of the catalogue: any where there is no image folder, else one that lies in it."""
        path = PurePath(galaxy.filename)
        if not path.is_absolute() or ".." in path.parts or "\0" in galaxy.filename:
            return None
        inside = not isinstance(self.root, Path) or path.is_relative_to(self.root.absolute())
        return str(path) if inside else None
