"""A simulated sky of each survey: the catalogue that its file describes, and images that the catalogue leads to."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gzcore.errors import UsageError
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.read import check_columns, read_all
from gzprep.catalogue.surveys import known_survey, survey_files
from gzprep.images.sources import Files
from gzprep.simulate import simulate
from gzprep.simulate.any_survey import VOLUNTEERS, draw_votes
from gzprep.simulate.sky import draw_galaxy
from gzprep.simulate.volunteers import chances_of

OTHERS = [name for name in survey_files() if name != "gz2"]


@pytest.fixture(autouse=True)
def one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels are those of any sky, which other tests look at: here each image says which galaxy it is of."""
    monkeypatch.setattr("gzprep.simulate.sky.picture", lambda galaxy, _: galaxy.identity.id_str.encode())


@pytest.mark.parametrize("name", OTHERS)
def test_a_sky_of_each_survey_is_read_as_the_survey(name: str, tmp_path: Path) -> None:
    sky, survey = simulate(tmp_path / "sky", 6, seed=3, survey=name), known_survey(name)
    files = find_catalogues(sky.directory)
    assert [file.path.name for file in files] == [f"{name}_{split}_catalog.parquet" for split in ("train", "test")]
    for file in files:
        check_columns(file.path, survey)
    galaxies = list(read_all(files, survey))
    assert len(galaxies) == sky.galaxies == 6
    assert not [galaxy.rejection for galaxy in galaxies if galaxy.rejection]
    images = Files(sky.directory / "images")
    assert all(images.open(galaxy) == galaxy.id.encode() for galaxy in galaxies)
    assert pq.read_metadata(sky.directory / "truth.parquet").num_rows == 6


def test_votes_follow_from_the_truth_where_galaxy_zoo_2_asks_the_same() -> None:
    survey, smooth, volunteers = known_survey("gz-decals-5"), [0, 0], [0, 0]
    for index in range(40):
        truth = draw_galaxy(0, index).truth
        votes = draw_votes(survey, 0, index, chances_of(truth))
        kind = int(truth.kind == "smooth")
        smooth[kind] += votes["smooth-or-featured", "smooth"]
        volunteers[kind] += VOLUNTEERS
    assert smooth[1] / volunteers[1] > 0.7
    assert smooth[0] / volunteers[0] < 0.5


def test_a_survey_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean gz-decals-5"):
        simulate(tmp_path / "sky", 6, survey="gz-decals5")
