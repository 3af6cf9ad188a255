"""What pyarrow raises where a file of parquet is damaged: more than its own errors."""

import zlib

import pyarrow as pa

DAMAGE = (pa.ArrowException, OSError, EOFError, ValueError, LookupError, TypeError, zlib.error)
"""ValueError comes of text that is not UTF-8, LookupError and TypeError of columns and metadata that are missing."""
