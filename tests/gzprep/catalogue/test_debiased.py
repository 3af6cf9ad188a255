"""Labels by debiased fractions: three galaxies worked out by hand, and the names that their columns may have."""

import csv
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzprep.catalogue.galaxy import Galaxy, Split, Votes, pack, unpack
from gzprep.catalogue.labels import label
from gzprep.catalogue.names import has_debiased
from gzprep.catalogue.read import CatalogueFile, check_columns, read_all
from gzprep.catalogue.surveys import gz2
from tests.gz2 import ANSWERS, CATALOGUE_QUESTIONS, LABEL_NAMES

GZ2 = gz2()
NAN = math.nan
NO_COUNTS = (NAN,) * ANSWERS
NO_TOTALS = (NAN,) * len(CATALOGUE_QUESTIONS)
Fractions = dict[str, tuple[float, ...]]


def votes_of(raw: Fractions, debiased: Fractions, unasked: float = 0.0) -> Votes:
    """Votes on the questions that are named, in the order of their answers: used, twin, dropped."""

    def flat(given: Fractions) -> tuple[float, ...]:
        names = [question.name.removesuffix("-gz2") for question in CATALOGUE_QUESTIONS]
        pairs = zip(names, CATALOGUE_QUESTIONS, strict=True)
        return tuple(value for name, q in pairs for value in given.get(name, (unasked,) * len(q.answers)))

    return Votes(flat(raw), NO_COUNTS, NO_TOTALS, flat(debiased))


# Hart et al. 2016, galaxy 587722981746540704. Volunteers saw a smooth galaxy; debiased, it is a disk.
FAINT_DISK = votes_of(
    {
        "smooth-or-featured": (0.605, 0.395, 0.0),
        "disk-edge-on": (0.867, 0.133),
        "has-spiral-arms": (0.0, 1.0),
        "bar": (0.0, 1.0),
        "bulge-size": (0.0, 0.5, 0.5, 0.0),
        "something-odd": (0.026, 0.974),
        "how-rounded": (0.0, 0.043, 0.957),
        "bulge-shape": (0.769, 0.077, 0.154),
    },
    {
        "smooth-or-featured": (0.005, 0.976, 0.0),
        "disk-edge-on": (0.824, 0.393),
        "has-spiral-arms": (0.0, 1.0),
        "bar": (0.0, 1.0),
        "bulge-size": (0.0, 0.574, 0.551, 0.0),
        "something-odd": (0.039, 0.952),
        "how-rounded": (0.0, 0.018, 0.999),
        "bulge-shape": (0.948, 0.043, 0.411),
    },
)
FAINT_DISK_LABELS = {
    "smooth-or-featured-gz2_smooth": 0,  # .005 against .976; the volunteers said smooth
    "disk-edge-on-gz2_yes": 1,
    "has-spiral-arms-gz2_yes": 0,
    "bar-gz2_yes": 0,
    "bulge-size-gz2_dominant": 0,
    "bulge-size-gz2_obvious": 1,  # .574 against .551; the volunteers were undecided
    "bulge-size-gz2_just-noticeable": 0,
    "something-odd-gz2_yes": 0,
    "how-rounded-gz2_round": 0,
    "how-rounded-gz2_in-between": 0,
    "how-rounded-gz2_cigar": 1,
    "bulge-shape-gz2_round": 1,
    "bulge-gz2_yes": 1,  # no: (0 x .393 + .411 x .824) / (.393 + .824) = .278
}
# An artifact wins once debiased; nothing else was asked.
ARTIFACT = votes_of({"smooth-or-featured": (0.5, 0.1, 0.4)}, {"smooth-or-featured": (0.3, 0.1, 0.6)})
# The table has debiased fractions of a question that no volunteer was asked: they are not used.
NOT_ASKED = votes_of(
    {"smooth-or-featured": (0.2, 0.8, 0.0), "how-rounded": (NAN, NAN, NAN)},
    {"smooth-or-featured": (0.1, 0.9, 0.0), "how-rounded": (0.9, 0.1, 0.0)},
    NAN,
)
CASES: dict[str, tuple[Votes, dict[str, int]]] = {
    "a faint disk": (FAINT_DISK, FAINT_DISK_LABELS),
    "an artifact": (ARTIFACT, {}),
    "a question that was not asked": (NOT_ASKED, {"smooth-or-featured-gz2_smooth": 0}),
}


@pytest.mark.parametrize(("votes", "expected"), CASES.values(), ids=CASES.keys())
def test_labels_worked_out_by_hand(votes: Votes, expected: dict[str, int]) -> None:
    found = label(votes, "a", GZ2).debiased
    assert found is not None
    known = {name: value for name, value, mask in zip(LABEL_NAMES, found.labels, found.mask, strict=True) if mask}
    assert known == expected
    assert all(value == 0 for value, mask in zip(found.labels, found.mask, strict=True) if not mask)


def test_the_fractions_of_the_derived_question() -> None:
    found = label(FAINT_DISK, "a", GZ2).debiased
    assert found is not None
    no = 0.411 * 0.824 / (0.393 + 0.824)
    assert found.fractions[-2:] == pytest.approx((1 - no, no))


def test_other_labels_do_not_change() -> None:
    plain = Votes(FAINT_DISK.fractions, NO_COUNTS, NO_TOTALS)
    one, other = label(plain, "a", GZ2), label(FAINT_DISK, "a", GZ2)
    assert (one.asked, one.mask, one.report, one.debiased) == (other.asked, other.mask, other.report, None)


@given(st.integers(0, 1 << 32))
def test_a_row_comes_back_from_a_shuffle(seed: int) -> None:
    chance = random.Random(seed)
    debiased = tuple(chance.random() for _ in range(ANSWERS))
    votes = Votes((0.5,) * ANSWERS, (1.0,) * ANSWERS, (2.0,) * len(CATALOGUE_QUESTIONS), debiased)
    galaxy = Galaxy("a", Split.TRAIN, "b", "c.jpg", votes)
    assert unpack(pack(galaxy)) == galaxy


# ---------------------------------------------------------------- columns


HART = tuple(GZ2.debiased_aliases)
HUB = GZ2.debiased_columns


def write(path: Path, debiased: tuple[str, ...]) -> CatalogueFile:
    row = {"id_str": "5877", "subfolder": "a", "filename": "b.jpg"} | dict.fromkeys(GZ2.fraction_columns, "0.5")
    row |= {name: f"0.{place:02}" for place, name in enumerate(debiased, 10)}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    return CatalogueFile(path, Split.TRAIN)


NAMES: dict[str, tuple[tuple[str, ...], int]] = {
    "of Hart's table": (HART, 0),
    "of the Hugging Face hub": (HUB, 0),
    "both; those of the hub are read": ((*HART, *HUB), ANSWERS),
}


@pytest.mark.parametrize(("names", "first"), NAMES.values(), ids=NAMES.keys())
def test_names_of_columns(names: tuple[str, ...], first: int, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", names)
    assert has_debiased(GZ2, check_columns(file.path, GZ2))
    (galaxy,) = read_all([file], GZ2)
    assert galaxy.votes.debiased == tuple(float(f"0.{place:02}") for place in range(10 + first, 10 + first + ANSWERS))


@pytest.mark.parametrize("names", [(), HART[:-1]], ids=["none", "all but one"])
def test_a_catalogue_without_all_of_them_has_none(names: tuple[str, ...], tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", names)
    assert not has_debiased(GZ2, check_columns(file.path, GZ2))
    (galaxy,) = read_all([file], GZ2)
    assert galaxy.votes.debiased == ()
    assert label(galaxy.votes, "a", GZ2).debiased is None


def test_both_orders_of_names_belong_together() -> None:
    assert GZ2.debiased_aliases["t02_edgeon_a04_yes_debiased"] == "disk-edge-on-gz2_yes_debiased"
    assert GZ2.debiased_aliases["t11_arms_number_a37_cant_tell_debiased"] == "spiral-arm-count-gz2_cant-tell_debiased"
    assert len(HART) == len(HUB) == ANSWERS
