"""The policy ``debiased``: labels of a data set's catalogue, found by the ids of galaxies."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError, UsageError
from gztrain.data import open_reader, select
from gztrain.data.answers import answers_of
from gztrain.data.damage import Damage
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.data.debiased import check_policy, debiased_votes, policies_of
from gztrain.data.galaxies import galaxies_of
from gztrain.data.label_counts import count_labels
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import true_labels
from gztrain.data.stream import in_order
from tests.gz2 import GZ2
from tests.running import SMALL, gzprep, gztrain, manifest, shard_sums


@pytest.fixture(scope="module")
def debiased(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sky with debiased fractions: those of "edge-on" say the contrary, the others are as voted."""
    sky = Path(shutil.copytree(small_sky, tmp_path_factory.mktemp("debiased") / "sky"))
    for path in sky.glob("*_catalog.parquet"):
        table = pq.read_table(path)
        for fraction, name in zip(GZ2.fraction_columns, GZ2.debiased_columns, strict=True):
            values = np.nan_to_num(table[fraction].to_numpy())
            asked = ~np.isnan(table[fraction].to_numpy())
            contrary = name.startswith("disk-edge-on")
            table = table.append_column(name, pa.array(np.where(asked, 1 - values if contrary else values, 0.0)))
        pq.write_table(table, path)
    result = gzprep("run", "--data", sky, "--out", sky.parent / "out", *SMALL)
    assert result.code == 0, result.err
    return sky.parent / "out"


@pytest.mark.slow
def test_shards_are_those_of_a_catalogue_without_them(debiased: Path, dataset: Path) -> None:
    assert shard_sums(debiased) == shard_sums(dataset)
    assert manifest(debiased)["recipe_hash"] == manifest(dataset)["recipe_hash"]
    assert gzprep("verify", debiased, "--replay", "5").code == 0


def test_the_manifest_lists_the_policy(debiased: Path, dataset: Path) -> None:
    assert policies_of(open_dataset(debiased)) == ("asked", "report", "debiased")
    assert policies_of(open_dataset(dataset)) == ("asked", "report")
    with pytest.raises(UsageError, match=r"no labels for --labels debiased.* choose asked or report"):
        check_policy(open_dataset(dataset), "debiased")


@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_of_the_changed_question_are_the_contrary_and_others_as_they_were(split: str, debiased: Path) -> None:
    opened = open_dataset(debiased)
    for batch in answers_of(select(opened, split), Damage()):
        edge_on, others = choose_scheme(opened, "q1"), choose_scheme(opened, "q6")
        asked, mask = true_labels(batch, edge_on, "asked", 1, "mask")
        contrary, contrary_mask = true_labels(batch, edge_on, "debiased", 1, "mask")
        np.testing.assert_array_equal(contrary_mask, mask)
        np.testing.assert_array_equal(contrary, mask * (1 - asked))
        for rule in ("mask", "keep"):
            np.testing.assert_array_equal(
                true_labels(batch, others, "debiased", 5, rule), true_labels(batch, others, "asked", 5, rule)
            )


@pytest.mark.parametrize("ties", ["mask", "keep"])
def test_labels_are_counted_under_the_mask_that_a_run_trains_with(ties: str, debiased: Path) -> None:
    opened, reader = open_dataset(debiased), open_reader("native")
    scheme = choose_scheme(opened, "all")
    source = LabelSource(scheme, "debiased", 5, ties)  # type: ignore[arg-type]
    batches = in_order(reader, select(opened, folds=[1, 2]), 16)
    labels, masks = (np.concatenate(parts) for parts in zip(*map(source.of, batches), strict=True))
    assert source.count(opened, [1, 2], reader).as_json() == count_labels(scheme, labels, masks).as_json()


def test_a_galaxy_that_the_catalogue_lacks_is_named(debiased: Path) -> None:
    votes = select(open_dataset(debiased)).debiased
    assert votes is not None
    with pytest.raises(GzError, match="Galaxy 'nowhere' is not in"):
        votes.labels(["nowhere"])


def own(question: str, suffix: str = "") -> dict[str, object]:
    """A survey of own labels, which is named after the file of its catalogue."""
    return {"name": "galaxies", "suffix": suffix, "questions": [{"name": question}]}


@pytest.mark.parametrize(
    ("surveys", "known"),
    [
        pytest.param([None, own("ring")], ("asked",), id="Galaxy Zoo 2 and own labels"),
        pytest.param([own("ring"), own("bar")], ("asked",), id="own labels, from files of one name"),
        pytest.param([own("ring", "one"), own("ring", "two")], ("asked",), id="one name, other suffixes"),
        pytest.param([own("ring"), {**own("ring"), "name": "more"}], ("asked", "report"), id="the same questions"),
        pytest.param([None, None], ("asked", "report"), id="Galaxy Zoo 2 twice"),
        pytest.param([], ("asked", "report"), id="not joined"),
    ],
)
def test_report_makes_up_no_answers_to_questions_of_another_folder(
    dataset: Path, surveys: list[dict[str, object] | None], known: tuple[str, ...]
) -> None:
    opened = open_dataset(dataset)
    source = {"kind": "merged", "inputs": [{"recipe": {"survey": survey} if survey else {}} for survey in surveys]}
    joined = replace(opened, manifest={**opened.manifest, "source": source})
    assert policies_of(joined) == known
    if "report" not in known:
        with pytest.raises(UsageError, match=r"would make up answers .* choose asked"):
            check_policy(joined, "report")


def test_a_run_on_a_folder_without_them_is_refused(dataset: Path, tmp_path: Path) -> None:
    result = gztrain("fit", dataset, "--run", tmp_path / "run", "--labels", "debiased")
    assert (result.code, "no debiased fractions" in result.sentence) == (2, True)
    assert not (tmp_path / "run").exists()


def test_a_data_set_that_was_made_again_has_its_new_labels(debiased: Path, tmp_path: Path) -> None:
    """A notebook makes a folder again, and opens it again."""
    place = Path(shutil.copytree(debiased, tmp_path / "out"))
    ids = list(galaxies_of(open_dataset(place), "test"))
    _, before = debiased_votes(open_dataset(place)).labels(ids)
    table = pq.read_table(place / "catalogue.parquet")
    unknown = pa.array([mask and [0] * len(mask) for mask in table["mask_debiased"].to_pylist()], pa.list_(pa.int8()))
    place_of = table.schema.get_field_index("mask_debiased")
    pq.write_table(table.set_column(place_of, "mask_debiased", unknown), place / "catalogue.parquet")
    _, after = debiased_votes(open_dataset(place)).labels(ids)
    assert before.any()
    assert not after.any()
