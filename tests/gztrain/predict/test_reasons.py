"""Why images could not be classified, in a sentence."""

import pyarrow as pa
import pytest

from gztrain.predict.images import notes

COUNTS = {"images": 9, "other_size": 0, "frame": 424, "not_read": ()}
CASES: dict[str, tuple[list[str | None], str]] = {
    "one": (["grey", None], "1 could not be classified: grey (1). See the column `reason`."),
    "the commonest first": (["b", "a", "a"], "3 could not be classified: a (2); b (1). See the column `reason`."),
    "more": (["a", "b", "c", "d", "a"], "5 could not be classified: a (2); b (1); other reasons (2). See the column"),
    "endless": (["a" * 5000], f"1 could not be classified: {'a' * 100}... (1). See"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_commonest_reasons_are_told(name: str) -> None:
    reasons, expected = CASES[name]
    column = pa.chunked_array([pa.array(reasons, pa.string())])
    counts = {**COUNTS, "unusable": len(column) - column.null_count}
    (said,) = notes(counts, "tell", column)
    assert said.startswith(expected)


def test_without_the_column_the_number_alone_is_told() -> None:
    (said,) = notes({**COUNTS, "unusable": 2}, "tell")
    assert said == "2 could not be classified. See the column `reason`."
