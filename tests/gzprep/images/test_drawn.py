"""Parameters of albumentations as JSON, and back."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gzprep.images.drawn import LONGEST, NotStored, as_json, from_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=4).map(tuple) | st.dictionaries(st.text(max_size=5), below, max_size=4),
    max_leaves=10,
)


@given(value=PLAIN)
@example(value={"type": None})
@example(value={"sha256": 1, "more": (2,)})
@example(value={"array": (1,), "dtype": "int8", "shape": (1,)})
@example(value={"pairs": ({"pairs": ()},)})
def test_plain_values_come_back(value: Any) -> None:
    assert from_json(json.loads(json.dumps(as_json(value)))) == value


@given(
    value=arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
        arrays.array_shapes(max_dims=3, max_side=3),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_small_arrays_come_back(value: np.ndarray) -> None:
    back = from_json(json.loads(json.dumps(as_json(value))))
    np.testing.assert_array_equal(back, value, strict=True)


LARGE = {
    "an array": np.zeros((100, 100), np.float32),
    "a list": list(range(1000)),
    "an array that is not finite": np.array([np.nan]),
    "not a number": float("nan"),
    "an object": object(),
}


@pytest.mark.parametrize("value", LARGE.values(), ids=LARGE.keys())
def test_what_is_too_large_leaves_its_checksum_or_its_kind(value: Any) -> None:
    stored = as_json({"a": value})
    assert len(json.dumps(stored)) < LONGEST
    with pytest.raises(NotStored):
        from_json(stored)


def test_checksums_tell_arrays_apart() -> None:
    zeros = np.zeros((100, 100))
    assert as_json(zeros) == as_json(zeros.copy())
    assert as_json(zeros) != as_json(zeros + 1)
