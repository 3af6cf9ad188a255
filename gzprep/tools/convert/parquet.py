"""Parquet as Hugging Face datasets have it: an Image feature, classes with names, a column a number.

The layout is that of ``datasets.Dataset.to_parquet``: the schema's metadata ``huggingface`` describes the features
(datasets/features/features.py), an image is a struct of its bytes and its path (datasets/features/image.py).
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.dataset.example import Record
from gzprep.tools.convert.contents import Contents

ROWS = 100
"""Rows of a row group, which is read as one (datasets.config.PARQUET_ROW_GROUP_SIZE_FOR_IMAGE_DATASETS)."""
NO_YES = ("no", "yes")
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
Json = dict[str, Any]


def features_of(contents: Contents) -> dict[str, Json]:
    """The features of a row, in order, as ``datasets.Features.to_dict`` tells them."""
    return {
        "image": {"_type": "Image"},
        "id": _value("string"),
        "fold": _value("int8"),
        "view": _value("int16"),
        **{classes.column: _class_label(classes.names) for classes in contents.classes},
        **{f"{name}_label": _class_label(NO_YES) for name in contents.labels},
        **{f"{name}_label-report": _class_label(NO_YES) for name in contents.labels},
        **dict.fromkeys((*contents.fractions, *contents.votes), _value("float32")),
        "ops": _value("string"),
    }


def _value(dtype: str) -> Json:
    return {"dtype": dtype, "_type": "Value"}


def _class_label(names: Sequence[str]) -> Json:
    return {"names": list(names), "_type": "ClassLabel"}


def schema_of(contents: Contents) -> pa.Schema:
    """The columns, with the description that Hugging Face datasets read."""
    features = features_of(contents)
    fields = [(name, _stored(feature)) for name, feature in features.items()]
    about = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": about})


def _stored(feature: Json) -> pa.DataType:
    kind = feature["_type"]
    if kind == "Value":
        return pa.type_for_alias(feature["dtype"])
    return _IMAGE if kind == "Image" else pa.int64()


def rows_of(records: Sequence[Record], contents: Contents) -> pa.Table:
    """Some records as rows. Vote fractions and votes that are not known stay NaN; masked labels are -1."""
    masked = np.stack([np.where(record.mask == 1, record.label_asked, -1) for record in records])
    columns = [
        pa.array(
            [{"bytes": record.image, "path": contents.image_name(record)} for record in records],
            _IMAGE,
        ),
        pa.array([record.id for record in records], pa.string()),
        pa.array([record.fold for record in records], pa.int8()),
        pa.array([record.view for record in records], pa.int16()),
        *(pa.array([classes.of(record) for record in records], pa.int64()) for classes in contents.classes),
        *_columns(masked),
        *_columns(np.stack([record.label_report for record in records])),
        *_columns(np.stack([record.fraction for record in records])),
        *_columns(np.stack([record.votes for record in records])),
        pa.array([record.ops.decode() for record in records], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=schema_of(contents))


def _columns(numbers: np.ndarray[Any, Any]) -> list[pa.Array]:
    return [pa.array(np.ascontiguousarray(column)) for column in numbers.T]


def write(records: Iterable[Record], path: Path, contents: Contents) -> None:
    """Write records as one file.

    Args:
        records: one a row; of all, as many as a row group has are in memory at a time.
        path: of the file.
        contents: names of columns and classes.
    """
    schema = schema_of(contents)
    encoded = {"image.bytes": "none"}  # JPEG and PNG are compressed already
    compression = {name: encoded.get(name, "zstd") for name in _leaves(schema)}
    dictionary = [name for name in compression if not name.startswith("image.")]
    rows = iter(records)
    with pq.ParquetWriter(
        path, schema, compression=compression, use_dictionary=dictionary, write_page_index=True
    ) as file:
        while group := list(itertools.islice(rows, ROWS)):
            file.write_table(rows_of(group, contents), row_group_size=ROWS)


def _leaves(schema: pa.Schema) -> list[str]:
    return ["image.bytes", "image.path", *(name for name in schema.names if name != "image")]
