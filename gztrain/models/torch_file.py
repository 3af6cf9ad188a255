"""Read the arrays of a PyTorch weights file, without torch and without running what the file holds.

Such a file is a zip archive: a pickle names the arrays, and each array lies in a member of its own. A pickle may call
any function of any module. This reader knows a few harmless names and refuses every other one.
"""

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from gzcore.console import brief, printable
from gzcore.errors import GzError

Arrays = dict[str, npt.NDArray[Any]]

_STORAGES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
}
"""Types of arrays that a file may have, as torch names them."""
_LARGEST_PICKLE = 16_000_000
"""Bytes of the pickle. That of a network of 200 million weights has 60 kB."""
_LARGEST = 4_000_000_000
"""Bytes of all arrays."""


_DAMAGES = (
    *(pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, zlib.error),  # lengths that are believed, and members that cannot be unpacked
)
"""What Python's reader of pickles raises for one that is damaged."""


class Refused(ValueError):
    """The file holds something that is not read; the text says what."""


@dataclass(frozen=True)
class _Storage:
    """A member of the archive that holds numbers."""

    member: str
    dtype: np.dtype[Any]
    numbers: int


def read_torch_file(path: Path) -> Arrays:
    """Read the arrays of ``pytorch_model.bin``, by name.

    Args:
        path: a file that ``torch.save`` wrote, version 1.6 or later: a state dictionary.

    Returns:
        Arrays by name, in the file's order; each has the dtype that it has in the file.

    Raises:
        GzError: the file cannot be read, is something else, or holds a name that is not allowed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # of another kind, or encrypted
        raise GzError(f"The weights {path} cannot be read ({brief(error)}); expected a file of torch.save.") from None
    except (*_DAMAGES, Refused) as error:
        reason = printable(brief(error)).rstrip(".") or "they are damaged"
        raise GzError(f"The weights {path} are not loaded: {reason}.") from None


def _read(archive: zipfile.ZipFile) -> Arrays:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    pickles = [name for name in sizes if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1:
        raise Refused("it has no data.pkl, so torch.save did not write it")
    folder = pickles[0].removesuffix("data.pkl")
    if sizes[pickles[0]] > _LARGEST_PICKLE or sum(sizes.values()) > _LARGEST:
        raise Refused(f"it is larger than {_LARGEST:,} bytes")
    values = _Reader(io.BytesIO(archive.read(pickles[0])), _Members(archive, folder, sizes)).load()
    return _arrays(values)


def _arrays(values: object) -> Arrays:
    if isinstance(values, Mapping) and isinstance(values.get("state_dict"), Mapping):
        values = values["state_dict"]
    if not isinstance(values, Mapping) or not values:
        raise Refused("it holds no arrays with names")
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, np.ndarray):
            raise Refused(f"{str(name)[:80]!r} is no array")
    return dict(values)


class _Members:
    """The members of the archive, judged by their size before they are read."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, sizes: Mapping[str, int]) -> None:
        self._archive, self._folder, self._sizes = archive, folder, sizes

    def numbers(self, storage: _Storage) -> npt.NDArray[Any]:
        member = f"{self._folder}data/{storage.member}"
        expected = storage.numbers * storage.dtype.itemsize
        if self._sizes.get(member) != expected:
            raise Refused(f"the member {member[:80]!r} has {self._sizes.get(member)} bytes; {expected} are expected")
        return np.frombuffer(self._archive.read(member), storage.dtype)


class _Reader(pickle.Unpickler):
    """Reads a pickle in which only names of a list may stand."""

    def __init__(self, file: io.BytesIO, members: _Members) -> None:
        super().__init__(file)
        self._members = members
        self._names: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            **{("torch", name): dtype for name, dtype in _STORAGES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 -- a function or a dtype
        """Find what the pickle names.

        Raises:
            Refused: it is on no list, so it might run code.
        """
        known = self._names.get((module, name))
        if known is None:
            raise Refused(f"it names {f'{module}.{name}'[:120]!r}, and loading that could run code")
        return known

    def persistent_load(self, identity: Any) -> _Storage:  # noqa: ANN401 -- as the pickle has it
        """Find the member of an array: ("storage", type, member, device, numbers)."""
        kind, dtype, member, _, numbers = identity
        if kind != "storage" or not isinstance(dtype, np.dtype) or type(numbers) is not int or numbers < 0:
            raise Refused("it has something other than arrays")
        return _Storage(str(member), dtype, numbers)

    def _tensor(self, storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> npt.NDArray[Any]:  # noqa: ANN401
        numbers = self._members.numbers(storage)
        shape, strides = tuple(shape), tuple(strides)
        sound = all(type(value) is int and value >= 0 for value in (offset, *shape, *strides))
        if not sound or len(shape) != len(strides) or _last(offset, shape, strides) > storage.numbers:
            raise Refused(f"an array of shape {shape} does not fit into {storage.numbers} numbers")
        steps = tuple(stride * storage.dtype.itemsize for stride in strides)
        view = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
        if view.size > max(storage.numbers, 1):
            raise Refused(f"an array of shape {shape} is larger than the {storage.numbers} numbers it is made of")
        return np.ascontiguousarray(view)


def _last(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """One past the last number that an array of this shape touches."""
    if 0 in shape:
        return offset
    return offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1


def _parameter(array: npt.NDArray[Any], *_: Any) -> npt.NDArray[Any]:  # noqa: ANN401 -- what torch keeps beside it
    return array
