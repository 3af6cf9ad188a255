"""Another threshold over scores that are there: what becomes of a finished bin, without a look at its images."""

from typing import Any

import pyarrow as pa

from gzprep.config import Defects
from gzprep.defects import DETECTORS, decide, wanted
from gzprep.records import Stage
from gzprep.rows import SCHEMA, verdict_columns

_SCORES = {name: f"score_{name}" for name in DETECTORS}
_COLUMNS = ("verdict", "stage", "reason", "detail", "flags", *_SCORES.values())


def rejudge(table: pa.Table, rules: Defects) -> pa.Table | None:
    """Judge the galaxies of a bin by other thresholds and policies.

    Args:
        table: rows of the catalogue, as :mod:`gzprep.rows` has them.
        rules: thresholds and policies.

    Returns:
        The rows with their new verdicts; or None where the shards have to be made again, because a galaxy would come
        or go, or was never scored by a detector that is on now.
    """
    rows = [_rejudge_row(row, rules) for row in table.select(_COLUMNS).to_pylist()]
    if None in rows:
        return None
    judged = pa.Table.from_pylist(rows, pa.schema([SCHEMA.field(name) for name in _COLUMNS]))
    for name in _COLUMNS:
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), judged[name])
    return table


def _rejudge_row(row: dict[str, Any], rules: Defects) -> dict[str, Any] | None:
    if row["stage"] not in {None, Stage.DEFECT.value}:  # its image never came before the detectors
        return row
    scores = {name: row[_SCORES[name]] for name in wanted(rules)}
    if None in scores.values():
        return None
    columns = verdict_columns(decide(scores, rules))
    if (columns["verdict"] == "rejected") != (row["verdict"] == "rejected"):
        return None
    return dict.fromkeys(_COLUMNS) | columns
