"""Weights of labels, by hand and by the formula as it is written; label counts, against the records themselves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.errors import GzError, UsageError
from gztrain.data import open_reader, select
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.label_counts import LabelCounts, count_labels, counts_of_folds
from gztrain.data.labels import true_labels
from gztrain.training.label_weights import KINDS, check_labels, label_weights, warning
from tests.gztrain.synthetic import ALL_SCHEMES, scheme_of, some_predictions

checked = settings(deadline=None, derandomize=True, max_examples=100)


def counts_of(positives: list[int], galaxies: int) -> LabelCounts:
    names = tuple("abcdefghijklmnopqrstuv"[: len(positives)])
    return LabelCounts(names, galaxies, np.full(len(positives), galaxies), np.array(positives))


@pytest.mark.parametrize(
    ("kind", "positives", "expected"),
    [
        # N = 4: b = 3/4; E(1) = 1, E(2) = 7/4, E(4) = (1 - 81/256) x 4 = 175/64
        ("ens", [1, 2], [2 / (1 + 4 / 7), 2 * (4 / 7) / (1 + 4 / 7)]),
        ("ens", [1, 4], [2 / (1 + 64 / 175), 2 * (64 / 175) / (1 + 64 / 175)]),
        ("inverse", [1, 4], [2 * 0.8, 2 * 0.2]),
        ("inverse-sqrt", [1, 4], [2 * 2 / 3, 2 / 3]),
        ("none", [1, 4], [1, 1]),
        ("ens", [3, 3, 3], [1, 1, 1]),
        ("ens", [1, 0, 1], [1.5, 0, 1.5]),  # without a positive: 0, and the others share what there is
        ("inverse", [2, 0, 4], [2, 0, 1]),
        ("none", [4, 0], [2, 0]),
    ],
)
def test_weights_by_hand(kind: str, positives: list[int], expected: list[float]) -> None:
    assert label_weights(kind, counts_of(positives, 4)) == pytest.approx(expected)


def test_one_galaxy_has_an_effective_number_of_one() -> None:
    assert label_weights("ens", counts_of([1], 1)).tolist() == [1]


@checked
@given(
    st.integers(2, 300_000).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(1, n), min_size=1, max_size=22))
    )
)
def test_effective_numbers_are_those_of_the_formula(drawn: tuple[int, list[int]]) -> None:
    galaxies, positives = drawn
    beta = (galaxies - 1) / galaxies
    raw = [(1 - beta) / (1 - beta**n) for n in positives]
    found = label_weights("ens", counts_of(positives, galaxies))
    assert found == pytest.approx([one * len(raw) / sum(raw) for one in raw], rel=1e-4)


@checked
@given(st.sampled_from(list(KINDS)), st.lists(st.integers(0, 500), min_size=1, max_size=22).filter(any))
def test_weights_add_up_and_the_rarer_weigh_no_less(kind: str, positives: list[int]) -> None:
    counts = counts_of(positives, 500)
    found = label_weights(kind, counts)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(len(positives), rel=1e-5)
    assert label_weights(kind, counts, "samples").sum() == pytest.approx(500, rel=1e-5)
    known = [(n, weight) for n, weight in zip(positives, found.tolist(), strict=True) if n]
    assert [weight for _, weight in sorted(known, key=lambda pair: (pair[0], -pair[1]))] == sorted(
        (weight for _, weight in known), reverse=True
    )
    assert all(weight == 0 for n, weight in zip(positives, found, strict=True) if n == 0)


def test_only_positives_of_known_galaxies_count() -> None:
    predictions = some_predictions(scheme_of("all"), 50)
    labels = np.ones_like(predictions.labels)
    found = count_labels(scheme_of("all"), labels, predictions.mask)
    assert (found.positives == predictions.mask.sum(axis=0)).all()
    assert found.galaxies == 50


@pytest.mark.parametrize(
    ("positives", "named"),
    [([2, 0, 3], "b = 1"), ([0, 0, 1], "a or b = 1"), ([0, 1, 0, 0], "a, c or d = 1")],
)
def test_labels_without_a_positive_are_named(positives: list[int], named: str) -> None:
    counts = counts_of(positives, 5)
    sentence = warning(counts)
    assert sentence is not None
    assert f"No training galaxy has {named}: " in sentence
    with pytest.raises(GzError, match=f"No training galaxy has {named}"):
        check_labels(counts)


def test_there_is_no_warning_where_every_label_has_a_positive() -> None:
    counts = counts_of([1, 2], 5)
    check_labels(counts)
    assert warning(counts) is None


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (
            ("cubic", counts_of([1], 2)),
            UsageError,
            "no class weight 'cubic'; choose one of ens, inverse, inverse-sqrt, none",
        ),
        (("ens", counts_of([1], 2), "votes"), UsageError, "classes or of samples, not of 'votes'"),
        (("ens", counts_of([0, 0], 2)), GzError, "None of the labels is 1"),
    ],
)
def test_what_cannot_be_weighed(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        label_weights(*arguments)


@pytest.mark.parametrize(
    ("answered", "positives"),
    [([3], [4]), ([11], [1]), ([3], [-1]), ([3, 3], [1, 1])],
    ids=["more positives than answers", "more answers than galaxies", "negative", "too many"],
)
def test_counts_that_cannot_be(answered: list[int], positives: list[int]) -> None:
    with pytest.raises(GzError, match=r"[Cc]ounts of"):
        LabelCounts(("a",), 10, np.array(answered), np.array(positives))


@pytest.mark.parametrize("policy", ["asked", "report"])
def test_the_manifest_counts_what_the_records_hold(dataset: Path, policy: Any) -> None:
    data = open_dataset(dataset)
    for folds in ((1, 2, 3, 4), (0,)):
        chosen = select(data, "train", folds=folds)
        batches = list(open_reader("native", threads=1).batches(chosen, np.arange(len(chosen)), 16))
        for scheme in (choose_scheme(data, name) for name in ALL_SCHEMES):
            parts = [true_labels(batch, scheme, policy) for batch in batches]
            found = count_labels(scheme, *(np.concatenate(part) for part in zip(*parts, strict=True)))
            said = counts_of_folds(data.manifest, scheme, folds, policy)
            assert (said.names, said.galaxies) == (found.names, found.galaxies)
            assert (said.positives.tolist(), said.answered.tolist()) == (
                found.positives.tolist(),
                found.answered.tolist(),
            )


def test_the_schemes_of_these_tests_are_those_of_a_folder(dataset: Path) -> None:
    data = open_dataset(dataset)
    assert [choose_scheme(data, name) for name in ALL_SCHEMES] == [scheme_of(name) for name in ALL_SCHEMES]
    assert set(json.loads((dataset / "manifest.json").read_text())["labels"]["schemes"]) == set(ALL_SCHEMES)
