"""The galaxies that volunteers are most sure of, one list for each answer (Fig 15)."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from gzprep.report.rows import Batch, Columns, Doubles

SHOWN = 3


@dataclass(frozen=True, slots=True, order=True)
class Confident:
    """A galaxy and the fraction of its votes for an answer; ordered by fraction, then votes, then id."""

    fraction: float
    votes: float
    id: str
    subfolder: str
    filename: str


@dataclass(eq=False)
class MostConfident:
    """The most confident galaxies of every answer, among those with enough votes.

    Attributes:
        columns: where the votes are.
        threshold: the votes that are enough, one a question, [Q]; NaN: the catalogue has no numbers of votes, and all
            galaxies take part.
        best: for every answer, its galaxies as a heap.
    """

    columns: Columns
    threshold: Doubles
    best: dict[str, list[Confident]] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Look at more galaxies."""
        sound = np.array([verdict != "rejected" for verdict in batch.verdicts])
        for question in self.columns.questions:
            enough = self.threshold[question.index]
            totals = batch.totals[:, question.index]
            taken = sound if np.isnan(enough) else sound & (totals >= enough)
            block = self.columns.fraction_slice(question)
            for place, answer in zip(range(block.start, block.stop), question.columns, strict=True):
                self._add(answer, batch, np.where(taken, batch.fractions[:, place], np.nan), totals)

    def _add(self, answer: str, batch: Batch, fractions: Doubles, totals: Doubles) -> None:
        heap = self.best.setdefault(answer, [])
        known = np.flatnonzero(np.isfinite(fractions) & (fractions > 0))
        for place in known[np.argsort(-fractions[known], kind="stable")][: 4 * SHOWN]:
            votes = float(totals[place]) if np.isfinite(totals[place]) else 0.0
            galaxy = Confident(
                float(fractions[place]), votes, batch.ids[place], batch.subfolders[place], batch.filenames[place]
            )
            heapq.heappush(heap, galaxy)
            if len(heap) > SHOWN:
                heapq.heappop(heap)

    def ranked(self, answer: str) -> list[Confident]:
        """The galaxies of an answer, the most confident first."""
        return sorted(self.best.get(answer, ()), reverse=True)
