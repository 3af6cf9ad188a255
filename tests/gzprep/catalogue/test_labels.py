"""Labels of both policies, against rows worked out by hand from REPORT section 1 (F12 to F15).

The places of labels and fractions are written out here, so that the tests do not lean on the tree they test.
"""

import hashlib
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Galaxy, Labels, Split
from gzprep.catalogue.read import CatalogueFile, row_groups
from tests.gz2 import Votes, bulge_asked, bulge_report, label, read_galaxies

NAN = math.nan
checked = settings(deadline=None, derandomize=True, max_examples=100)


@dataclass(frozen=True)
class Shape:
    """Where one question stands, and what its answers are for."""

    key: str
    fractions: slice
    labels: slice
    dropped: int | None = None

    @property
    def answers(self) -> int:
        return self.fractions.stop - self.fractions.start

    @property
    def width(self) -> int:
        return self.labels.stop - self.labels.start


SHAPES = (
    Shape("smooth", slice(0, 3), slice(0, 1), dropped=2),  # smooth | featured | artifact
    Shape("edge", slice(3, 5), slice(1, 2)),
    Shape("spiral", slice(5, 7), slice(2, 3)),
    Shape("bar", slice(7, 9), slice(3, 4)),
    Shape("size", slice(9, 13), slice(4, 7), dropped=3),  # dominant, obvious, just-noticeable | no
    Shape("odd", slice(13, 15), slice(7, 8)),
    Shape("rounded", slice(15, 18), slice(8, 11)),
    Shape("shape", slice(18, 21), slice(11, 12), dropped=2),  # round | boxy | no-bulge
    Shape("winding", slice(21, 24), slice(12, 15)),
    Shape("arms", slice(24, 30), slice(15, 21)),
    Shape("bulge", slice(30, 32), slice(21, 22)),
)
BY_KEY = {shape.key: shape for shape in SHAPES}
CATALOGUE = SHAPES[:10]
BULGE = BY_KEY["bulge"]


def votes_of(**given: Sequence[float]) -> Votes:
    """Votes without counts, from the fractions of some questions; NaN elsewhere."""
    fractions = (value for shape in CATALOGUE for value in given.get(shape.key, (NAN,) * shape.answers))
    return Votes(tuple(fractions))


def counted(**given: Sequence[int]) -> Votes:
    """Votes with counts, from the counts of some questions; the others were not asked."""
    counts = [given.get(shape.key, (0,) * shape.answers) for shape in CATALOGUE]
    fractions = (n / sum(part) if sum(part) else NAN for part in counts for n in part)
    return Votes(
        tuple(fractions),
        tuple(float(n) for part in counts for n in part),
        tuple(float(sum(part)) for part in counts),
    )


def without_counts(votes: Votes) -> Votes:
    return Votes(votes.fractions)


def as_hart(votes: Votes) -> Votes:
    """The same votes as Hart's table writes them: 0 for every answer of a question that was not asked."""
    return Votes(tuple(0.0 if math.isnan(value) else value for value in votes.fractions), votes.counts, votes.totals)


def hot(shape: Shape, place: int) -> tuple[int, ...]:
    """The labels of a question in which answer ``place`` wins."""
    return tuple(int(other == place) for other in range(shape.width))


# ---------------------------------------------------------------- rows worked out by hand


@dataclass(frozen=True)
class Row:
    """One question of one galaxy: what was voted, and what must come of it."""

    key: str
    fractions: tuple[float, ...]
    asked: tuple[int, ...]
    mask: int
    report: tuple[int, ...] | None


ROWS = {
    "smooth has the majority": Row("smooth", (0.7, 0.2, 0.1), (1,), 1, (1,)),
    "smooth leads without a majority: report says no": Row("smooth", (0.45, 0.35, 0.2), (1,), 1, (0,)),
    "featured, the twin, wins": Row("smooth", (0.3, 0.6, 0.1), (0,), 1, (0,)),
    "artifact wins": Row("smooth", (0.2, 0.3, 0.5), (0,), 0, (0,)),
    "artifact wins over a strong smooth": Row("smooth", (0.48, 0.0, 0.52), (0,), 0, (0,)),
    "smooth at one half": Row("smooth", (0.5, 0.3, 0.2), (1,), 1, (1,)),
    "smooth a hair below one half is no for report": Row("smooth", (0.4999999, 0.3, 0.2000001), (1,), 1, (0,)),
    "edge-on": Row("edge", (0.8, 0.2), (1,), 1, (1,)),
    "not edge-on": Row("edge", (0.2, 0.8), (0,), 1, (0,)),
    "bar, not asked": Row("bar", (NAN, NAN), (0,), 0, (0,)),
    "bar, not asked, as Hart writes it": Row("bar", (0.0, 0.0), (0,), 0, (0,)),
    "bar, half a row": Row("bar", (0.9, NAN), (0,), 0, (1,)),  # the report fills zeros value by value
    "bar, an infinite fraction": Row("bar", (math.inf, 0.0), (0,), 0, (0,)),
    "bulge size obvious": Row("size", (0.1, 0.5, 0.3, 0.1), (0, 1, 0), 1, (0, 1, 0)),
    "bulge size no": Row("size", (0.1, 0.2, 0.3, 0.4), (0, 0, 0), 0, (0, 0, 1)),
    "bulge size, not asked": Row("size", (NAN,) * 4, (0, 0, 0), 0, None),
    "odd": Row("odd", (0.51, 0.49), (1,), 1, (1,)),
    "cigar": Row("rounded", (0.2, 0.3, 0.5), (0, 0, 1), 1, (0, 0, 1)),
    "round, two thirds of a row": Row("rounded", (0.5, NAN, 0.5), (0, 0, 0), 0, None),
    "no-bulge wins": Row("shape", (0.3, 0.2, 0.5), (0,), 0, (0,)),
    "no-bulge loses to a round half": Row("shape", (0.5, 0.1, 0.4), (1,), 1, (1,)),
    "boxy, the twin, wins": Row("shape", (0.3, 0.6, 0.1), (0,), 1, (0,)),
    "round leads without a majority": Row("shape", (0.4, 0.3, 0.3), (1,), 1, (0,)),
    "medium winding": Row("winding", (0.1, 0.8, 0.1), (0, 1, 0), 1, (0, 1, 0)),
    "winding, Hart zeros": Row("winding", (0.0, 0.0, 0.0), (0, 0, 0), 0, None),
    "three arms": Row("arms", (0.0, 0.2, 0.5, 0.1, 0.1, 0.1), (0, 0, 1, 0, 0, 0), 1, (0, 0, 1, 0, 0, 0)),
    "can't tell is an answer": Row("arms", (0, 0.2, 0.1, 0.1, 0.1, 0.5), (0, 0, 0, 0, 0, 1), 1, (0, 0, 0, 0, 0, 1)),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_question(row: Row) -> None:
    shape = BY_KEY[row.key]
    found = label(votes_of(**{row.key: row.fractions}), "587722982293766366")
    assert found.asked[shape.labels] == row.asked
    assert found.mask[shape.labels] == (row.mask,) * shape.width
    if row.report is not None:
        assert found.report[shape.labels] == row.report
    assert sum(found.report[shape.labels]) == 1 or shape.width == 1


@dataclass(frozen=True)
class Bulge:
    """Q10 of one galaxy: its votes, the yes fraction of ``asked``, and the labels of both policies."""

    votes: Votes
    yes: float
    asked: int
    mask: int
    report: int


EDGE = (0.25, 0.75)
BULGES = {
    # (.75 x .2 + .25 x .6) = .15 + .15 = .3; report (.2 + .6) / 2 = .4
    "both asked": Bulge(votes_of(edge=EDGE, size=(0.1, 0.4, 0.3, 0.2), shape=(0.3, 0.1, 0.6)), 0.7, 1, 1, 1),
    # .9 x .4 + .1 x .8 = .44; report (.4 + .8) / 2 = .6
    "the policies differ": Bulge(
        votes_of(edge=(0.1, 0.9), size=(0.1, 0.3, 0.2, 0.4), shape=(0.2, 0, 0.8)), 0.56, 1, 1, 0
    ),
    "shape not asked": Bulge(votes_of(edge=(0.0, 1.0), size=(0.2, 0.3, 0.2, 0.3)), 0.7, 1, 1, 0),
    "shape not asked, as Hart writes it": Bulge(
        votes_of(edge=(0.0, 1.0), size=(0.2, 0.3, 0.2, 0.3), shape=(0.0, 0.0, 0.0)), 0.7, 1, 1, 0
    ),
    "size not asked": Bulge(votes_of(edge=(1.0, 0.0), shape=(0.05, 0.05, 0.9)), 0.1, 0, 1, 0),
    "neither asked": Bulge(votes_of(smooth=(1.0, 0.0, 0.0)), NAN, 0, 0, 0),
    "neither asked, as Hart writes it": Bulge(votes_of(edge=(0, 0), size=(0, 0, 0, 0), shape=(0, 0, 0)), NAN, 0, 0, 0),
    "one branch without votes": Bulge(
        votes_of(edge=(0.0, 1.0), size=(0.1, 0.4, 0.3, 0.2), shape=(0.2, 0, 0.8)), 0.8, 1, 1, 1
    ),
    "the table rounded the branch away": Bulge(votes_of(edge=(0.0, 1.0), shape=(0.5, 0.25, 0.25)), 0.75, 1, 1, 0),
    # pooled (2 + 4) / (20 + 5) = .24; report (.1 + .8) / 2 = .45
    "counts": Bulge(counted(edge=(5, 20), size=(0, 10, 8, 2), shape=(1, 0, 4)), 0.76, 1, 1, 1),
    # pooled (8 + 0) / (10 + 2) = 2/3, though 30 of 40 said edge-on; weighted would be .25 x .8 = .2; report .4
    "counts of voters who left": Bulge(counted(edge=(30, 10), size=(1, 1, 0, 8), shape=(2, 0, 0)), 1 / 3, 0, 1, 1),
    "counts of one branch": Bulge(counted(edge=(4, 0), shape=(1, 0, 3)), 0.25, 0, 1, 0),
    "counts, neither asked": Bulge(counted(smooth=(9, 0, 0)), NAN, 0, 0, 0),
    # (.25 + .5) / 2 = .375
    "halves": Bulge(votes_of(edge=(0.5, 0.5), size=(0.5, 0.25, 0, 0.25), shape=(0.5, 0, 0.5)), 0.625, 1, 1, 1),
}


@pytest.mark.parametrize("case", BULGES.values(), ids=BULGES)
def test_bulge(case: Bulge) -> None:
    found = label(case.votes, "587722982293766366")
    yes, no = found.fractions[30:]
    assert yes == pytest.approx(case.yes, nan_ok=True)
    assert no == pytest.approx(1 - case.yes, nan_ok=True)
    assert (found.asked[21], found.mask[21], found.report[21]) == (case.asked, case.mask, case.report)


@pytest.mark.parametrize(
    ("size_no", "shape_no", "yes"),
    [(0.2, 0.6, 0.6), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (NAN, 0.5, NAN), (0.5, NAN, NAN), (NAN, NAN, NAN)],
)
def test_equation_6_1_lets_nan_propagate(size_no: float, shape_no: float, yes: float) -> None:
    votes = votes_of(size=(0, 0, 0, size_no), shape=(0, 0, shape_no))
    found = bulge_report(votes.fractions)
    assert found == pytest.approx((yes, 1 - yes), nan_ok=True)


def test_report_calls_a_mean_of_one_half_a_bulge() -> None:
    found = label(votes_of(edge=(0.5, 0.5), size=(0.25, 0.25, 0, 0.5), shape=(0.25, 0.25, 0.5)), "1")
    assert found.report[21] == 1


def test_totals_of_q10_are_the_sum_over_its_two_questions() -> None:
    found = label(counted(smooth=(1, 26, 0), edge=(5, 21), size=(0, 10, 8, 2), shape=(1, 0, 4)), "1")
    assert found.votes == (27, 26, 0, 0, 20, 0, 0, 5, 0, 0, 25)


def test_totals_without_counts_are_nan() -> None:
    assert all(map(math.isnan, label(votes_of(smooth=(1, 0, 0)), "1").votes))


# 4 voters on the size of the bulge, 3 on its shape: 7 on whether there is one.
MIN_VOTES = counted(smooth=(2, 8, 0), edge=(3, 4), size=(3, 1, 0, 0), shape=(2, 1, 0))


@pytest.mark.parametrize(
    ("min_votes", "answered"),
    [
        (0, {"smooth", "edge", "size", "shape", "bulge"}),
        (1, {"smooth", "edge", "size", "shape", "bulge"}),
        (3, {"smooth", "edge", "size", "shape", "bulge"}),
        (4, {"smooth", "edge", "size", "bulge"}),
        (5, {"smooth", "edge", "bulge"}),
        (7, {"smooth", "edge", "bulge"}),
        (8, {"smooth"}),
        (10, {"smooth"}),
        (11, set()),
    ],
)
def test_min_votes_masks_where_there_are_counts(min_votes: int, answered: set[str]) -> None:
    found = label(MIN_VOTES, "1", min_votes=min_votes)
    assert {shape.key for shape in SHAPES if all(found.mask[shape.labels])} == answered
    assert all(mask or not asked for mask, asked in zip(found.mask, found.asked, strict=True))


def test_min_votes_does_not_touch_report_nor_fractions() -> None:
    strict, lax = label(MIN_VOTES, "1", min_votes=100), label(MIN_VOTES, "1")
    assert strict.report == lax.report
    assert repr(strict.fractions) == repr(lax.fractions)


def test_min_votes_does_not_mask_without_counts() -> None:
    bare = without_counts(MIN_VOTES)
    assert repr(label(bare, "1", min_votes=1000)) == repr(label(bare, "1"))


def test_min_votes_with_counts_of_the_first_question_only() -> None:
    """As in the 750 real galaxies."""
    bare = votes_of(smooth=(0.2, 0.8, 0.0), edge=(0.9, 0.1))
    votes = Votes(bare.fractions, (2.0, 8.0, 0.0) + (NAN,) * 27, (10.0,) + (NAN,) * 9)
    found = label(votes, "1", min_votes=11)
    assert found.mask[:2] == (0, 1)


# ---------------------------------------------------------------- ties


IDS = [str(587722982293766366 + 17 * place) for place in range(4000)]


def choices(votes: Votes, key: str, seed: int = 0) -> Counter[tuple[int, ...]]:
    part = BY_KEY[key].labels
    return Counter(label(votes, galaxy_id, seed=seed).asked[part] for galaxy_id in IDS)


def assert_uniform(found: Counter[tuple[int, ...]], expected: set[tuple[int, ...]]) -> None:
    """Every outcome within five standard deviations of its share."""
    assert set(found) == expected
    total, share = sum(found.values()), 1 / len(expected)
    bound = 5 * math.sqrt(total * share * (1 - share))
    assert all(abs(count - total * share) <= bound for count in found.values()), found


@pytest.mark.parametrize(
    ("key", "fractions", "expected"),
    [
        ("bar", (0.5, 0.5), {(0,), (1,)}),
        ("winding", (0.5, 0.5, 0.0), {(1, 0, 0), (0, 1, 0)}),
        ("rounded", (1 / 3, 1 / 3, 1 / 3), {(1, 0, 0), (0, 1, 0), (0, 0, 1)}),
        ("rounded", (0.333, 0.3329995, 0.333), {(1, 0, 0), (0, 1, 0), (0, 0, 1)}),  # within 1e-6: equal
        ("winding", (0.5, 0.499998, 0.000002), {(1, 0, 0)}),  # 2e-6 apart: no tie
        ("winding", (0.2, 0.4, 0.4), {(0, 1, 0), (0, 0, 1)}),
    ],
    ids=["one label", "two of three", "three", "nearly three", "not nearly", "the last two"],
)
def test_ties_are_settled_evenly(key: str, fractions: tuple[float, ...], expected: set[tuple[int, ...]]) -> None:
    assert_uniform(choices(votes_of(**{key: fractions}), key), expected)


def test_a_tie_with_a_dropped_answer_masks_about_half() -> None:
    found = Counter(
        (labels.asked[0], labels.mask[0])
        for labels in (label(votes_of(smooth=(0.4, 0.2, 0.4)), galaxy_id) for galaxy_id in IDS)
    )
    assert_uniform(found, {(1, 1), (0, 0)})


def test_report_has_no_tie_in_a_question_of_one_label() -> None:
    votes = votes_of(edge=(0.5, 0.5), bar=(0.5, 0.5), smooth=(0.5, 0.5, 0.0))
    assert all(label(votes, galaxy_id).report[:4] == (1, 1, 0, 1) for galaxy_id in IDS[:300])


def test_report_gives_an_unasked_galaxy_a_class_by_lot() -> None:
    found = Counter(label(votes_of(smooth=(0.0, 1.0, 0.0)), galaxy_id).report[8:11] for galaxy_id in IDS)
    assert_uniform(found, {(1, 0, 0), (0, 1, 0), (0, 0, 1)})


def test_another_split_seed_moves_about_half_of_the_ties() -> None:
    votes = votes_of(bar=(0.5, 0.5))
    moved = sum(label(votes, name, seed=0).asked[3] != label(votes, name, seed=1).asked[3] for name in IDS)
    assert abs(moved - 2000) < 5 * math.sqrt(1000)


def test_two_questions_of_a_galaxy_draw_separately() -> None:
    votes = votes_of(bar=(0.5, 0.5), spiral=(0.5, 0.5))
    equal = sum(labels.asked[2] == labels.asked[3] for labels in (label(votes, galaxy_id) for galaxy_id in IDS))
    assert abs(equal - 2000) < 5 * math.sqrt(1000)


def test_a_tie_is_the_hash_of_purpose_seed_id_and_question() -> None:
    votes = votes_of(winding=(0.4, 0.2, 0.4))
    for galaxy_id in IDS[:50]:
        digest = hashlib.blake2b(f"tie/3/{galaxy_id}/spiral-winding-gz2".encode()).hexdigest()
        place = (0, 2)[int(digest[:16], 16) % 2]
        assert label(votes, galaxy_id, seed=3).asked[12:15] == hot(BY_KEY["winding"], place)


def test_an_untied_galaxy_has_the_same_asked_labels_under_every_id_and_seed() -> None:
    votes = votes_of(smooth=(0.1, 0.9, 0.0), edge=EDGE, size=(0.4, 0.3, 0.2, 0.1), shape=(0.5, 0.3, 0.2))
    assert len({label(votes, name, seed=seed).asked for seed in (0, 1, 99) for name in IDS[:40]}) == 1


# ---------------------------------------------------------------- properties


@st.composite
def split_among(draw: st.DrawFn, total: int, parts: int) -> tuple[int, ...]:
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=parts - 1, max_size=parts - 1)))
    edges = [0, *cuts, total]
    return tuple(after - before for before, after in pairwise(edges))


@st.composite
def trees(draw: st.DrawFn, *, leavers: bool = True) -> Votes:
    """Votes down the tree: a volunteer answers a question only after its parent answer; some may leave."""

    def went_on(total: int) -> int:
        return draw(st.integers(0, total)) if leavers else total

    everybody = draw(st.integers(0, 60))
    smooth = draw(split_among(everybody, 3))
    edge = draw(split_among(went_on(smooth[1]), 2))
    spiral = draw(split_among(went_on(edge[1]), 2))
    return counted(
        smooth=smooth,
        edge=edge,
        spiral=spiral,
        bar=draw(split_among(went_on(edge[1]), 2)),
        size=draw(split_among(went_on(edge[1]), 4)),
        odd=draw(split_among(went_on(smooth[0] + smooth[1]), 2)),
        rounded=draw(split_among(went_on(smooth[0]), 3)),
        shape=draw(split_among(went_on(edge[0]), 3)),
        winding=draw(split_among(went_on(spiral[0]), 3)),
        arms=draw(split_among(went_on(spiral[0]), 6)),
    )


def anything() -> st.SearchStrategy[Votes]:
    """Fractions that no tree would give: NaN here and there, zeros, ties, sums that are not 1."""
    value = st.one_of(st.sampled_from((0.0, 0.5, 1 / 3, 0.3333335, 1.0, NAN)), st.floats(0, 1))
    return st.tuples(*[value] * 30).map(Votes)


galaxy_ids = st.text(min_size=1, max_size=20)
seeds = st.integers(0, 2**32)


def outcomes(shape: Shape, counts: Sequence[float]) -> set[tuple[tuple[int, ...], int]]:
    """What F15 allows, from whole numbers of votes: several only where the largest number stands twice."""
    if not sum(counts):
        return {((0,) * shape.width, 0)}
    winners = [place for place, n in enumerate(counts) if n == max(counts)]
    return {(hot(shape, place), int(place != shape.dropped)) for place in winners}


@pytest.mark.slow
@checked
@given(trees(), galaxy_ids, seeds)
def test_asked_is_the_largest_number_of_votes(votes: Votes, galaxy_id: str, seed: int) -> None:
    found = label(votes, galaxy_id, seed=seed)
    no, total = votes.counts[12] + votes.counts[20], votes.totals[4] + votes.totals[7]
    counts = [*(votes.counts[shape.fractions] for shape in CATALOGUE), (total - no, no)]
    for shape, part in zip(SHAPES, counts, strict=True):
        mask = found.mask[shape.labels]
        assert len(set(mask)) == 1
        assert (found.asked[shape.labels], mask[0]) in outcomes(shape, part), shape.key


@checked
@given(st.one_of(trees(), trees().map(without_counts), anything()), galaxy_ids, seeds)
def test_mask_and_asked_agree(votes: Votes, galaxy_id: str, seed: int) -> None:
    found = label(votes, galaxy_id, seed=seed)
    for shape in SHAPES:
        fractions = found.fractions[shape.fractions]
        asked, mask = found.asked[shape.labels], found.mask[shape.labels]
        assert len(set(mask)) == 1, "a mask covers a whole question"
        assert len({math.isnan(value) for value in fractions}) == 1, "so does NaN"
        if math.isnan(fractions[0]):
            assert not mask[0]
        elif not mask[0]:
            assert shape.dropped is not None, "only a dropped answer masks a question that was asked"
            assert fractions[shape.dropped] >= max(fractions) - 1e-6
        if not mask[0]:
            assert not any(asked)
        elif shape.width > 1:
            assert sum(asked) == 1
        if any(asked):
            assert fractions[asked.index(1)] >= max(fractions) - 1e-6


@checked
@given(anything(), galaxy_ids)
def test_an_answered_question_is_finite_and_not_all_zero(votes: Votes, galaxy_id: str) -> None:
    found = label(votes, galaxy_id)
    for shape in CATALOGUE:
        given_fractions = votes.fractions[shape.fractions]
        answered = all(map(math.isfinite, given_fractions)) and sum(given_fractions) > 0
        assert (not math.isnan(found.fractions[shape.fractions][0])) == answered
        if answered:
            assert found.fractions[shape.fractions] == given_fractions
        if not answered or shape.dropped is None:
            assert found.mask[shape.labels] == (int(answered),) * shape.width


@checked
@given(st.one_of(trees(), anything()), galaxy_ids, seeds)
def test_report_is_one_half_or_the_largest(votes: Votes, galaxy_id: str, seed: int) -> None:
    found = label(votes, galaxy_id, seed=seed)
    for shape in CATALOGUE:
        labels, fractions = found.report[shape.labels], votes.fractions[shape.fractions]
        used = [value if math.isfinite(value) else 0.0 for value in fractions[: shape.width]]
        if shape.width == 1:
            assert labels == (int(used[0] >= 0.5),)
        else:
            assert sum(labels) == 1
            assert used[labels.index(1)] >= max(used) - 1e-6
    size, shape = votes.fractions[9:13], votes.fractions[18:21]
    size_no, shape_no = (part[-1] if any(value > 0 for value in part) else NAN for part in (size, shape))
    assert found.report[21] == int(1 - (size_no + shape_no) / 2 >= 0.5)  # NaN is below one half


@checked
@given(st.one_of(trees(), trees().map(without_counts), anything()), galaxy_ids, seeds)
def test_hart_zeros_and_nan_say_the_same(votes: Votes, galaxy_id: str, seed: int) -> None:
    masked = Votes(label(votes, galaxy_id).fractions[:30], votes.counts, votes.totals)  # NaN for whole questions
    assert repr(label(as_hart(masked), galaxy_id, seed=seed)) == repr(label(masked, galaxy_id, seed=seed))


@pytest.mark.slow
@checked
@given(st.lists(st.tuples(st.one_of(trees(), anything()), galaxy_ids), min_size=2, max_size=4), seeds)
def test_labels_depend_on_nothing_but_votes_id_and_seed(galaxies: list[tuple[Votes, str]], seed: int) -> None:
    once = [repr(label(votes, galaxy_id, seed=seed)) for votes, galaxy_id in galaxies]
    again = [repr(label(votes, galaxy_id, seed=seed)) for votes, galaxy_id in reversed(galaxies)]
    assert once == again[::-1]


@pytest.mark.slow
@checked
@given(trees(leavers=False))
def test_pooled_and_weighted_bulge_are_equal_where_every_voter_went_on(votes: Votes) -> None:
    pooled, weighted = bulge_asked(votes), bulge_asked(without_counts(votes))
    assert pooled == pytest.approx(weighted, abs=1e-12, nan_ok=True)


@checked
@given(st.one_of(trees(), trees().map(without_counts)))
def test_bulge_is_nan_only_if_neither_question_was_asked(votes: Votes) -> None:
    yes, no = bulge_asked(votes)
    neither = math.isnan(votes.fractions[12]) and math.isnan(votes.fractions[20])
    assert math.isnan(yes) == math.isnan(no) == neither
    if not neither:
        assert yes + no == pytest.approx(1)
        assert -1e-9 <= no <= 1 + 1e-9


@pytest.mark.slow
def test_ties_are_the_same_in_every_process() -> None:
    code = (
        "from tests.gz2 import Votes, label\n"
        "print([label(Votes((0.5,) * 30), str(name), seed=5).asked for name in range(200)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = [label(Votes((0.5,) * 30), str(name), seed=5).asked for name in range(200)]
    assert outputs == {f"{here}\n"}


# ---------------------------------------------------------------- real galaxies


def read_all(folder: Path) -> list[Galaxy]:
    return [galaxy for file in find_catalogues(folder) for group in row_groups(file) for galaxy in read_galaxies(group)]


@pytest.fixture(scope="module")
def real(gz2: Path) -> list[Labels]:
    """Labels of the 750 real galaxies."""
    return [label(galaxy.votes, galaxy.id) for galaxy in read_all(gz2)]


def asked_but_masked(real: list[Labels], shape: Shape) -> list[Labels]:
    place = shape.labels.start
    return [found for found in real if not math.isnan(found.fractions[shape.fractions][0]) and not found.mask[place]]


def test_real_artifacts(real: list[Labels]) -> None:
    assert len(real) == 750
    masked = asked_but_masked(real, BY_KEY["smooth"])
    assert len(masked) == 2
    assert all(found.fractions[2] > max(found.fractions[:2]) for found in masked)


def test_real_edge_on_galaxies_without_a_bulge(real: list[Labels]) -> None:
    part = BY_KEY["shape"].fractions
    asked = [found for found in real if not math.isnan(found.fractions[part][0])]
    strict = [found for found in asked if found.fractions[20] > max(found.fractions[18:20]) + 1e-6]
    tied = [found for found in asked if abs(found.fractions[20] - max(found.fractions[18:20])) <= 1e-6]
    masked = asked_but_masked(real, BY_KEY["shape"])
    assert (len(asked), len(strict)) == (408, 88)
    assert not any(found.mask[11] for found in strict)
    assert 88 <= len(masked) <= 88 + len(tied)


def test_real_share_of_bulges_under_report(real: list[Labels]) -> None:
    assert sum(found.report[21] for found in real) / 750 == pytest.approx(0.375, abs=0.0005)


def test_real_bulges_under_asked_are_unknown_for_7_only(real: list[Labels]) -> None:
    """All but 7 of 750 have a vote for featured, so volunteers were asked about their bulge."""
    unasked = [found for found in real if math.isnan(found.fractions[3])]
    assert len(unasked) == 7
    assert [found for found in real if not found.mask[21]] == unasked


@pytest.mark.parametrize("key", ["edge", "spiral", "bar", "odd", "bulge"])
def test_real_yes_and_no_are_opposites_where_asked(real: list[Labels], key: str) -> None:
    """F20: a question of two answers has r = -1."""
    pairs = np.array([found.fractions[BY_KEY[key].fractions] for found in real])
    asked = pairs[np.isfinite(pairs).all(axis=1)]
    assert len(asked) > 600
    assert np.corrcoef(asked.T)[0, 1] < -0.9995


def test_real_zero_fill_spoils_the_bar(real: list[Labels]) -> None:
    pairs = np.nan_to_num(np.array([found.fractions[BY_KEY["bar"].fractions] for found in real]))
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(-0.50, abs=0.01)


def test_real_counts_of_the_first_question_are_read(gz2: Path, real: list[Labels]) -> None:
    totals = [
        value
        for split in ("train", "test")
        for value in pq.read_table(gz2 / f"gz2_{split}_catalog.parquet")
        .column("smooth-or-featured-gz2_total-votes")
        .to_pylist()
    ]
    assert [found.votes[0] for found in real] == totals
    assert all(math.isnan(value) for found in real for value in found.votes[1:])


# The three galaxies whose every vote is known, worked out by hand from the counts in their catalogue.
# Places: Q0 0, Q1 1, Q2 2, Q3 3, Q4 4-6, Q5 7, Q6 8-10, Q7 11, Q8 12-14, Q9 15-20, Q10 21.
FULL_SCHEMA = {
    # a spiral: 36 of 37 featured, 35 of 36 not edge-on, all spiral, 24 of 35 a just noticeable bulge, tight, four arms
    "587737825678131439": {
        "asked": [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1],
        "masked": {8, 9, 10},
        "votes": (37, 36, 35, 35, 35, 36, 0, 1, 35, 35, 36),
        "masked below 5 votes": {8, 9, 10, 11},
        "bulge": 1.0,
        "report bulge": 1,
    },
    # an odd smooth galaxy: 36 of 44 smooth, 24 of 44 odd, in between; the two spiral voters disagree: see below
    "587726016142835881": {
        "asked": [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, None, None, 0, None, 0, 0, 0, None, 1],
        "masked": set(),
        "votes": (44, 8, 7, 7, 7, 44, 36, 1, 2, 2, 8),
        "masked below 5 votes": {11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
        "bulge": 1.0,
        "report bulge": 1,
    },
    # edge-on: 26 of 34 featured, all 26 edge-on, 18 round bulge, 7 without: no volunteer was asked about its face
    "587736542560715163": {
        "asked": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "masked": {2, 3, 4, 5, 6, *range(12, 21)},
        "votes": (34, 26, 0, 0, 0, 33, 7, 26, 0, 0, 26),
        "masked below 5 votes": {2, 3, 4, 5, 6, *range(12, 21)},
        "bulge": 19 / 26,
        "report bulge": 0,  # NaN, hence "no bulge", though 19 of 26 saw one
    },
}


@pytest.fixture(scope="module")
def full_schema(real_data: Path) -> dict[str, Votes]:
    """The three galaxies with every count."""
    path = real_data / "gz2_full_schema_sample" / "gz2_catalog.parquet"
    groups = row_groups(CatalogueFile(path, Split.TEST))
    return {galaxy.id: galaxy.votes for group in groups for galaxy in read_galaxies(group)}


@pytest.mark.parametrize("galaxy_id", FULL_SCHEMA)
def test_real_galaxy_with_every_count(full_schema: dict[str, Votes], galaxy_id: str) -> None:
    expected = FULL_SCHEMA[galaxy_id]
    found = label(full_schema[galaxy_id], galaxy_id)
    assert all(want in {None, have} for want, have in zip(expected["asked"], found.asked, strict=True))
    assert {place for place in range(22) if not found.mask[place]} == expected["masked"]
    assert found.votes == expected["votes"]
    assert found.fractions[30] == pytest.approx(expected["bulge"])
    assert found.report[21] == expected["report bulge"]
    strict = label(full_schema[galaxy_id], galaxy_id, min_votes=5)
    assert {place for place in range(22) if not strict.mask[place]} == expected["masked below 5 votes"]


def test_real_ties_take_one_of_the_tied(full_schema: dict[str, Votes]) -> None:
    """Two voters: medium or loose; two arms or can't tell."""
    found = label(full_schema["587726016142835881"], "587726016142835881")
    assert found.asked[12:15] in {(0, 1, 0), (0, 0, 1)}
    assert found.asked[15:21] in {(0, 1, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1)}


def test_real_counts_decide_the_bulge_of_a_galaxy_seen_from_both_sides(full_schema: dict[str, Votes]) -> None:
    """Pooled from counts: none of 35 + 1 volunteers said no."""
    votes = full_schema["587737825678131439"]
    assert (votes.counts[12], votes.counts[20], votes.totals[4], votes.totals[7]) == (0, 0, 35, 1)
    assert bulge_asked(votes) == (1, 0)
