"""Galaxies of a small decision tree, made by hand, as the statistics of a report take them."""

import numpy as np

from gzcore.dataset.tree import Question
from gzprep.report.rows import Batch, Columns

TREE = (
    Question(0, "shape", "Smooth?", ("smooth",), "disk"),
    Question(1, "arms", "How many arms?", ("one", "two"), dropped="many", parent=("shape", "disk")),
)
COUNTED = frozenset(("shape_smooth", "shape_total-votes", "arms_one"))
COLUMNS = Columns(TREE, ("shape_smooth", "arms_one", "arms_two"), COUNTED)


def batch(fractions: object, totals: object, mask: object = None, verdicts: object = None) -> Batch:
    """Galaxies with ids 0, 1, ...; labels follow from the largest fraction of each question."""
    values = np.asarray(fractions, float)
    count = len(values)
    asked = np.nan_to_num(values[:, [0, 2, 3]]) >= 0.5
    known = np.isfinite(values[:, [0, 2, 3]]) if mask is None else np.asarray(mask)
    return Batch(
        ids=[str(number) for number in range(count)],
        splits=["train"] * count,
        folds=[number % 5 for number in range(count)],
        verdicts=["accepted"] * count if verdicts is None else list(verdicts),  # type: ignore[call-overload]
        subfolders=["587"] * count,
        filenames=[f"{number}.jpg" for number in range(count)],
        fractions=values,
        totals=np.asarray(totals, float),
        report=asked.astype(np.int8),
        asked=asked.astype(np.int8),
        mask=known.astype(np.int8),
    )


def drawn(count: int, seed: int) -> Batch:
    """Galaxies with votes drawn at random; two fifths were not asked about arms."""
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 41, count) / 40
    arms = rng.dirichlet((1, 1, 1), count)
    arms[rng.random(count) < 0.4] = np.nan
    totals = np.stack([np.full(count, 40.0), np.where(np.isnan(arms[:, 0]), np.nan, 12.0)], axis=1)
    return batch(np.column_stack([smooth, 1 - smooth, arms]), totals)
