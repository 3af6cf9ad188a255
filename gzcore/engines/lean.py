"""Import Beam without the libraries of clouds and databases, for a command that works on this machine.

Beam imports each of them where it is installed, needed or not: more than half of the second that its import takes. A
run on this machine uses none of them, also not for buckets: those are read through :mod:`gzcore.storage`.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa

UNNEEDED = ("apitools", "boto3", "google.api_core", "google.auth", "google.cloud", "pandas", "pymongo")
"""What Beam 2.77 and pyarrow import beside what they work with, each within ``try`` and ``except ImportError``."""


class _Absent(MetaPathFinder):
    """Says of some modules that they are not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.begins = tuple(f"{name}." for name in names)

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        """Find nothing; where a module is to be absent, let nothing else look for it."""
        if name in self.names or name.startswith(self.begins):
            raise ModuleNotFoundError(f"{name} is not imported here", name=name)


@contextmanager
def without(names: Sequence[str] = UNNEEDED) -> Iterator[None]:
    """Let an import of these modules fail, as if they were not installed; those that are imported already stay.

    Use it in a process that ends with its command only: modules that were imported meanwhile go on without them.
    """
    finder = _Absent(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def import_beam() -> None:
    """Import Beam so. What is in memory by then is never garbage; each look through it would take 0.1 s."""
    with without():
        import gzcore.engines.beam  # noqa: F401

        pa.array([])  # when it is called first it imports pandas, if there is one, for another 0.2 s
    gc.freeze()
