"""The figures that the report published, to stand beside ours.

They are not measured as ours are: its counts are means over folds and so fractional, a question of one label was scored
on two columns, label and twin, and an unasked galaxy had a random class. Where a network gave every galaxy the same
answer the table does not say so, but its arithmetic does.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from gztrain.evaluation.figures import METRICS

SOURCE = (
    "Morphological Classification of Galaxies with Machine Learning, PHYS3004 project report, May 2024, Tables 5-26"
)
_COLUMNS = {"q4": 3, "q6": 3, "q8": 3, "q9": 6, "hubble": 4, "reduced": 8, "all": 21}
"""Columns that the report scored a scheme on; two in all others (F11)."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of the report's tables.

    Attributes:
        model: as this package names it.
        scheme: likewise; ``vit`` is the one Vision Transformer of the tables.
        figures: the thirteen metrics, by name.
    """

    model: str
    scheme: str
    figures: Mapping[str, float]

    @property
    def columns(self) -> int:
        """How many columns it was scored on."""
        return _COLUMNS.get(self.scheme, 2)

    @property
    def one_answer_f1(self) -> float:
        """The F1 it would have if the same column won for every galaxy.

        That column has precision a, the accuracy, and recall 1, so F1 = 2 a / (1 + a); all others have 0.
        """
        accuracy = self.figures["accuracy"]
        return 2 * accuracy / (1 + accuracy) / self.columns

    @property
    def constant(self) -> str | None:
        """What shows that the network said the same of (nearly) every galaxy, or None where nothing does."""
        distance = abs(self.figures["f1"] - self.one_answer_f1)
        if distance <= 1e-4 and self.figures["auc"] == self.figures["accuracy"]:
            return "F1 is that of one answer for every galaxy, and AUC equals accuracy"
        if distance <= 1e-4:
            return "F1 is that of one answer for every galaxy"
        return "F1 is within 0.01 of that of one answer for every galaxy" if distance <= 0.01 else None


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """The 39 rows, in the report's order."""
    text = files("gztrain.evaluation").joinpath("report_results.csv").read_text("utf-8")
    table = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        PublishedRow(row["model"], row["scheme"], MappingProxyType({name: float(row[name]) for name in METRICS}))
        for row in table
    )


def find_published(scheme: str) -> tuple[PublishedRow, ...]:
    """The rows of one scheme; none for ``hubble``, which its code left out."""
    return tuple(row for row in published_rows() if row.scheme == scheme)
