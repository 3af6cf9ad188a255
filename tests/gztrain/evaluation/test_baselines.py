"""What can be had without looking."""

import numpy as np
import pytest

from gzcore.errors import GzError
from gztrain.data.label_counts import LabelCounts, count_labels
from gztrain.evaluation.baselines import make_baseline
from tests.gztrain.synthetic import scheme_of, some_predictions


@pytest.mark.parametrize(
    ("scheme", "answered", "positives", "image_free", "majority"),
    [
        ("q1", [10], [3], [0.3], [0]),
        ("q1", [10], [7], [0.7], [1]),
        ("q1", [10], [5], [0.5], [0]),  # above one half is 1
        ("q1", [0], [0], [0.5], [0]),
        ("q6", [10] * 3, [3, 5, 2], [0.3, 0.5, 0.2], [0, 1, 0]),
        ("q6", [10] * 3, [4, 4, 2], [0.4, 0.4, 0.2], [1, 0, 0]),
        ("q6", [0] * 3, [0] * 3, [1 / 3] * 3, [1, 0, 0]),
        ("hubble", [20, 8, 8, 10], [15, 2, 6, 5], [0.75, 0.25, 0.75, 0.5], [1, 0, 1, 0]),
    ],
)
def test_baselines_by_hand(
    scheme: str, answered: list[int], positives: list[int], image_free: list[float], majority: list[int]
) -> None:
    chosen = scheme_of(scheme)
    found = make_baseline(LabelCounts(chosen.names, 20, np.array(answered), np.array(positives)), chosen)
    assert found.image_free == pytest.approx(image_free)
    assert found.majority.tolist() == majority


def test_shares_of_a_question_of_several_labels_add_up_to_one() -> None:
    scheme = scheme_of("all")
    predictions = some_predictions(scheme, 200)
    found = make_baseline(count_labels(scheme, predictions.labels, predictions.mask), scheme)
    for block in scheme.blocks:
        if block.stop - block.start > 1:
            assert found.image_free[block].sum() == pytest.approx(1)
            assert found.majority[block].sum() == 1


def test_counts_of_another_scheme() -> None:
    counts = LabelCounts(("a",), 1, np.array([1]), np.array([1]))
    with pytest.raises(GzError, match="not those of scheme q1: a"):
        make_baseline(counts, scheme_of("q1"))
