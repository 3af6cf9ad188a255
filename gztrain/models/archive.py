"""Files of models, checked before Keras opens them. A file may come from another person.

Keras writes an archive without compression. So a member that is larger than its bytes is no weight of a model, and
neither is an array of an HDF5 file that has fewer bytes than its shape needs. Nothing in a file is run.
"""

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gzcore.console import reason_of
from gzcore.errors import GzError
from gzcore.storage.documents import LARGEST, BadDocument, parse_json

ORIGIN = "gztrain.json"
"""File of a Keras archive that says what the model was trained on."""
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = ("metadata.json", CONFIG, WEIGHTS, ORIGIN)
"""All that an archive may hold. Keras unpacks other members into folders."""
_OURS = "gztrain>"
"""How the registered names of our own layers begin."""
_CODE = ("Lambda", "__lambda__")
"""Classes of a Keras archive that hold Python code."""
_MOST_OBJECTS = 100_000
_LOCAL_HEADER = struct.Struct("<26xHH")
"""Lengths of name and extra field in the header before a member of an archive (APPNOTE.TXT, 4.3.7)."""


def check_archive(path: Path) -> None:
    """Refuse a ``.keras`` file that is not one of Keras, holds code, or has parts that Keras and gztrain do not know.

    Raises:
        GzError: it is such a file.
    """
    try:
        inspect_archive(path)
    except (OSError, BadDocument) as error:
        raise GzError(unloadable(path, error)) from None


def inspect_archive(path: Path) -> None:
    """The same, for callers with a sentence of their own.

    Raises:
        BadDocument: it is not an archive of Keras.
        OSError: it cannot be read.
        GzError: it holds code or unknown parts.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = _members(archive, path.stat().st_size)
            description = parse_json(archive.read(CONFIG))
            _check_hdf5(_Member(file, members[WEIGHTS]))
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadDocument(str(error)) from None
    for entry in _described(description):
        _check_class(path, entry)


def check_weights(path: Path) -> None:
    """Refuse an ``.h5`` file whose arrays are not in it.

    Raises:
        BadDocument: it is such a file, or not an HDF5 file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        _check_hdf5(file)


def unloadable(path: Path, error: Exception) -> str:
    """The sentence for a model that cannot be loaded."""
    return f"The model {path} cannot be loaded ({reason_of(error)}); train it again."


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    members = {member.filename: member for member in archive.infolist()}
    strange = members.keys() - set(MEMBERS)
    if strange or len(members) < len(archive.infolist()):
        raise BadDocument(f"it holds {min(strange, default='a file twice')[:80]!r}, which no model has")
    for name in (CONFIG, WEIGHTS):
        if name not in members:
            raise BadDocument(f"it has no {name}")
    for member in members.values():
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise BadDocument(f"its {member.filename} is compressed; Keras does not compress")
    if sum(member.file_size for member in members.values()) > size or members[CONFIG].file_size > LARGEST:
        raise BadDocument("its files are larger than the archive, or its description has too many bytes")
    return members


class _Member(io.RawIOBase):
    """A member of an archive that is not compressed, as a file of its own."""

    def __init__(self, file: BinaryIO, member: zipfile.ZipInfo) -> None:
        file.seek(member.header_offset)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        self._file, self._size, self._at = file, member.file_size, 0
        self._start = member.header_offset + _LOCAL_HEADER.size + name + extra

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- any writable buffer
        """Read from where we are."""
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(buffer), max(0, self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Where we are."""
        return self._at


def _check_hdf5(file: Any) -> None:  # noqa: ANN401 -- a file object
    """Check that all arrays of an HDF5 file are in it, with all their bytes."""
    import h5py

    size = file.seek(0, io.SEEK_END)
    try:
        with h5py.File(file, "r") as weights:
            total = sum(_bytes_of(array) for array in _arrays(weights))
    except (RuntimeError, KeyError, ValueError) as error:
        raise BadDocument(str(error)) from None
    if total > size:
        raise BadDocument(f"its arrays have {total} bytes, and the file has {size}")


def _arrays(weights: Any) -> Iterator[Any]:  # noqa: ANN401 -- h5py has no types
    """Every array of an HDF5 file; a group that is linked twice is looked at once."""
    import h5py

    waiting, seen = [weights], 0
    known: set[int] = set()
    while waiting:
        group = waiting.pop()
        for name in group:
            seen += 1
            if seen > _MOST_OBJECTS or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise BadDocument("it has links to other files, or too many objects")
            item = group[name]
            if isinstance(item, h5py.Dataset):
                yield item
            elif (address := h5py.h5o.get_info(item.id).addr) not in known:
                known.add(address)
                waiting.append(item)


def _bytes_of(array: Any) -> int:  # noqa: ANN401 -- h5py has no types
    needed = int(array.size) * int(array.dtype.itemsize)
    if array.dtype.kind not in "fiubV" or array.external or array.is_virtual:
        raise BadDocument(f"its array {array.name[:80]} does not hold numbers of its own")
    if array.id.get_storage_size() < needed:
        raise BadDocument(f"its array {array.name[:80]} of shape {array.shape} has too few bytes")
    return needed


def _described(description: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- any JSON
    """Every object of a description that names a class, however deep."""
    waiting = [description]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
            if "class_name" in value:
                yield value
        elif isinstance(value, list):
            waiting.extend(value)


def _check_class(path: Path, entry: dict[str, Any]) -> None:
    name, module = str(entry["class_name"]), str(entry.get("module") or "")
    if name in _CODE:
        raise GzError(f"The model {path} holds Python code (a {name} layer); gztrain does not run code from a file.")
    ours = str(entry.get("registered_name") or "").startswith(_OURS)
    if not (ours or module in ("", "keras", "builtins") or module.startswith("keras.")):
        raise GzError(f"The model {path} has a part {module}.{name}, which is neither of Keras nor of gztrain.")
