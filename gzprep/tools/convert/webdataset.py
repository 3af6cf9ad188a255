"""Tar files that webdataset reads: an image and a JSON document for each record, beside each other and of one key.

webdataset takes for the key of a file what stands before the first dot of its name, and for its kind what follows
(https://github.com/webdataset/webdataset, ``base_plus_ext``). So a key has no dot.
"""

import io
import json
import math
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from gzcore.dataset.example import Record
from gzprep.tools.convert.contents import UNKNOWN, Contents, view_name

Json = dict[str, Any]


def key_of(record: Record) -> str:
    """The key of a record: its name, with dots, slashes and other signs that a path may not have as ``%2E``."""
    return quote(view_name(record), safe="").replace(".", "%2E")


def document_of(record: Record, contents: Contents) -> Json:
    """Everything but the image. What is not known is null."""
    asked = zip(contents.labels, record.label_asked.tolist(), record.mask.tolist(), strict=True)
    return {
        "id": record.id,
        "fold": record.fold,
        "view": record.view,
        "classes": {classes.question: _name(classes.names, classes.of(record)) for classes in contents.classes},
        "labels": {name: label if known else None for name, label, known in asked},
        "labels_report": dict(zip(contents.labels, record.label_report.tolist(), strict=True)),
        "fractions": dict(zip(contents.fractions, map(_number, record.fraction), strict=True)),
        "votes": dict(zip(contents.votes, map(_number, record.votes), strict=True)),
        "ops": record.ops.decode(),
    }


def features_of(contents: Contents) -> dict[str, Json]:
    """The features of a sample as Hugging Face datasets see them, which read such tar files, too."""
    text, whole, real = ({"dtype": dtype, "_type": "Value"} for dtype in ("string", "int64", "float32"))
    document = {
        "id": text,
        "fold": whole,
        "view": whole,
        "classes": {classes.question: text for classes in contents.classes},
        "labels": dict.fromkeys(contents.labels, whole),
        "labels_report": dict.fromkeys(contents.labels, whole),
        "fractions": dict.fromkeys(contents.fractions, real),
        "votes": dict.fromkeys(contents.votes, real),
        "ops": text,
    }
    return {contents.ending: {"_type": "Image"}, "json": document, "__key__": text, "__url__": text}


def _name(names: tuple[str, ...], place: int) -> str | None:
    return None if place == UNKNOWN else names[place]


def _number(value: np.float32) -> float | None:
    """The shortest number that is the same float32; null in place of NaN, which JSON does not have."""
    return None if math.isnan(value) else float(str(value))


def write(records: Iterable[Record], path: Path, contents: Contents) -> None:
    """Write records as one tar file; the same records give the same bytes.

    Args:
        records: two members each.
        path: of the file.
        contents: names of labels and classes.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as file:
        for record in records:
            key = key_of(record)
            document = json.dumps(document_of(record, contents), allow_nan=False).encode()
            _add(file, f"{key}.{contents.ending}", record.image)
            _add(file, f"{key}.json", document)


def _add(file: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    file.addfile(member, io.BytesIO(data))
