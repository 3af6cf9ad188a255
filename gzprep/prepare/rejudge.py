"""Another threshold over scores that are there: what becomes of a finished bin, without a look at its images."""

from dataclasses import replace
from typing import Any

import pyarrow as pa

from gzprep.catalogue.galaxy import LINED, DefectLine, Finding, RejectionStage
from gzprep.config import Defects
from gzprep.images.defects import DETECTORS, decide, wanted
from gzprep.prepare.catalogue_row import verdict_columns

_SCORES = {name: f"score_{name}" for name in DETECTORS}
_VERDICT = ("verdict", "stage", "reason", "detail", "flags", "inpainted")
_COLUMNS = (*_VERDICT, *_SCORES.values(), *(f"line_{name}" for name in LINED))


def rejudge(table: pa.Table, rules: Defects) -> pa.Table | None:
    """Judge the galaxies of a bin by other thresholds and policies.

    Args:
        table: rows of the catalogue, as :mod:`gzprep.prepare.catalogue_row` has them.
        rules: thresholds and policies.

    Returns:
        The rows with their new verdicts; or None where the shards have to be made again, because a galaxy would come
        or go or have other lines filled, or was never scored by a detector that is on now.
    """
    rows = [_rejudge_row(row, rules) for row in table.select(_COLUMNS).to_pylist()]
    if None in rows:
        return None
    judged = pa.Table.from_pylist(rows, pa.schema([table.schema.field(name) for name in _COLUMNS]))
    for name in _COLUMNS:
        table = table.set_column(table.schema.get_field_index(name), judged.schema.field(name), judged[name])
    return table


def _rejudge_row(row: dict[str, Any], rules: Defects) -> dict[str, Any] | None:
    if row["stage"] not in {None, RejectionStage.DEFECT.value}:  # rejected before a detector looked at the image
        return row
    names = wanted(rules)
    if any(row[_SCORES[name]] is None for name in names):
        return None
    verdict = decide({name: _finding(row, name) for name in names}, rules)
    kept = tuple(flag for flag in row["flags"] or () if flag not in DETECTORS)  # what the decoder told
    columns = verdict_columns(replace(verdict, flags=(*verdict.flags, *kept)))
    return dict.fromkeys(_COLUMNS) | columns if _pixels(columns) == _pixels(row) else None


def _finding(row: dict[str, Any], name: str) -> Finding:
    line = row.get(f"line_{name}")
    return Finding(row[_SCORES[name]], DefectLine(**line) if line else None)


def _pixels(row: dict[str, Any]) -> tuple[bool, frozenset[str]]:
    """What of a verdict decides the pixels of the shards."""
    return row["verdict"] == "rejected", frozenset(row["inpainted"] or ())
