"""Other thresholds over the rows of a finished bin: what changes, what stays, and when shards have to be made again."""

from typing import Any

import pyarrow as pa
import pytest

from gzprep.config import Defects, from_mapping
from gzprep.prepare.rejudge import rejudge
from tests.gz2 import SCHEMA

KEEP: dict[str, dict[str, Any]] = {
    name: {"policy": "keep", "threshold": 10.0}
    for name in ("error_image", "black_line", "colour_line", "saturated_background", "frame_edge")
}
SCORES = {f"score_{name}": 1.0 for name in KEEP}
LINE = {"x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0, "width": 2.0}
LINES = {f"line_{name}": LINE for name in ("black_line", "colour_line", "frame_edge")}
ACCEPTED = {"id_str": "1", "verdict": "accepted", "flags": [], "inpainted": [], **SCORES, **LINES}
DROPPED = ACCEPTED | {"verdict": "rejected", "stage": "defect", "reason": "black_line", "detail": "?"}
UNREAD = {"id_str": "3", "verdict": "rejected", "stage": "read", "reason": "unreadable", "detail": "the file is empty"}


def rules(**changed: dict[str, Any]) -> Defects:
    """Detectors that keep everything, but for those that are named."""
    return from_mapping(
        {"defects": {**KEEP, **{name: KEEP[name] | change for name, change in changed.items()}}}
    ).defects


def rejudged(row: dict[str, Any], defects: Defects) -> dict[str, Any] | None:
    """A row by other rules; None where the shards have to be made again."""
    table = rejudge(pa.Table.from_pylist([row], SCHEMA), defects)
    return None if table is None else dict(table.to_pylist()[0])


def in_full(row: dict[str, Any]) -> dict[str, Any]:
    return dict(pa.Table.from_pylist([row], SCHEMA).to_pylist()[0])


def test_the_same_rules_change_nothing() -> None:
    assert rejudged(ACCEPTED, rules()) == in_full(ACCEPTED)


def test_a_lower_threshold_flags_and_a_higher_one_takes_the_flag_back() -> None:
    flagged = rejudged(ACCEPTED, rules(frame_edge={"policy": "flag", "threshold": 0.5}))
    assert flagged == in_full(ACCEPTED | {"verdict": "flagged", "flags": ["frame_edge"]})
    assert rejudged(flagged, rules(frame_edge={"policy": "flag", "threshold": 1.5})) == in_full(ACCEPTED)


def test_a_row_that_stays_rejected_gets_the_words_of_the_new_threshold() -> None:
    row = rejudged(DROPPED, rules(black_line={"policy": "drop", "threshold": 0.25}))
    assert row is not None
    assert (row["verdict"], row["reason"]) == ("rejected", "black_line")
    assert "0.25" in row["detail"]


AGAIN: dict[str, tuple[dict[str, Any], Defects]] = {
    "a galaxy would go": (ACCEPTED, rules(black_line={"policy": "drop", "threshold": 0.5})),
    "a galaxy would come": (DROPPED, rules()),
    "a line would be filled": (ACCEPTED, rules(black_line={"policy": "inpaint", "threshold": 0.5})),
    "a line would be left": (ACCEPTED | {"inpainted": ["black_line"]}, rules()),
    "a detector never looked": (ACCEPTED | {"score_frame_edge": None}, rules()),
}


@pytest.mark.parametrize("name", AGAIN)
def test_the_shards_have_to_be_made_again_where(name: str) -> None:
    assert rejudged(*AGAIN[name]) is None


def test_a_detector_that_is_off_needs_no_score() -> None:
    row = rejudged(ACCEPTED | {"score_frame_edge": None}, rules(frame_edge={"policy": "off"}))
    assert row is not None
    assert row["score_frame_edge"] is None


def test_an_image_that_no_detector_saw_stays_as_it_is() -> None:
    assert rejudged(UNREAD, rules(black_line={"policy": "drop", "threshold": 0.0})) == in_full(UNREAD)


def test_one_row_that_needs_its_pixels_is_enough() -> None:
    table = pa.Table.from_pylist([ACCEPTED, DROPPED, UNREAD], SCHEMA)
    assert rejudge(table, rules()) is None
    assert rejudge(table.slice(2), rules()) is not None
