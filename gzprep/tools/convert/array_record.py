"""array_record for Grain: the serialised Examples of a shard, as they are, with random access to each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gzcore.errors import GzError


def writer_class() -> Any:  # noqa: ANN401 -- array_record has no annotations
    """array_record's own writer.

    Raises:
        GzError: it is not installed.
    """
    try:
        from array_record.python.array_record_module import ArrayRecordWriter
    except ImportError:
        raise GzError(
            "array_record files are written by the package array_record; install it with: pip install "
            "'gzprep[formats]'."
        ) from None
    return ArrayRecordWriter


def write(records: Iterable[bytes], path: Path) -> None:
    """Write serialised records as one file.

    Args:
        records: as they stand in a shard.
        path: of the file.

    Raises:
        GzError: array_record is not installed.
    """
    file = writer_class()(str(path), "group_size:1")  # a record a group: Grain reads them one by one, in any order
    try:
        for record in records:
            file.write(record)
    finally:
        file.close()
