"""Where the progress of a run is recorded and shown, and the clock of its steps."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gztrain.runs.history import History, HistoryLine, Scalars
from gztrain.runs.watch import Watch
from gztrain.training.checkpoint import Checkpoints


@dataclass(frozen=True, eq=False)
class Journal:
    """Where the progress of a run is recorded and shown."""

    checkpoints: Checkpoints
    history: History
    scalars: Scalars
    watch: Watch

    def write(self, line: HistoryLine) -> None:
        """Write a line to the history and to TensorBoard, and show it."""
        self.history.write(line)
        self.scalars.write(line)
        self.watch.advance(line)


@dataclass
class Clock:
    """Measures how long the steps since the last line took, and how much of that was spent waiting for data."""

    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0

    def waiting(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the items, and add up the time spent waiting for them."""
        while True:
            before = time.monotonic()
            try:
                item = next(items)
            except StopIteration:
                return
            self.waited += time.monotonic() - before
            yield item

    def read(self, samples: int) -> tuple[float, float]:
        """Samples per second, and the share of time spent waiting, since the last call; then start from 0 again."""
        now = time.monotonic()
        spent = max(now - self.began, 1e-9)
        waited, self.began, self.waited = self.waited, now, 0.0
        return samples / spent, min(waited / spent, 1.0)
