"""Questions of several surveys joined to one: every survey with every other, and what is refused."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzcore.errors import UsageError
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import known_survey, survey_files, survey_of
from gzprep.dataset.folder import Folder
from gzprep.tools.merge.inputs import Part
from gzprep.tools.merge.manifest import _policies
from gzprep.tools.merge.records import places_of, spread
from gzprep.tools.merge.trees import join_surveys

NAMES = tuple(survey_files())
RING = {"name": "ring", "title": "A ring?", "used": ["yes"], "twin": "no"}
SHAPE = {"name": "shape", "title": "Shape?", "used": ["smooth", "disk"], "dropped": "star"}


def made(*questions: object, suffix: str = "", name: str = "one", **more: object) -> Survey:
    return survey_of({"name": name, "title": name, "suffix": suffix, "questions": list(questions), **more}, "A survey")


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(NAMES, 2)))
def test_every_survey_joins_every_other_and_no_label_is_lost_or_moved_to_another(first: str, second: str) -> None:
    one, other = known_survey(first), known_survey(second)
    joined = join_surveys([one, other])
    assert set(joined.label_names) == {*one.label_names, *other.label_names}
    for survey in (one, other):
        places = places_of(survey, joined)
        assert [joined.label_names[place] for place in places.labels] == list(survey.label_names)
        assert [joined.fraction_names[place] for place in places.fractions] == list(survey.fraction_names)
        assert {question.name: question.parent for question in survey.tree}.items() <= {
            question.name: question.parent for question in joined.tree
        }.items()


@pytest.mark.parametrize("name", NAMES)
def test_a_survey_joined_to_itself_has_the_same_tree(name: str) -> None:
    survey = known_survey(name)
    joined = join_surveys([survey, survey])
    assert (joined.tree, joined.suffix, joined.widths) == (survey.tree, survey.suffix, survey.widths)
    assert joined.questions_of_schemes == survey.questions_of_schemes


def test_all_of_a_joined_survey_has_what_each_had() -> None:
    """Galaxy Zoo 2 leaves "something odd" out of ``all``, and its derived question comes last."""
    joined = join_surveys([known_survey("gz2"), made(RING)])
    every = [joined.label_names[place] for place in joined.scheme_labels("all")]
    assert "ring_yes" in every
    assert not [name for name in every if name.startswith("something-odd")]
    assert [question.name for question in joined.tree][-2:] == ["ring", "bulge-gz2"]
    assert list(joined.schemes) == ["hubble", "reduced", "all"]


def test_titles_citations_and_licences_of_all_are_kept_once() -> None:
    one = made(RING, citations=["Doe", "Roe"], licence="CC0 1.0")
    other = made(SHAPE, name="two", citations=["Roe", "Poe"], licence="CC BY 4.0", licence_url="https://example.org")
    about = join_surveys([one, other]).about
    assert (about["name"], about["title"], about["citations"]) == ("merged", "one, two", ["Doe", "Roe", "Poe"])
    assert about["licence"] == "CC0 1.0: one; CC BY 4.0 (https://example.org): two"
    third = made({**RING, "name": "third"}, name="three", licence="CC0 1.0")
    licence = join_surveys([join_surveys([one, other]), third]).licence
    assert licence == "CC0 1.0: one; CC BY 4.0 (https://example.org): two; CC0 1.0: three"


def test_more_questions_than_a_data_set_has_are_refused() -> None:
    surveys = [made(*({**RING, "name": f"{part}{number}"} for number in range(51))) for part in "ab"]
    with pytest.raises(UsageError, match="have 102 questions together; a data set has 100 at most"):
        join_surveys(surveys)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"used": ["yes"], "twin": "not"}, "its twin is no in one and not in two"),
        ({"used": ["yes"], "twin": "no", "dropped": "star"}, "its dropped is absent in one and star in two"),
        ({"used": ["wide", "thin"]}, "its used is yes in one and wide, thin in two"),
    ],
    ids=["other twin", "one more answer", "other answers"],
)
def test_one_name_for_two_questions_is_refused(other: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        join_surveys([made(RING), made({"name": "ring", "title": "A ring?", **other}, name="two")])


def test_equal_names_with_other_suffixes_are_two_questions() -> None:
    joined = join_surveys([made(RING, suffix="a"), made(RING, suffix="b")])
    assert joined.label_names == ("ring-a_yes", "ring-b_yes")


def test_values_are_spread_over_their_places() -> None:
    wide = spread(np.array([0.5, 1], np.float32), np.array([3, 1]), 4, np.nan)
    np.testing.assert_array_equal(wide, np.array([np.nan, 1, np.nan, 0.5], np.float32))


POLICIES: dict[str, tuple[list[list[str] | None], list[str] | None]] = {
    "the usual ones": ([None, None], None),
    "debiased in all": ([["asked", "report", "debiased"]] * 2, ["asked", "report", "debiased"]),
    "debiased in the first": ([["asked", "report", "debiased"], None], None),
    "debiased in the second": ([None, ["asked", "report", "debiased"]], None),
    "one lacks report": ([["asked", "report", "debiased"], ["asked", "debiased"]], ["asked", "debiased"]),
    "the first lacks report": ([["asked", "debiased"], None], ["asked"]),
    "the usual ones by name": ([["asked", "report"], None], None),
}
"""The policies that the manifest of each folder names, and those that the joined one is to name."""


@pytest.mark.parametrize(("told", "expected"), POLICIES.values(), ids=POLICIES)
def test_a_joined_folder_has_the_label_policies_that_all_have(
    told: list[list[str] | None], expected: list[str] | None
) -> None:
    labels: list[dict[str, Any]] = [{} if policies is None else {"policies": policies} for policies in told]
    unread: Any = None
    parts = [Part(Folder(Path("out")), unread, {"labels": entry}, unread, "") for entry in labels]
    assert _policies(parts).get("policies") == expected
