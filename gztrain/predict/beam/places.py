"""Files by their address: on this machine, or in a bucket by Beam's own filesystems; written whole or not at all."""

import contextlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gzcore.errors import GzError
from gztrain.writing import appearing, below

_BUCKET = re.compile(r"^(gs|s3):/+(?=[^/])")
_AT_ONCE = 16
"""Objects under way at one time."""


def address(text: str | Path) -> str:
    """The full address of a place: ``gs://...`` and ``s3://...``, which ``pathlib`` spoils, or an absolute path."""
    found = _BUCKET.match(str(text))
    if found is None:
        return str(Path(text).absolute())
    return f"{found.group(1)}://{str(text)[found.end() :]}".rstrip("/")


def in_bucket(place: str) -> bool:
    """Whether an address is in a bucket."""
    return _BUCKET.match(place) is not None


def _filesystems() -> Any:  # noqa: ANN401 -- Beam has no types
    """Beam's filesystems, which take seconds to import: files of this machine need none."""
    from apache_beam.io.filesystems import FileSystems

    return FileSystems


def read(place: str, start: int = 0, length: int = -1) -> bytes | None:
    """Read a file, or some bytes of it; None where there is none.

    Raises:
        GzError: it cannot be reached, or not be read.
    """
    if not in_bucket(place):
        try:
            with Path(place).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise GzError(f"{place} cannot be read ({error.strerror}).") from None
    with _reaching(place):
        if not _filesystems().exists(place):
            return None
        with _filesystems().open(place, "application/octet-stream") as file:
            file.seek(start)
            return bytes(file.read() if length < 0 else file.read(length))


def write(place: str, data: bytes) -> None:
    """Write a file that appears whole: by a name of its own on a disk, in one piece in a bucket.

    Raises:
        GzError: it cannot be written.
    """
    if in_bucket(place):
        with _reaching(place), _filesystems().create(place, "application/octet-stream") as file:
            file.write(data)
        return
    path = Path(place)
    with below(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(path) as file:
            file.write(data)


def names(folder: str) -> list[str]:
    """Names of the files of a folder, sorted; none where it is not there."""
    if not in_bucket(folder):
        path = Path(folder)
        return sorted(file.name for file in path.iterdir() if file.is_file()) if path.is_dir() else []
    return [found.rpartition("/")[2] for found in _matching(f"{folder}/*")]


def below_folder(folder: str) -> list[str]:
    """Addresses of all objects below a folder in a bucket, however deep, sorted."""
    return _matching(f"{folder}/**")


def _matching(pattern: str) -> list[str]:
    with _reaching(pattern):
        (found,) = _filesystems().match([pattern])
        return sorted(file.path for file in found.metadata_list)


def remove(places: Iterable[str]) -> None:
    """Remove files, if they are there."""
    for place in places:
        if not in_bucket(place):
            with below(Path(place).parent):
                Path(place).unlink(missing_ok=True)
        elif read(place, 0, 0) is not None:
            with _reaching(place):
                _filesystems().delete([place])


@contextlib.contextmanager
def brought_here(places: Sequence[str]) -> Iterator[list[Path]]:
    """Paths of files on this machine; those in buckets are copied for as long as the block lasts.

    An object that is not there has no file, either.
    """
    if not any(map(in_bucket, places)):
        yield [Path(place) for place in places]
        return
    with tempfile.TemporaryDirectory(prefix="gztrain-") as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        targets = [Path(folder, f"{number}-{place.rpartition('/')[2]}") for number, place in enumerate(places)]
        list(pool.map(_bring, places, targets))
        yield targets


def _bring(place: str, target: Path) -> None:
    data = read(place)
    if data is not None:
        target.write_bytes(data)


@contextlib.contextmanager
def _reaching(place: str) -> Iterator[None]:
    """Turn whatever a cloud's library raises into a sentence; its own text may hold addresses with secrets."""
    try:
        yield
    except GzError:
        raise
    except ValueError as error:
        extra = {"gs": "gcp", "s3": "aws"}[place[:2]]
        raise GzError(
            f"{place} cannot be reached: Beam has no filesystem for it ({type(error).__name__}); install it with: pip "
            f"install 'gzprep[{extra}]'."
        ) from error
    except Exception as error:
        raise GzError(
            f"{place} cannot be reached ({type(error).__name__}); check the network, and that there are credentials "
            "which may read and write there (docs/cloud.md). The same command goes on where it stopped."
        ) from error
