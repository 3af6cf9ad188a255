"""What pyarrow raises where a file of parquet is damaged: more than its own errors, and some of them late."""

import zlib

import pyarrow as pa

DAMAGE = (pa.ArrowException, OSError, EOFError, ValueError, LookupError, TypeError, zlib.error)
"""ValueError comes of text that is not UTF-8, LookupError and TypeError of columns and metadata that are missing."""


def checked(schema: pa.Schema) -> pa.Schema:
    """The same schema, whose names can be read. pyarrow decodes them when they are asked for.

    Raises:
        UnicodeDecodeError: a name is not UTF-8.
    """
    _ = schema.names
    return schema
