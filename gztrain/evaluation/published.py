"""The figures that the 2024 report published, to be shown beside ours.

They were measured in another way. Counts are means over folds, so they are fractions. A question of one label was
scored on two columns, the label and its twin. A galaxy that was not asked a question got a random class. The tables do
not say where a network gave every galaxy the same answer, but it follows from their numbers.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from gztrain.evaluation import arithmetic
from gztrain.evaluation.figures import METRICS

SOURCE = (
    "Morphological Classification of Galaxies with Machine Learning, PHYS3004 project report, May 2024, Tables 5-26"
)
SEVERAL_COLUMNS = {"hubble": 4, "reduced": 8, "all": 21}
"""Number of columns on which the report scored a scheme of several questions (F11)."""
_COLUMNS = {"q4": 3, "q6": 3, "q8": 3, "q9": 6, **SEVERAL_COLUMNS}
"""The same for every scheme that has not two."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of the report's tables.

    Attributes:
        model: its name in this package; ``vit`` is the one Vision Transformer of the tables.
        scheme: its name in this package.
        figures: the thirteen metrics, by name.
    """

    model: str
    scheme: str
    figures: Mapping[str, float]

    @property
    def columns(self) -> int:
        """Number of columns on which it was scored."""
        return _COLUMNS.get(self.scheme, 2)

    @property
    def one_answer_f1(self) -> float:
        """The F1 that follows if the network gave every galaxy the same answer."""
        return arithmetic.one_answer_f1(self.figures["accuracy"], self.columns)

    @property
    def constant(self) -> str | None:
        """Why we think that the network gave (nearly) every galaxy the same answer; None if nothing points to it."""
        return arithmetic.one_answer(self.figures, self.columns)


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """The 39 rows of the tables, in the report's order."""
    text = files("gztrain.evaluation").joinpath("report_results.csv").read_text("utf-8")
    table = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        PublishedRow(row["model"], row["scheme"], MappingProxyType({name: float(row[name]) for name in METRICS}))
        for row in table
    )


def find_published(scheme: str) -> tuple[PublishedRow, ...]:
    """The rows of one scheme; none for ``hubble``, which the report's code left out."""
    return tuple(row for row in published_rows() if row.scheme == scheme)
