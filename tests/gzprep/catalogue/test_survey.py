"""A survey file: what it may say, and that a wrong one is refused with one sentence that names the place."""

import copy
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import UsageError
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import find_survey, known_survey, read_survey, survey_files, survey_of
from tests.gz2 import GZ2

FIRST = {"name": "shape", "title": "Smooth?", "used": ["smooth"], "twin": "featured", "dropped": "artifact"}
ARMS = {"name": "arms", "title": "Arms?", "used": ["1", "2"], "parent": ["shape", "featured"]}
ROUND = {"name": "round", "title": "Round?", "used": ["yes"], "twin": "no", "parent": ["shape", "smooth"]}
ANY = {
    "name": "any",
    "title": "Anything?",
    "used": ["yes"],
    "twin": "no",
    "derived": {"kind": "pooled-no", "from": [["round", "no"]]},
}
BOTH = {
    "name": "both",
    "title": "Either way?",
    "used": ["yes"],
    "twin": "no",
    "parents": [["shape", "smooth"], ["shape", "featured"]],
}


def small(**changes: Any) -> dict[str, Any]:
    """A survey of four questions, with other values for some keys."""
    values = {"name": "small", "title": "Small", "suffix": "s", "questions": [FIRST, ARMS, ROUND, ANY]}
    return copy.deepcopy({**values, **changes})


LEADS = {
    # questions; the answers that lead to the last of them
    "one": ([FIRST, ARMS], (("shape-s", "featured"),)),
    "two": ([FIRST, BOTH], (("shape-s", "smooth"), ("shape-s", "featured"))),
    "those of what a derived question is made of": ([FIRST, ARMS, ROUND, ANY], (("shape-s", "smooth"),)),
    "those above a question, all of whose answers lead on": (
        [
            *(FIRST, ROUND),
            {**ROUND, "name": "yes", "parent": ["round", "yes"]},
            {**ROUND, "name": "no", "parent": ["round", "no"]},
            {**ANY, "derived": {"kind": "pooled-no", "from": [["yes", "no"], ["no", "no"]]}},
        ],
        (("shape-s", "smooth"),),
    ),
}


@pytest.mark.parametrize(("questions", "expected"), LEADS.values(), ids=LEADS)
def test_a_question_knows_every_answer_that_leads_to_it(questions: list[Any], expected: tuple[Any, ...]) -> None:
    assert survey_of(small(questions=questions), "it").tree[-1].parents == expected


def test_the_parts_of_a_survey_follow_from_its_tree() -> None:
    survey = survey_of(small(schemes={"two": ["arms", "any"]}), "it")
    assert [question.name for question in survey.tree] == ["shape-s", "arms-s", "round-s", "any-s"]
    assert [question.name for question in survey.asked] == ["shape-s", "arms-s", "round-s"]
    assert survey.fraction_names == tuple(
        f"{name}_fraction"
        for name in (
            *("shape-s_smooth", "shape-s_featured", "shape-s_artifact", "arms-s_1", "arms-s_2"),
            *("round-s_yes", "round-s_no", "any-s_yes", "any-s_no"),
        )
    )
    assert survey.fraction_columns == survey.fraction_names[:7]
    assert survey.count_columns[3:5] == ("arms-s_1", "arms-s_2")
    assert survey.total_columns == ("shape-s_total-votes", "arms-s_total-votes", "round-s_total-votes")
    assert survey.label_names == ("shape-s_smooth", "arms-s_1", "arms-s_2", "round-s_yes", "any-s_yes")
    assert survey.widths == (9, 4, 5)
    assert survey.tree[1].parent == ("shape-s", "featured")
    assert survey.place_of(("round", "no")) == 6
    single = {"q0": (0,), "q1": (1,), "q2": (2,), "q3": (3,)}
    assert survey.questions_of_schemes == {**single, "two": (1, 3), "all": (0, 1, 2, 3)}
    assert survey.scheme_labels("two") == (1, 2, 4)


def test_without_a_suffix_the_names_of_columns_are_those_of_the_questions() -> None:
    assert survey_of(small(suffix=""), "it").count_columns[0] == "shape_smooth"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"questions": [FIRST, FIRST]}, "it has the question 'shape' twice", id="question twice"),
        pytest.param(
            {"questions": [ARMS, FIRST]},
            '["shape", "featured"] of \'arms\' is no answer of a question before it',
            id="parent later",
        ),
        pytest.param(
            {"questions": [FIRST, {**ARMS, "parent": ["shape", "round"]}]},
            'is no answer of a question before it; choose one of ["shape", ',
            id="no such answer",
        ),
        pytest.param(
            {"questions": [{**ARMS, "parent": ["arms", "1"]}]},
            '["arms", "1"] of \'arms\' is no answer',
            id="own parent",
        ),
        pytest.param({"questions": [{**ARMS, "used": []}]}, "questions.0.used", id="no used answer"),
        pytest.param({"questions": []}, "questions", id="no question"),
        pytest.param({"schmes": {}}, "does not fit: schmes is not known", id="misspelt table"),
        pytest.param(
            {"questions": [{("usd" if key == "used" else key): value for key, value in FIRST.items()}]},
            "does not fit: it has no questions.0.used, and questions.0.usd is not known",
            id="misspelt key",
        ),
        pytest.param(
            {"questions": [{**FIRST, "twin": None}]},
            "'shape' has one label, so it needs a twin",
            id="one label, no twin",
        ),
        pytest.param(
            {"questions": [FIRST, {**ARMS, "twin": "3"}]},
            "has 2 labels; a twin is for one label",
            id="twin of two labels",
        ),
        pytest.param(
            {"questions": [{**FIRST, "twin": "smooth"}]}, "has the answer 'smooth' twice", id="twin is a label"
        ),
        pytest.param(
            {"questions": [{**FIRST, "dropped": "featured"}]},
            "has the answer 'featured' twice",
            id="dropped is the twin",
        ),
        pytest.param({"questions": [{**FIRST, "name": "a b"}]}, "'a b' is no name", id="blank in a name"),
        pytest.param({"questions": [{**FIRST, "colour": 1}]}, "questions.0.colour", id="unknown key"),
        pytest.param(
            {
                "questions": [{**FIRST, "name": "a", "used": ["b_c"]}, {**FIRST, "name": "a-s_b", "used": ["c"]}],
                "suffix": "",
            },
            None,
            id="different columns",
        ),
        pytest.param(
            {
                "questions": [
                    {**FIRST, "name": "a", "used": ["b_c"], "twin": "d"},
                    {**FIRST, "name": "a_b", "used": ["c"], "twin": "e"},
                ],
                "suffix": "",
            },
            "it has the column 'a_b_c' twice",
            id="column twice",
        ),
        pytest.param({"questions": [ANY]}, "is no answer of a question with votes", id="derived from nothing"),
        pytest.param(
            {"questions": [FIRST, {**ANY, "derived": {"kind": "pooled-no", "from": [["shape", "artifact"]]}}]},
            "is always asked; it needs a parent",
            id="derived from what is always asked",
        ),
        pytest.param({"questions": [FIRST, ROUND, ANY, ARMS]}, "derived questions come last", id="derived in between"),
        pytest.param(
            {"questions": [FIRST, ROUND, {**ANY, "derived": {"kind": "mean", "from": [["round", "no"]]}}]},
            "questions.2.derived.kind",
            id="unknown way",
        ),
        pytest.param({"schemes": {"x": ["bar"]}}, "the scheme 'x' has 'bar', which is none of", id="unknown in scheme"),
        pytest.param({"schemes": {"x": ["arms", "arms"]}}, "the scheme 'x' has the question 'arms' twice", id="scheme"),
        pytest.param({"schemes": {"q1": ["arms"]}}, "has the name of a single question", id="scheme of a single name"),
        pytest.param({"schemes": {"x": []}}, "schemes.x", id="empty scheme"),
        pytest.param(
            {"questions": [FIRST, {**ARMS, "parents": [["shape", "smooth"], ["shape", "featured"]]}]},
            "'arms' has parent and parents; keep one",
            id="parent and parents",
        ),
        pytest.param(
            {"questions": [FIRST, {**BOTH, "parents": [["shape", "smooth"], ["shape", "round"]]}]},
            '["shape", "round"] of \'both\' is no answer',
            id="one of the parents is no answer",
        ),
        pytest.param(
            {"questions": [FIRST, {**BOTH, "parents": [["shape", "smooth"]] * 2}]},
            "has the parent ['shape', 'smooth'] twice",
            id="a parent twice",
        ),
        pytest.param({"questions": [FIRST, {**BOTH, "parents": []}]}, "questions.1.parents", id="no parents"),
        pytest.param(
            {"questions": [{**FIRST, "columns": {"fractions": ["a", "b"]}}]},
            "'shape' has 2 columns of fractions for its 3 answers",
            id="too few columns",
        ),
        pytest.param(
            {"questions": [{**FIRST, "columns": {"votes": ["a", "b", "a"]}}]},
            "its catalogues have the column 'a' twice",
            id="column of a catalogue twice",
        ),
        pytest.param(
            {"questions": [FIRST, ARMS, ROUND, {**ANY, "columns": {"total": "a"}}]},
            "'any' is derived, so it has no columns of its own",
            id="columns of a derived question",
        ),
        pytest.param(
            {"questions": [FIRST, BOTH, {**ANY, "derived": {"kind": "pooled-no", "from": [["both", "no"]]}}]},
            "it needs a parent, and one only",
            id="derived from a question with several parents",
        ),
        pytest.param({"image_file": "a.jpg"}, "image_file", id="image without an id"),
        pytest.param({"image_file": "{id}{id}.jpg"}, "image_file", id="image with the id twice"),
        pytest.param({"cumulative": 1}, "cumulative", id="cumulative is no number"),
        pytest.param({"suffix": "a_b"}, "suffix", id="suffix"),
        pytest.param({"pixel_scale": -1}, "pixel_scale", id="negative scale"),
        pytest.param({"name": "\x1b[31m"}, "is no name", id="control characters"),
    ],
)
def test_a_wrong_survey_is_refused_with_one_sentence(changes: dict[str, Any], sentence: str | None) -> None:
    if sentence is None:
        survey_of(small(**changes), "it")
        return
    with pytest.raises(UsageError) as error:
        survey_of(small(**changes), "The survey x")
    text = str(error.value)
    assert text.startswith("The survey x does not fit: ")
    assert sentence in text
    assert "\n" not in text
    assert "\x1b" not in text


def test_a_question_with_several_parents_has_no_single_one_in_the_tree() -> None:
    survey = survey_of(small(questions=[FIRST, BOTH]), "it")
    assert survey.questions[1].leads == (("shape", "smooth"), ("shape", "featured"))
    assert survey.questions[0].leads == ()
    assert survey.tree[1].parent is None
    assert survey_of(small(), "it").questions[1].leads == (("shape", "featured"),)


def test_columns_with_other_names_are_told_by_those_of_galaxy_zoo() -> None:
    columns = {"fractions": ["C1", "C2", "C3"], "total": "N"}
    survey = survey_of(small(questions=[{**FIRST, "columns": columns}], id_column="GalaxyID"), "it")
    assert survey.aliases == {
        "id_str": "GalaxyID",
        "shape-s_smooth_fraction": "C1",
        "shape-s_featured_fraction": "C2",
        "shape-s_artifact_fraction": "C3",
        "shape-s_total-votes": "N",
    }
    assert survey_of(small(), "it").aliases == {}


def test_only_what_decides_the_labels_is_in_the_document_of_the_tree() -> None:
    plain, cumulative = (survey_of(small(cumulative=value), "it").tree_document for value in (False, True))
    assert plain == {key: value for key, value in cumulative.items() if key != "cumulative"}
    assert plain == survey_of(small(title="Other", citations=["a"], image_file="{id}.png"), "it").tree_document
    assert set(plain["questions"][0]) == {"name", "title", "used", "twin", "dropped"}


# Widths of the label vectors, counted by hand in galaxy_datasets' label_metadata; derived and kaggle's columns apart.
ANSWERS = {
    "gz2": (11, 32),
    "gz-decals-5": (10, 34),
    "gz-decals-8": (10, 34),
    "gz-desi": (30, 30 + 34 + 34),
    "gz-hubble": (12, 34),
    "gz-candels": (11, 32),
    "gz-ukidss": (10, 30),
    "gz-cosmic-dawn": (13, 34 + 2 + 3 + 6),
    "gz-euclid": (13, 34 + 2 + 3 + 7),
    "gz-jwst": (12, 34 + 2 + 3),
    "kaggle": (11, 37),
}


def test_every_survey_has_as_many_questions_and_answers_as_its_source() -> None:
    found = {name: (len(known_survey(name).tree), len(known_survey(name).fraction_names)) for name in survey_files()}
    assert found == ANSWERS


# Of each survey one column of votes and one parent, as in galaxy_datasets' label_metadata or in the paper.
@pytest.mark.parametrize(
    ("name", "column", "question", "leads"),
    [
        ("gz-decals-5", "bar-dr5_no", "bar", [("disk-edge-on", "no")]),
        ("gz-decals-8", "bulge-size-dr8_none", "edge-on-bulge", [("disk-edge-on", "yes")]),
        (
            "gz-desi",
            "merging-dr12_neither",
            "merging-dr12",
            [("smooth-or-featured-dr12", "smooth"), ("smooth-or-featured-dr12", "featured-or-disk")],
        ),
        ("gz-hubble", "spiral-arm-count-hubble_5-plus", "disk-edge-on", [("clumpy-appearance", "no")]),
        ("gz-candels", "edge-on-bulge-candels_no", "spiral-winding", [("has-spiral-arms", "yes")]),
        ("gz-ukidss", "bulge-shape-ukidss_no-bulge", "how-rounded", [("smooth-or-featured", "smooth")]),
        ("gz-cosmic-dawn", "artifact-cd_ray", "artifact", [("problem", "artifact")]),
        ("gz-euclid", "artifact-euclid_ghost", "problem", [("smooth-or-featured", "problem")]),
        (
            "gz-jwst",
            "smooth-or-featured-jwst_star-artifact-zoom",
            "problem",
            [("smooth-or-featured", "star-artifact-zoom")],
        ),
        ("kaggle", "odd-feature-kaggle_lens-or-arc", "odd-feature", [("something-odd", "yes")]),
    ],
)
def test_columns_and_parents_are_those_of_the_source(
    name: str, column: str, question: str, leads: list[tuple[str, str]]
) -> None:
    survey = known_survey(name)
    assert column in survey.count_columns
    assert list(survey.questions[survey.index_of(question)].leads) == leads


def test_the_columns_of_the_kaggle_challenge_are_numbered_as_its_questions_are() -> None:
    survey = known_survey("kaggle")
    assert survey.aliases["spiral-arm-count-kaggle_cant-tell_fraction"] == "Class11.6"
    assert survey.aliases["bulge-size-kaggle_no_fraction"] == "Class5.1"
    assert [survey.aliases[name].split(".")[0] for name in survey.fraction_columns[::3]][:3] == [
        "Class1",
        "Class2",
        "Class3",
    ]
    assert sorted(map(survey.aliases.__getitem__, survey.fraction_columns)) == sorted(
        f"Class{number}.{answer}"
        for number, answers in enumerate((3, 2, 2, 2, 4, 2, 3, 7, 3, 3, 6), start=1)
        for answer in range(1, answers + 1)
    )


@pytest.mark.parametrize("values", [[], 3, None, "gz2", {"questions": 3}], ids=repr)
def test_what_is_no_table_is_refused(values: object) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        survey_of(values, "It")


def test_a_file_that_is_absent_or_no_toml_is_refused(tmp_path: Path) -> None:
    for name, content, part in [
        ("a", b"x = ", "is not TOML"),
        ("b", b"\xff\xfe", "is not TOML"),
        ("c", b"", "no name"),
    ]:
        path = tmp_path / f"{name}.toml"
        path.write_bytes(content)
        with pytest.raises(UsageError, match=part):
            read_survey(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_survey(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_survey(tmp_path)


def test_a_survey_is_found_by_name_or_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(survey_files()["gz2"].read_bytes())
    assert find_survey(str(path)) == find_survey("gz2") == GZ2
    with pytest.raises(UsageError, match=r"no survey 'gz-2'; did you mean gz2\?"):
        find_survey("gz-2")


def test_a_survey_survives_a_copy_a_pickle_and_json() -> None:
    assert GZ2.fraction_names  # a cached value travels with it
    assert pickle.loads(pickle.dumps(GZ2)) == copy.deepcopy(GZ2) == GZ2  # noqa: S301 -- made here
    assert Survey.model_validate(json.loads(json.dumps(GZ2.document()))) == GZ2


@pytest.mark.parametrize("name", survey_files())
def test_a_survey_of_ours_is_valid_and_opens_with_a_comment(name: str) -> None:
    survey, text = known_survey(name), survey_files()[name].read_text(encoding="utf-8")
    assert survey.name == name
    assert text.startswith(f"# {survey.title}")
    assert "# Sources" in text
    assert survey.citations
    assert survey.licence or "# No licence" in text
    assert {"all", "reduced"} <= set(survey.schemes)
    assert list(tomllib.loads(text)["schemes"])
