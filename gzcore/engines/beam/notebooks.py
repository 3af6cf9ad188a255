"""Beam in a notebook, as it is anywhere else.

Where IPython runs, Beam puts the number of the cell before the names of steps, and to do so imports what its own
notebooks need. Beam 2.77 cannot import that beside pandas 3, so a graph could not even be made; and it leaves
folders behind. A graph of ours is the same wherever it is made.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam import pipeline
from apache_beam.runners.runner import PipelineResult


class Pipeline(beam.Pipeline):  # type: ignore[misc]
    """A graph that does not ask whether a notebook makes it."""

    def apply(self, *args: Any, **keywords: Any) -> Any:  # noqa: ANN401 -- as Beam has it
        """Add a step."""
        with outside():
            return super().apply(*args, **keywords)

    def run(self, *args: Any, **keywords: Any) -> PipelineResult:  # noqa: ANN401 -- as Beam has it
        """Run the graph."""
        with outside():
            return super().run(*args, **keywords)


@contextmanager
def outside() -> Iterator[None]:
    """Let Beam believe that no notebook is there; several threads may do so at one time."""
    module: Any = pipeline
    with _lock:
        if not _before:
            _before.append((module.is_in_ipython, module.alter_label_if_ipython))
            module.is_in_ipython, module.alter_label_if_ipython = (lambda: False), (lambda *_: None)
        _inside.append(None)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                module.is_in_ipython, module.alter_label_if_ipython = _before.pop()


_lock = threading.Lock()
_before: list[tuple[Any, Any]] = []
"""Beam's own functions, while they are replaced."""
_inside: list[None] = []
"""One for each block that is open."""
