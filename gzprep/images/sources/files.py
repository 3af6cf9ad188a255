"""A file an image: below the image folder under the catalogue's names, or under an absolute path."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from gzcore.images import MissingImage, read_file, read_object
from gzcore.storage.places import Place
from gzprep.catalogue.read import path_below
from gzprep.images.sources.base import Named, PathOutside


@dataclass(frozen=True, slots=True)
class Files:
    """Images as files.

    Attributes:
        root: the image folder. None: the catalogue has absolute paths, which the user trusts.
    """

    root: Place | None

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
        try:
            if path is not None:
                return read_file(path)
            if self.root is None:
                raise PathOutside(f"{below!r} is no absolute path, and no image folder is named")
            return read_file(f"{self.root}/{below}") if isinstance(self.root, Path) else read_object(self.root / below)
        except MissingImage:
            raise MissingImage(f"there is no file {below!r}") from None

    def _absolute(self, galaxy: Named) -> str | None:
        """An absolute path of the catalogue: any where there is no image folder, else one that lies in it."""
        path = PurePath(galaxy.filename)
        if not path.is_absolute() or ".." in path.parts or "\0" in galaxy.filename:
            return None
        inside = not isinstance(self.root, Path) or path.is_relative_to(self.root.absolute())
        return str(path) if inside else None
