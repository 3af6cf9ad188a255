"""``gzprep.report``: the page about a data set, from a program or a notebook."""

import os
from pathlib import Path
from typing import Any

from gzcore.console.call import public
from gzcore.storage.places import as_place, local

Named = str | os.PathLike[str]
"""A path of this machine, or an address in a bucket."""


@public("gzprep.report")
def report(out: Named, html: Named, *, data: Named | None = None) -> Path:
    """Write a page about a data set: catalogue, votes, labels, images, folds; each figure with its numbers as CSV.

    Args:
        out: the dataset folder.
        html: folder of the page; it is made if needed.
        data: where the data folder is now, if it has moved.

    Returns:
        The page.

    Raises:
        GzError: the data set is not whole, or a file cannot be written.
    """
    from gzprep.report import write_report

    place: Any = None if data is None else as_place(os.fspath(data))
    return write_report(as_place(os.fspath(out)), local(as_place(os.fspath(html))), place).page
