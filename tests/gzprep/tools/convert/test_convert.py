"""A data set in other formats: every image's bytes and every label come back, and an interrupted call goes on."""

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.dataset.example import Record
from gzprep.dataset.read import open_folder, read_record, read_shard, shard_paths, widths_of
from tests.running import Result, gzprep

Json = dict[str, Any]
ALL = ("train", "train_views", "test")


def records_of(dataset: Path, split: str) -> list[Record]:
    folder, manifest = open_folder(dataset)
    shards = (read_shard(path) for path in shard_paths(folder, manifest, [split]))
    return [read_record(data, widths_of(manifest)) for shard in shards for data in shard]


def convert(dataset: Path, out: Path, form: str, *options: str) -> Result:
    return gzprep("convert", dataset, out, "--to", form, "--workers", "1", *options)


def made(dataset: Path, out: Path, form: str) -> Path:
    done = convert(dataset, out, form, "--views")
    assert done.code == 0, done.err
    return out


@pytest.fixture(scope="module")
def as_parquet(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(dataset, tmp_path_factory.mktemp("formats") / "parquet", "parquet")


@pytest.fixture(scope="module")
def as_tar(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(dataset, tmp_path_factory.mktemp("formats") / "webdataset", "webdataset")


@pytest.fixture(scope="module")
def labels(dataset: Path) -> Json:
    document: Json = open_folder(dataset)[1]["labels"]
    return document


def rows(folder: Path, split: str) -> Iterator[Json]:
    for path in sorted(folder.glob(f"data/{split}-*.parquet")):
        yield from pq.read_table(path).to_pylist()


# ---------------------------------------------------------------- parquet


@pytest.mark.parametrize("split", ALL)
def test_parquet_gives_back_every_image_and_number(as_parquet: Path, dataset: Path, labels: Json, split: str) -> None:
    found, expected = list(rows(as_parquet, split)), records_of(dataset, split)
    assert len(found) == len(expected) > 0
    for row, record in zip(found, expected, strict=True):
        assert row["image"]["bytes"] == record.image
        assert row["image"]["path"] == (f"{record.id}_view{record.view}.jpg" if record.view else f"{record.id}.jpg")
        assert (row["id"], row["fold"], row["view"]) == (record.id, record.fold, record.view)
        fractions = np.array([row[name] for name in labels["fraction_names"]], np.float32)
        assert fractions.tobytes() == record.fraction.tobytes()
        votes = np.array([row[f"{question['name']}_total-votes"] for question in labels["questions"]], np.float32)
        assert votes.tobytes() == record.votes.tobytes()
        asked = np.array([row[f"{name}_label"] for name in labels["names"]])
        assert ((asked != -1) == record.mask).all()
        assert (np.maximum(asked, 0) == record.label_asked).all()
        assert [row[f"{name}_label-report"] for name in labels["names"]] == record.label_report.tolist()
        assert row["ops"] == record.ops.decode()


@pytest.mark.parametrize("split", ALL)
def test_the_class_of_a_question_says_what_its_labels_say(
    as_parquet: Path, dataset: Path, labels: Json, split: str
) -> None:
    """Worked out from label names here: the class is the answer whose label is 1, else the one without a label."""
    seen = set()
    for row, record in zip(rows(as_parquet, split), records_of(dataset, split), strict=True):
        asked = dict(zip(labels["names"], zip(record.label_asked, record.mask, strict=True), strict=True))
        for question in labels["questions"]:
            name, used = question["name"], question["used"]
            chosen = [answer for answer in used if asked[f"{name}_{answer}"] == (1, 1)]
            known = asked[f"{name}_{used[0]}"][1]
            names = [*used, question["twin"]] if question["twin"] else used
            expected = names.index(chosen[0] if chosen else question["twin"]) if known else -1
            assert row[name] == expected
            seen.add(min(expected, 1))
    assert seen == {-1, 0, 1}


def test_the_schema_tells_hugging_face_datasets_of_images_and_classes(as_parquet: Path, labels: Json) -> None:
    schema = pq.read_schema(next(as_parquet.glob("data/train-*.parquet")))
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["image"] == {"_type": "Image"}
    assert schema.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    question = labels["questions"][0]
    assert features[question["name"]]["names"] == [*question["used"], *filter(None, [question["twin"]])]
    assert features[f"{labels['names'][0]}_label"] == {"names": ["no", "yes"], "_type": "ClassLabel"}


@pytest.mark.slow
def test_load_dataset_shows_images_and_named_labels(
    as_parquet: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    data = datasets.load_dataset(str(as_parquet), cache_dir=str(tmp_path))
    assert {split: len(data[split]) for split in data} == {split: len(records_of(dataset, split)) for split in ALL}
    first = data["test"][0]
    assert first["image"].size == (64, 64)
    assert data["test"].features["smooth-or-featured-gz2"].names == ["smooth", "featured-or-disk"]


# ---------------------------------------------------------------- tar, array_record


@pytest.mark.parametrize("split", ALL)
def test_tar_gives_back_every_image_and_label(as_tar: Path, dataset: Path, labels: Json, split: str) -> None:
    members = []
    for path in sorted(as_tar.glob(f"data/{split}-*.tar")):
        with tarfile.open(path) as file:
            members += [(member.name, file.extractfile(member).read()) for member in file]  # type: ignore[union-attr]
    expected = records_of(dataset, split)
    assert len(members) == 2 * len(expected)
    for record, image, document in zip(expected, members[::2], members[1::2], strict=True):
        key, dot, ending = image[0].partition(".")
        assert (dot, ending, document[0]) == (".", "jpg", f"{key}.json")
        assert image[1] == record.image
        said = json.loads(document[1])
        assert (said["id"], said["fold"], said["view"]) == (record.id, record.fold, record.view)
        fractions = np.array([said["fractions"][name] for name in labels["fraction_names"]], np.float32)
        np.testing.assert_array_equal(fractions, record.fraction)
        np.testing.assert_array_equal(np.array(list(said["votes"].values()), np.float32), record.votes)
        asked = [said["labels"][name] for name in labels["names"]]
        assert [label is not None for label in asked] == record.mask.tolist()
        assert [label or 0 for label in asked] == record.label_asked.tolist()
        assert list(said["labels_report"].values()) == record.label_report.tolist()
        assert said["ops"] == record.ops.decode()


def test_array_record_holds_the_records_of_the_shards(dataset: Path, tmp_path: Path) -> None:
    module = pytest.importorskip("array_record.python.array_record_module")
    out = made(dataset, tmp_path / "out", "array_record")
    folder, manifest = open_folder(dataset)
    for split in ALL:
        for path in shard_paths(folder, manifest, [split]):
            reader = module.ArrayRecordReader(str(out / path.name.replace(".tfrecord-", ".array_record-")))
            assert reader.read_all() == list(read_shard(path))
            reader.close()
    assert json.loads((out / "dataset_info.json").read_text())["fileFormat"] == "array_record"


# ---------------------------------------------------------------- the folder


def test_the_record_says_what_the_folder_was_made_of(as_parquet: Path, dataset: Path) -> None:
    said, manifest = json.loads((as_parquet / "gzprep.json").read_text()), open_folder(dataset)[1]
    assert said["made_of"]["data_hash"] == manifest["data_hash"]
    assert said["made_of"]["recipe_hash"] == manifest["recipe_hash"]
    assert {file["file"] for file in said["files"]} == {
        path.relative_to(as_parquet).as_posix() for path in as_parquet.glob("data/*")
    }
    assert sum(file["records"] for file in said["files"]) == sum(len(records_of(dataset, split)) for split in ALL)


SELECTIONS = {
    "all": ((), {"train", "test"}),
    "test": (("--split", "test"), {"test"}),
    "train with views": (("--split", "train", "--views"), {"train", "train_views"}),
}


@pytest.mark.parametrize(("options", "splits"), SELECTIONS.values(), ids=SELECTIONS)
def test_split_and_views_choose_files(
    dataset: Path, tmp_path: Path, options: tuple[str, ...], splits: set[str]
) -> None:
    assert convert(dataset, tmp_path / "out", "webdataset", *options).code == 0
    assert {path.name.partition("-")[0] for path in (tmp_path / "out" / "data").iterdir()} == splits


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [remove, cut, change])
def test_only_what_is_not_whole_is_made_again(
    as_tar: Path, dataset: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    out = Path(shutil.copytree(as_tar, tmp_path / "out"))
    harmed = sorted(out.glob("data/*.tar"))[1]
    before = {path.name: path.read_bytes() for path in out.glob("data/*")}
    harm(harmed)
    (out / "data" / f".{'0' * 32}.{harmed.name}").write_bytes(b"left by a call that was killed")
    told = convert(dataset, out, "webdataset", "--views", "--json").json
    assert told["kept"] == told["files"] - 1
    assert {path.name: path.read_bytes() for path in out.glob("data/*")} == before


def test_a_call_that_was_stopped_goes_on(dataset: Path, tmp_path: Path) -> None:
    """A shard is damaged, so the call ends before its file; then the shard is whole again."""
    copy, out = Path(shutil.copytree(dataset, tmp_path / "copy")), tmp_path / "out"
    shard = max(copy.glob("*-test.tfrecord-*"))  # the smallest split comes last
    whole = shard.read_bytes()
    change(shard)
    stopped = convert(copy, out, "parquet")
    assert "is not the one of the manifest" in stopped.sentence
    assert not (out / "gzprep.json").exists()
    shard.write_bytes(whole)
    told = convert(copy, out, "parquet", "--json").json
    assert 0 < told["kept"] < told["files"]
    assert (out / "gzprep.json").exists()
    assert not (out / ".gzprep" / "convert.json").exists()


def test_a_folder_of_other_options_is_replaced_only_on_demand(as_tar: Path, dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(as_tar, tmp_path / "out"))
    assert "--overwrite" in convert(dataset, out, "webdataset").sentence
    assert convert(dataset, out, "webdataset", "--overwrite").code == 0
    assert not list(out.glob("data/train_views-*"))


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/passwd", "data/../../mine.txt", "README.md", 7])
def test_a_record_cannot_make_us_remove_other_files(as_tar: Path, dataset: Path, tmp_path: Path, name: object) -> None:
    out = Path(shutil.copytree(as_tar, tmp_path / "out"))
    (tmp_path / "mine.txt").write_text("text")
    said = json.loads((out / "gzprep.json").read_text())
    said["files"][0]["file"] = name
    (out / "gzprep.json").write_text(json.dumps(said))
    assert "was not written by gzprep convert" in convert(dataset, out, "webdataset", "--overwrite").sentence
    assert (tmp_path / "mine.txt").exists()
    assert (out / "README.md").exists()


OLD = {"data_hash": None, "survey": None}


def test_a_folder_of_before_there_were_surveys_is_converted(dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "copy"))
    said = json.loads((copy / "manifest.json").read_text())
    old = {key: value for key, value in said.items() if key not in OLD}
    (copy / "manifest.json").write_text(json.dumps(old))
    for form in ("parquet", "array_record"):
        assert convert(copy, tmp_path / form, form, "--split", "test").code == 0
        assert "Galaxy Zoo 2" in (tmp_path / form / "README.md").read_text()


def test_folders_that_are_not_ours_are_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("text")
    assert "not made by gzprep convert" in convert(dataset, tmp_path / "mine", "parquet").sentence
    assert "the dataset folder itself" in convert(dataset, dataset, "parquet").sentence
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
