"""Files of arrays (``.npz``) of a run folder: read as ``np.savez`` writes them, and not trusted, like every file."""

import math
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.storage.documents import BadDocument

Array = npt.NDArray[Any]
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][fiubV][0-9]{1,2})', 'fortran_order': (False|True), "
    rb"'shape': \(((?:[0-9]{1,18}(?:, ?|(?=\)))){0,32})\), \} *\n",
    re.DOTALL,
)
"""What numpy writes before the numbers of an array."""
DAMAGE = (OSError, ValueError, EOFError, struct.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What reading a damaged file may raise."""


def read_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays by name. No memory is taken for a shape that the bytes do not fill, and no code is run.

    Raises:
        OSError, ValueError, EOFError, struct.error, BadZipFile, NotImplementedError, RuntimeError: it is damaged.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        return _arrays(archive, path.stat().st_size)


def _arrays(archive: zipfile.ZipFile, size: int) -> dict[str, Array]:
    members = archive.infolist()
    if sum(member.file_size for member in members) > size:
        raise BadDocument("its arrays have more bytes than the file")
    return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """Read an array as ``np.savez`` writes it. No memory is taken for a shape that the bytes do not fill."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise BadDocument(f"its {member.filename[:80]} is compressed")
    data = archive.read(member)
    header = _NPY.match(data)
    if header is None:
        raise BadDocument(f"its {member.filename[:80]} is not an array of numbers")
    dtype, shape = np.dtype(header[1].decode()), tuple(int(side) for side in header[3].split(b",") if side.strip())
    if math.prod(shape) * dtype.itemsize != len(data) - header.end():
        raise BadDocument(f"its {member.filename[:80]} of shape {shape} has another number of bytes")
    return np.frombuffer(data, dtype, offset=header.end()).reshape(shape, order="F" if header[2] == b"True" else "C")
