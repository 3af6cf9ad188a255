"""Resamples, intervals and fast ranking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from gztrain.evaluation import bootstrap
from gztrain.evaluation.bootstrap import interval, rank, resamples

checked = settings(deadline=None, derandomize=True, max_examples=100)


@checked
@given(
    galaxies=st.integers(1, 30),
    pairs=st.integers(0, 80),
    steps=st.sampled_from((1, 3, 10, 10**6)),
    share=st.sampled_from((0.0, 0.2, 0.5, 1.0)),
    seed=st.integers(0, 10**6),
)
def test_ranking_is_scikit_learns(galaxies: int, pairs: int, steps: int, share: float, seed: int) -> None:
    """On pairs copied as often as their galaxy was drawn."""
    rng = np.random.default_rng(seed)
    scores = (rng.integers(steps + 1, size=pairs) / steps).astype(np.float32)
    truths, owners = (rng.random(pairs) < share).astype(np.int64), rng.integers(galaxies, size=pairs)
    counts = np.concatenate([np.ones((1, galaxies)), rng.integers(3, size=(4, galaxies)), np.zeros((1, galaxies))])
    found = rank(scores, truths, owners).figures(counts)
    for drawn, auc, precision in zip(counts, *found, strict=True):
        copies = np.repeat(np.arange(pairs), drawn[owners].astype(int))
        true = truths[copies]
        assert auc == pytest.approx(
            roc_auc_score(true, scores[copies]) if 0 < true.sum() < len(true) else np.nan, nan_ok=True
        )
        assert precision == pytest.approx(
            average_precision_score(true, scores[copies]) if true.any() else np.nan, nan_ok=True
        )


def test_each_resample_draws_as_many_galaxies_as_there_are() -> None:
    parts = list(resamples(50, 200, seed=1))
    counts = np.concatenate(parts)
    assert counts.shape == (200, 50)
    assert (counts.sum(axis=1) == 50).all()
    assert abs(counts.mean(axis=0) - 1).max() < 5 * np.sqrt(0.98 / 200)
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=0.02)


def test_resamples_do_not_depend_on_how_many_come_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = np.concatenate(list(resamples(7, 31, seed=2, width=3)))
    monkeypatch.setattr(bootstrap, "_ROOM", 40)
    apart = list(resamples(7, 31, seed=2, width=3))
    assert {len(part) for part in apart} == {1}
    assert (np.concatenate(apart) == together).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(1001.0), [25, 975]),
        ([np.nan, 2.0, np.nan], [2, 2]),
        ([np.nan, np.nan], None),
        ([], None),
    ],
)
def test_interval(values: list[float], expected: list[float] | None) -> None:
    assert interval(np.array(values)) == pytest.approx(expected)
