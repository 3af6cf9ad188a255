"""What the figures of a results table say about each other, without the predictions behind them.

Some figures cannot stand beside each other, or stand so only where a network gave every galaxy the same answer. Each
rule is a function of the row alone, apart from :func:`galaxies_of_most`, which looks at the whole table. Rules allow
for figures that were rounded to four digits, and for means over folds.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

Row = Mapping[str, float]
"""The figures of a row by name; a figure that the table lacks is absent."""

COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")
SHARES = ("accuracy", "mean_absolute_error", "binary_accuracy", "auc", "precision", "recall", "f1")
"""Figures between 0 and 1."""
_ROUNDING = 1e-4
"""Figures have four digits."""
_FOLDS = 0.01
"""A mean over folds of a ratio is not the ratio of the means; in the 2024 report they differ by less than this."""
_NEAR = 0.1
"""A F1 may differ by this part from that of one answer, and the row is still said to be close to it."""
_SAME = 1e-3
"""Folds of unequal size: totals of sound rows of the 2024 report differ by 0.0002."""
_MANY = 100
"""So many counts at least, or equal ones may be chance."""
_MOST = 0.8
"""Share of rows that must agree before the others are said to be wrong."""


def one_answer_f1(accuracy: float, columns: int) -> float:
    """The macro F1 that follows if a network gave every galaxy the same answer.

    The column of that answer has a precision equal to the accuracy a, and recall 1, so its F1 is 2 a / (1 + a). The F1
    of every other column is 0.

    Args:
        accuracy: share of galaxies whose answer is right, 0 to 1.
        columns: number of columns that F1 is a mean over.
    """
    return 2 * accuracy / (1 + accuracy) / columns


def one_answer(row: Row, columns: int) -> str | None:
    """Why we think that a network gave (nearly) every galaxy the same answer; None if nothing points to it."""
    if not {"f1", "accuracy"} <= row.keys():
        return None
    expected = one_answer_f1(row["accuracy"], columns)
    distance = abs(row["f1"] - expected)
    if distance <= _ROUNDING and row.get("auc") == row["accuracy"]:
        return "F1 is that of one answer for every galaxy, and AUC equals accuracy"
    if distance <= _ROUNDING:
        return "F1 is that of one answer for every galaxy"
    near = distance <= min(_FOLDS, _NEAR * expected)
    return "F1 is within 0.01 of that of one answer for every galaxy" if near else None


def total(row: Row) -> float | None:
    """Sum of the four counts: galaxies times columns. None where the table lacks one of them."""
    return sum(row[name] for name in COUNTS) if set(COUNTS) <= row.keys() else None


def columns_of_classes(row: Row) -> int | None:
    """Number of classes where each galaxy has exactly one: all counts over those that are positive. Else None."""
    counted = total(row)
    positives = row.get("true_positives", 0.0) + row.get("false_negatives", 0.0)
    if not counted or not positives or not math.isfinite(counted / positives):
        return None
    ratio = counted / positives
    columns = round(ratio)
    return columns if columns >= 2 and abs(ratio - columns) <= _SAME * ratio else None


def never_or_always(row: Row) -> Iterable[str]:
    """A network that says yes to nothing, or to everything."""
    if total(row) is None:
        return
    if row["true_positives"] == row["false_positives"] == 0:
        yield "it never says yes: no true and no false positive"
    if row["true_negatives"] == row["false_negatives"] == 0:
        yield "it says yes to everything: no true and no false negative"


def mirrored(row: Row) -> Iterable[str]:
    """Counts that are equal crosswise: half of the positives and half of the negatives are right, to the last digit."""
    if (total(row) or 0) < _MANY:
        return
    if row["true_positives"] == row["false_negatives"] and row["true_negatives"] == row["false_positives"]:
        yield "TP equals FN and TN equals FP, so the row is damaged: no network is right in exactly half of each"


def impossible(row: Row) -> Iterable[str]:
    """Shares outside 0 to 1, negative counts, and what is no number."""
    for name, value in row.items():
        if not math.isfinite(value):
            yield f"{name} is {value}, which is no number"
        elif name in SHARES and not 0 <= value <= 1:
            yield f"{name} is {value:g}; it lies between 0 and 1"
        elif name in COUNTS and value < 0:
            yield f"{name} is {value:g}; a count is not negative"


def against_counts(row: Row) -> Iterable[str]:
    """Precision, recall and binary accuracy that do not follow from the counts."""
    counted = total(row)
    if not counted:
        return
    right = row["true_positives"]
    parts = {
        "precision": (right, right + row["false_positives"]),
        "recall": (right, right + row["false_negatives"]),
        "binary_accuracy": (right + row["true_negatives"], counted),
    }
    for name, (above, below) in parts.items():
        if name in row and below and abs(row[name] - above / below) > _FOLDS:
            yield f"{name} is {row[name]:.4f}, and the counts give {above / below:.4f}"


def galaxies_of_most(galaxies: Sequence[float | None]) -> float | None:
    """The number of galaxies that most rows agree on, so that another number is an error; None if they do not agree."""
    known = [number for number in galaxies if number]
    commonest = max(Counter(known), key=lambda number: sum(_equal(number, other) for other in known), default=None)
    agree = sum(_equal(commonest, number) for number in known) if commonest else 0
    return commonest if len(known) >= 3 and agree >= _MOST * len(known) else None


def another_number(galaxies: float | None, expected: float | None) -> Iterable[str]:
    """Counts that add up to another number of galaxies than those of most rows."""
    if galaxies and expected and not _equal(galaxies, expected):
        yield f"its counts add up to {galaxies:,.0f} galaxies, those of the other rows to {expected:,.0f}"


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(one, other)
