"""Tables as pandas users know them. pandas is imported when a table is asked for."""

from typing import TYPE_CHECKING

import pyarrow as pa

from gzcore.errors import GzError

if TYPE_CHECKING:
    from pandas import DataFrame


def as_frame(table: pa.Table) -> "DataFrame":
    """A table as a pandas DataFrame; a list in a cell becomes a numpy array.

    Raises:
        GzError: pandas is not installed.
    """
    try:
        import pandas  # noqa: F401, ICN001 -- pyarrow wants it
    except ImportError:
        raise GzError("Tables are given as pandas DataFrames; install pandas with: pip install pandas.") from None
    frame: DataFrame = table.to_pandas()
    return frame
