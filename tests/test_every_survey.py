"""Every survey of gzprep: votes are drawn along its tree, and become shards, a trained model and figures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gzprep.catalogue.surveys import known_survey, survey_files
from gzprep.dataset.folder import Folder
from gzprep.dataset.read import read_record, read_shard, shard_paths, widths_of
from gzprep.simulate.any_survey import VOLUNTEERS, draw_catalogue, draw_votes, shares_of
from tests.own_catalogues import QUICK, TRAINED, write_images, write_rows
from tests.running import gzprep, gztrain, manifest

pytestmark = pytest.mark.slow

GALAXIES = 40
NAMES = list(survey_files())


@pytest.mark.parametrize("name", NAMES)
def test_as_many_volunteers_answer_a_question_as_gave_the_answers_that_lead_there(name: str) -> None:
    survey = known_survey(name)
    for index in range(8):
        votes = draw_votes(survey, 1, index)
        for question in survey.questions:
            answered = sum(votes[question.name, answer] for answer in question.answers)
            asked = sum(votes[lead] for lead in question.leads) if question.leads else VOLUNTEERS
            assert answered == (asked if question.derived is None else 0)
    assert draw_votes(survey, 1, 7) == draw_votes(survey, 1, 7) != draw_votes(survey, 2, 7)
    assert draw_catalogue(survey, 1, 3) == draw_catalogue(survey, 1, 5)[:3]


def test_cumulative_fractions_worked_out_by_hand() -> None:
    survey = known_survey("kaggle")
    first = {("smooth-or-featured", "smooth"): 10, ("smooth-or-featured", "featured-or-disk"): 30}
    second = {("disk-edge-on", "yes"): 6, ("disk-edge-on", "no"): 24, ("bar", "yes"): 12, ("bar", "no"): 12}
    shares = shares_of(survey, Counter({**first, **second}))
    assert shares["smooth-or-featured", "featured-or-disk"] == 0.75
    assert shares["disk-edge-on", "no"] == pytest.approx(0.6)
    assert shares["bar", "yes"] == pytest.approx(0.3)
    assert shares["how-rounded", "round"] == 0


def sky(name: str, folder: Path) -> Path:
    """A data folder with the two catalogues of a survey, and images of noise."""
    survey = known_survey(name)
    rows = draw_catalogue(survey, 0, GALAXIES)
    write_images(folder / "images", [f"{row[survey.id_column]}.jpg" for row in rows])
    write_rows(folder / "a_train_catalog.csv", rows[:32])
    write_rows(folder / "a_test_catalog.csv", rows[32:])
    return folder


OFTEN = ("gz-candels", "kaggle")
"""A survey of votes and one of cumulative fractions; `make thorough` tries the others, and gz2 is in many tests."""
TRIED = [pytest.param(name, marks=() if name in OFTEN else pytest.mark.thorough) for name in NAMES if name != "gz2"]


@pytest.fixture(scope="module", params=TRIED)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A survey and its data set."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp(name)
    options = ("--data", sky(name, folder / "sky"), "--out", folder / "out", "--survey", name)
    result = gzprep("run", *options, *QUICK, "--set", "views.count=0")
    assert result.code == 0, result.err
    return name, folder / "out"


def test_its_catalogue_becomes_shards_whose_fractions_are_those_of_the_votes(made: tuple[str, Path]) -> None:
    name, out = made
    survey, document = known_survey(name), manifest(out)
    assert document["counts"]["all"]["out"] == GALAXIES
    assert document["labels"]["names"] == list(survey.label_names)
    assert set(survey.questions_of_schemes) == set(document["labels"]["schemes"])
    paths = shard_paths(Folder(out), document, ["train", "test"])
    records = [read_record(data, widths_of(document)) for path in paths for data in read_shard(path)]
    for record in records:
        votes = draw_votes(survey, 0, int(record.id) - 100_000)
        for question, (_, places) in zip(survey.questions, survey.parts, strict=True):
            counts = np.array([votes[question.name, answer] for answer in question.answers], float)
            with np.errstate(invalid="ignore"):
                expected = counts / counts.sum()  # 0/0: not asked
            np.testing.assert_allclose(record.fraction[places], expected, atol=1e-5)
    answered = np.stack([record.mask for record in records]).any(axis=0)
    assert answered.all()


@pytest.mark.usefixtures("lean_training")
def test_it_trains_one_step_and_is_judged(made: tuple[str, Path], tmp_path: Path) -> None:
    name, out = made
    fitted = gztrain("fit", out, "--run", tmp_path / "run", *TRAINED, "--batch", "32", "--scheme", "reduced")
    assert fitted.code == 0, fitted.err
    judged = gztrain("evaluate", tmp_path / "run", "--json")
    assert judged.code == 0, judged.err
    labels = [known_survey(name).label_names[place] for place in known_survey(name).scheme_labels("reduced")]
    assert set(judged.json["splits"]["test"]["per_label"]) == set(labels)
