"""Published forms of catalogues become shards by the commands of docs/your-galaxies.md as written; labels by hand."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzprep.catalogue.surveys import known_survey
from tests.gzprep.catalogue.test_votes import KAGGLE
from tests.own_catalogues import QUICK, as_written, write_images, write_rows
from tests.running import gzprep

LARGE = ("--crop", "64", "--views", "1", "--set", "shards.min_bins=1", "--workers", "1")
"""Options of a data set of real images, which a test makes in a moment."""

Answers = Mapping[str, tuple[tuple[float, ...], tuple[int, ...], int]]
"""By question: its fractions, its labels, and its mask."""
NAN = float("nan")


def hub_row(name: str, survey: str, votes: Mapping[str, int]) -> dict[str, Any]:
    """A row as the data sets of mwalmsley on the Hugging Face hub have it: the image and all votes of a galaxy."""
    tree = known_survey(survey)
    pixels = np.random.default_rng(len(name)).integers(20, 235, (48, 48, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    row: dict[str, Any] = {"image": {"bytes": file.getvalue(), "path": None}, "id_str": name, "dataset_name": survey}
    row |= {"ra": 150.0 + len(name), "dec": 2.0}
    for question in tree.asked:
        total = sum(votes.get(column, 0) for column in question.columns)
        for column in question.columns:
            row[column] = votes.get(column, 0)
            row[f"{column}_fraction"] = votes.get(column, 0) / total if total else NAN
        row[question.total_column] = total
    return row


def check(out: Path, survey: str, expected: Mapping[str, Answers]) -> None:
    """Compare the catalogue of a data set with what was worked out by hand."""
    tree = known_survey(survey)
    rows = {row["id_str"]: row for row in pq.read_table(out / "catalogue.parquet").to_pylist()}
    assert set(rows) == set(expected)
    for name, answers in expected.items():
        for question, (fractions, labels, mask) in answers.items():
            place = tree.index_of(question)
            found = [rows[name][column] for column in tree.tree[place].fraction_columns]
            np.testing.assert_allclose(np.array(found, float), fractions, atol=1e-4, err_msg=f"{name} {question}")
            assert tuple(rows[name]["label_asked"][tree.label_slices[place]]) == labels, (name, question)
            assert set(rows[name]["mask"][tree.label_slices[place]]) == {mask}, (name, question)


DESI = {
    "barred": {
        "smooth-or-featured-dr5_smooth": 4,
        "smooth-or-featured-dr5_featured-or-disk": 36,
        "disk-edge-on-dr5_no": 30,
        "disk-edge-on-dr5_yes": 6,
        "bar-dr5_strong": 18,
        "bar-dr5_weak": 9,
        "bar-dr5_no": 3,
        "merging-dr5_none": 32,
        "merging-dr5_minor-disturbance": 8,
    },
    "an artifact": {
        "smooth-or-featured-dr8_smooth": 2,
        "smooth-or-featured-dr8_artifact": 38,
        "merging-dr8_none": 2,
        "how-rounded-dr8_round": 2,
    },
    "of an early campaign": {
        "smooth-or-featured-dr12_smooth": 30,
        "how-rounded-dr12_in-between": 30,
        "bar-dr12_no": 10,
    },
}
DESI_BY_HAND: dict[str, Answers] = {
    "barred": {
        "smooth-or-featured-dr5": ((0.1, 0.9, 0.0), (0,), 1),
        "bar-dr5": ((0.6, 0.3, 0.1), (1, 0, 0), 1),
        "merging-dr5": ((0.8, 0.2, 0.0, 0.0), (1, 0, 0, 0), 1),
        "bar-dr12": ((NAN, NAN), (0,), 0),
        "smooth-or-featured-dr8": ((NAN, NAN, NAN), (0,), 0),
    },
    "an artifact": {
        "smooth-or-featured-dr8": ((0.05, 0.0, 0.95), (0,), 0),  # the answer that is not used wins
        "how-rounded-dr8": ((1.0, 0.0, 0.0), (1, 0, 0), 1),  # of 2 votes: gztrain asks for more
        "bar-dr8": ((NAN, NAN, NAN), (0, 0, 0), 0),
    },
    "of an early campaign": {
        "smooth-or-featured-dr12": ((1.0, 0.0, 0.0), (1,), 1),
        "how-rounded-dr12": ((0.0, 1.0, 0.0), (0, 1, 0), 1),
        "bar-dr12": ((0.0, 1.0), (0,), 1),
    },
}
GZ2 = {
    "round": {"smooth-or-featured-gz2_smooth": 40, "how-rounded-gz2_round": 30, "how-rounded-gz2_in-between": 10},
    "edge-on": {
        "smooth-or-featured-gz2_featured-or-disk": 40,
        "disk-edge-on-gz2_yes": 36,
        "disk-edge-on-gz2_no": 4,
        "bulge-shape-gz2_round": 9,
        "bulge-shape-gz2_no-bulge": 27,
        "bulge-size-gz2_obvious": 4,
    },
    "spiral": {
        "smooth-or-featured-gz2_featured-or-disk": 30,
        "smooth-or-featured-gz2_smooth": 10,
        "disk-edge-on-gz2_no": 30,
        "has-spiral-arms-gz2_yes": 24,
        "has-spiral-arms-gz2_no": 6,
        "spiral-arm-count-gz2_2": 18,
        "spiral-arm-count-gz2_3": 6,
        "bulge-size-gz2_obvious": 30,
    },
}
GZ2_BY_HAND: dict[str, Answers] = {
    "round": {
        "smooth-or-featured": ((1.0, 0.0, 0.0), (1,), 1),
        "how-rounded": ((0.75, 0.25, 0.0), (1, 0, 0), 1),
        "disk-edge-on": ((NAN, NAN), (0,), 0),
        "bulge": ((NAN, NAN), (0,), 0),
    },
    "edge-on": {
        "disk-edge-on": ((0.9, 0.1), (1,), 1),
        "bulge-shape": ((0.25, 0.0, 0.75), (0,), 0),  # "no bulge" wins: it is no label
        "bulge": ((1 - 27 / 40, 27 / 40), (0,), 1),  # 27 of 40 who were asked either question
    },
    "spiral": {
        "has-spiral-arms": ((0.8, 0.2), (1,), 1),
        "spiral-arm-count": ((0.0, 0.75, 0.25, 0.0, 0.0, 0.0), (0, 1, 0, 0, 0, 0), 1),
        "bulge": ((1.0, 0.0), (1,), 1),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("survey", "votes", "by_hand"),
    [("gz-desi", DESI, DESI_BY_HAND), ("gz2", GZ2, GZ2_BY_HAND)],
    ids=["gz_desi", "gz2"],
)
def test_parquet_of_the_hugging_face_hub(
    survey: str,
    votes: Mapping[str, Mapping[str, int]],
    by_hand: Mapping[str, Answers],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [hub_row(name, survey, given) for name, given in votes.items()]
    pq.write_table(pa.Table.from_pylist(rows), "train-00000-of-00028.parquet")
    command = [{"gz-desi": survey}.get(word, word) for word in as_written("with images, of the Hugging Face hub")]
    result = gzprep(*command, *QUICK)
    assert result.code == 0, result.err
    check(tmp_path / "desi", survey, by_hand)


@pytest.mark.slow
def test_a_csv_of_zoobot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three galaxies one has a ring, one has none, and of one it is not known."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "pictures", ["1.png", "2.png", "3.png"])
    rings = {"J1": "1", "J2": "0", "J3": ""}
    places = [str(tmp_path / "pictures" / f"{number}.png") for number in (1, 2, 3)]
    rows = zip(rings.items(), places, strict=True)
    write_rows(Path("rings.csv"), [{"id_str": name, "ring": ring, "file_loc": place} for (name, ring), place in rows])
    result = gzprep(*as_written("Zoobot's CSV"), *QUICK)
    assert result.code == 0, result.err
    made = {row["id_str"]: row for row in pq.read_table("rings/catalogue.parquet").to_pylist()}
    found = {name: (row["label_asked"], row["mask"]) for name, row in made.items()}
    assert found == {"J1": ([1], [1]), "J2": ([0], [1]), "J3": ([0], [0])}


@pytest.mark.slow
def test_the_sample_of_the_kaggle_challenge(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers are those that were worked out by hand for tests/gzprep/catalogue/test_votes.py."""
    sample = real_data / "kaggle_challenge_sample"
    if not sample.is_dir():
        pytest.skip("the Kaggle sample is not there")
    monkeypatch.chdir(tmp_path)
    for path in sample.iterdir():
        Path(path.name).symlink_to(path)
    result = gzprep(*as_written("the table of the Kaggle challenge"), *LARGE)
    assert result.code == 0, result.err
    survey = known_survey("kaggle")
    made = {row["id_str"]: row for row in pq.read_table("kaggle/catalogue.parquet").to_pylist()}
    for name, answers in KAGGLE.items():
        for question, answer in answers.items():
            places = survey.label_slices[survey.index_of(question)]
            labels = [int(used == answer) for used in survey.tree[survey.index_of(question)].used]
            assert made[name]["label_asked"][places] == labels, (name, question)
            assert set(made[name]["mask"][places]) == {int(answer is not None)}, (name, question)
