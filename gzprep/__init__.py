"""gzprep: a catalogue and a folder of galaxy images in, cropped TFRecord shards out.

``gzprep.run(data="gz2", out="gz2-shards")`` makes a data set, ``gzprep.inspect("gz2/images")`` looks for defects, and
``gzprep.report("gz2-shards", html="page")`` writes a page about a data set. An error that you can mend is a GzError, in
one sentence; UsageError is one kind of it. Everything is loaded when it is first used.
"""

from gzcore import __version__ as __version__

TYPE_CHECKING = False  # as typing has it, which takes too long to import: Ctrl-C must be heard from the first moment
if TYPE_CHECKING:
    from gzcore.errors import GzError, UsageError
    from gzprep.report.python import report
    from gzprep.run.python import run
    from gzprep.tools.python import inspect

__all__ = ["GzError", "UsageError", "inspect", "report", "run"]
_PUBLIC = {"GzError": "gzcore.errors", "UsageError": "gzcore.errors", "inspect": "gzprep.tools.python"}
"""Names, and the modules that they are in. ``run`` and ``report`` are modules that can be called."""


def __getattr__(name: str) -> object:
    """Load what is asked for."""
    from importlib import import_module

    if name in ("run", "report"):
        return import_module(f"gzprep.{name}")
    if name in _PUBLIC:
        value: object = getattr(import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
