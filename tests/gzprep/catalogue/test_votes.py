"""Columns of other names and kinds become votes: the cumulative fractions of the Kaggle challenge, by hand."""

from pathlib import Path

import pytest

from gzprep.catalogue.galaxy import Galaxy, Split
from gzprep.catalogue.labels import label
from gzprep.catalogue.read import CatalogueFile, read_all
from gzprep.catalogue.surveys import known_survey

NOT_ASKED = None
KAGGLE: dict[str, dict[str, str | None]] = {  # the winning answer of each question, from the table by hand
    "100008": {
        "smooth-or-featured": "featured-or-disk",
        "disk-edge-on": "no",
        "bar": "no",
        "has-spiral-arms": "yes",
        "bulge-size": "obvious",
        "something-odd": "no",
        "how-rounded": "round",
        "bulge-shape": NOT_ASKED,
        "spiral-winding": "tight",
        "spiral-arm-count": "cant-tell",
    },  # odd-feature is a tie
    "100023": {
        "smooth-or-featured": "featured-or-disk",
        "disk-edge-on": "no",
        "bar": "yes",
        "has-spiral-arms": "yes",
        "bulge-size": "just-noticeable",
        "something-odd": "no",
        "how-rounded": "cigar",
        "odd-feature": "disturbed",
        "bulge-shape": "no-bulge",
        "spiral-winding": "loose",
        "spiral-arm-count": "2",
    },
    "100053": {
        "smooth-or-featured": "smooth",
        "disk-edge-on": "no",
        "bar": "no",
        "has-spiral-arms": "no",
        "bulge-size": "just-noticeable",
        "something-odd": "no",
        "how-rounded": "in-between",
        "odd-feature": NOT_ASKED,
        "bulge-shape": NOT_ASKED,
        "spiral-winding": NOT_ASKED,
        "spiral-arm-count": NOT_ASKED,
    },
}


@pytest.fixture(scope="module")
def sample(real_data: Path) -> dict[str, Galaxy]:
    """The three galaxies of the Kaggle sample."""
    table = real_data / "kaggle_challenge_sample" / "training_solutions_rev1.csv"
    if not table.is_file():
        pytest.skip("the Kaggle sample is not there")
    galaxies = read_all([CatalogueFile(table, Split.TRAIN)], known_survey("kaggle"))
    return {galaxy.id: galaxy for galaxy in galaxies}


@pytest.mark.parametrize("galaxy_id", KAGGLE)
def test_kaggle_labels_and_masks_by_hand(sample: dict[str, Galaxy], galaxy_id: str) -> None:
    survey, galaxy = known_survey("kaggle"), sample[galaxy_id]
    found = label(galaxy.votes, galaxy.id, survey)
    for name, answer in KAGGLE[galaxy_id].items():
        question = survey.tree[survey.index_of(name)]
        places = survey.label_slices[question.index]
        assert set(found.mask[places]) == {int(answer is not NOT_ASKED)}, name
        assert found.asked[places] == tuple(int(used == answer) for used in question.used), name
    assert galaxy.filename == f"{galaxy_id}.jpg"


def test_cumulative_fractions_are_divided_by_that_of_the_answer_that_leads_there(sample: dict[str, Galaxy]) -> None:
    survey, fractions = known_survey("kaggle"), sample["100023"].votes.fractions
    assert fractions[survey.place_of(("smooth-or-featured", "smooth"))] == 0.327001
    assert fractions[survey.place_of(("bar", "yes"))] == pytest.approx(0.467369636 / 0.632598731, abs=1e-6)
    assert fractions[survey.place_of(("spiral-winding", "loose"))] == pytest.approx(0.459950285 / 0.591327989, abs=1e-6)
