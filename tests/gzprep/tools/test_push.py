"""A folder that gzprep made is sent to a hub on loopback, and no other folder is."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzprep.tools.push import stale_of
from tests import loopback_hub
from tests.running import gzprep

pytest.importorskip("huggingface_hub")
TOKEN = "hf_notarealtoken"  # noqa: S105 -- the hub on loopback takes any


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the repository someone/sky on a hub that writes only for callers with a token."""
    (tmp_path / "hub").mkdir()
    with loopback_hub.serve({"someone/sky": tmp_path / "hub"}) as address:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield tmp_path / "hub"


@pytest.fixture(scope="module")
def converted(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("push") / "parquet"
    assert gzprep("convert", dataset, out, "--to", "parquet", "--workers", "1").code == 0
    return out


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_file_of_a_converted_folder_arrives(converted: Path, hub: Path) -> None:
    sent = gzprep("push", converted, "hf://someone/sky", "--json")
    assert sent.code == 0, sent.err
    expected = {name: data for name, data in contents(converted).items() if not name.startswith(".gzprep/")}
    assert contents(hub) == expected
    assert (sent.json["files"], sent.json["repository"]) == (len(expected), "someone/sky")
    assert TOKEN not in sent.out + sent.err


def test_of_a_dataset_folder_the_paths_of_this_machine_stay_here(dataset: Path, hub: Path) -> None:
    """They are in .gzprep/source.json."""
    assert (dataset / ".gzprep" / "source.json").is_file()
    assert gzprep("push", dataset, "hf://datasets/someone/sky").code == 0
    arrived = contents(hub)
    assert "manifest.json" in arrived
    assert not [name for name in arrived if name.startswith(".")]
    expected = {name: data for name, data in contents(dataset).items() if not name.startswith(".gzprep/")}
    assert arrived == expected


OLD = {
    "a dataset folder": ("dataset", "old-test.tfrecord-00001-of-00003"),
    "a converted folder": ("converted", "data/train-00001-of-00003.parquet"),
}


@pytest.mark.parametrize(("made", "old"), OLD.values(), ids=OLD)
def test_shards_of_a_data_set_that_was_sent_before_are_removed(
    made: str, old: str, hub: Path, request: pytest.FixtureRequest
) -> None:
    """Programs that read all shards of a repository would mix two data sets. Other files stay."""
    mine = {"notes.txt", "mine/extra-00000-of-00001.csv", f"mine/{Path(old).name}"}
    for name in (old, *mine):
        (hub / name).parent.mkdir(exist_ok=True)
        (hub / name).write_text("-")
    folder = request.getfixturevalue(made)
    pushed = gzprep("push", folder, "hf://someone/sky")
    assert pushed.code == 0
    assert f"Files of an earlier push that were removed there: 1 ({old})." in pushed.out
    sent = {name for name in contents(folder) if not name.startswith(".gzprep/")}
    assert set(contents(hub)) == sent | mine


SHARDS = {
    "of gzprep run": ("gz2-train_views.tfrecord-00003-of-00016", "old-test.tfrecord-00000-of-00002"),
    "ArrayRecord": ("gz2-test.array_record-00000-of-00002", "gz2-train.array_record-00001-of-00002"),
    "parquet": ("data/train-00000-of-00002.parquet", "data/test-00007-of-00009.parquet"),
    "WebDataset": ("data/train-00000-of-00002.tar", "data/test-00007-of-00009.tar"),
}


@pytest.mark.parametrize(("name", "old"), SHARDS.values(), ids=SHARDS)
def test_shards_of_the_same_format_are_known_by_their_names(name: str, old: str) -> None:
    stale = stale_of([name, name, "README.md"])
    assert stale is not None
    assert stale.fullmatch(old)
    others = (one for _, one in SHARDS.values() if one != old)
    for kept in (*others, f"mine/{old}", f"{old}.bak", "README.md", "catalogue.parquet"):
        assert not stale.fullmatch(kept)


def test_a_folder_without_shards_removes_nothing() -> None:
    assert stale_of(["README.md", "catalogue.parquet"]) is None


def test_without_a_right_to_write_the_sentence_says_what_to_do(
    converted: Path, hub: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no token"))
    assert "HF_TOKEN" in gzprep("push", converted, "hf://someone/sky").sentence
    assert contents(hub) == {}


ADDRESSES = ("hf://", "hf://someone", "hf://a/b/c", "gs://someone/sky", "someone/sky", "hf://../sky")


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_names_no_repository_is_refused(converted: Path, address: str) -> None:
    refused = gzprep("push", converted, address)
    assert refused.code == 2
    assert "hf://user/name" in refused.sentence


def test_a_folder_of_other_things_is_refused(tmp_path: Path, hub: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "secret.txt").write_text("text")
    assert "neither manifest.json nor gzprep.json" in gzprep("push", tmp_path / "mine", "hf://someone/sky").sentence
    assert contents(hub) == {}


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "*", "data/../../x"])
def test_a_record_that_names_other_files_is_refused(converted: Path, hub: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(converted, tmp_path / "copy"))
    said = json.loads((copy / "gzprep.json").read_text())
    said["files"][0]["file"] = name
    (copy / "gzprep.json").write_text(json.dumps(said))
    assert "is not the name of a file" in gzprep("push", copy, "hf://someone/sky").sentence
    assert contents(hub) == {}


def test_a_folder_that_is_not_whole_is_refused(converted: Path, hub: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(converted, tmp_path / "copy"))
    path = next(copy.glob("data/*"))
    path.write_bytes(path.read_bytes()[:-1])
    assert "bytes, expected" in gzprep("push", copy, "hf://someone/sky").sentence
    assert contents(hub) == {}
