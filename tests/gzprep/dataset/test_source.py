"""A manifest shows no path of its maker's disk, and the source is found again where it can be."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gzcore.storage.places import Place, Url, as_place
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from gzprep.dataset.folder import Folder
from gzprep.dataset.source import GALAXY_ZOO_2, MARKER, SIMULATED, describe, find_origin, kind_of, write_marker
from tests.gz2 import GZ2
from tests.running import SMALL, gzprep, manifest

SHOWN = {
    "beside": ("/home/a/gz2", "/home/a/out", "../gz2"),
    "below its parent": ("/home/a/data/gz2", "/home/a/out", "../data/gz2"),
    "its parent": ("/home/a", "/home/a/out", ".."),
    "elsewhere": ("/data/surveys/gz2", "/home/a/out", "gz2"),
    "above": ("/home", "/home/a/b/out", "home"),
    "in a bucket": ("gs://galaxies/gz2", "/home/a/out", "gs://galaxies/gz2"),
    "both in buckets": ("s3://galaxies/gz2", "s3://sets/out", "s3://galaxies/gz2"),
    "to a bucket": ("/home/a/gz2", "gs://sets/out", "gz2"),
}


@pytest.mark.parametrize(("data", "out", "shown"), SHOWN.values(), ids=SHOWN)
def test_a_data_folder_is_shown_without_its_disk(data: str, out: str, shown: str) -> None:
    files = (CatalogueFile(as_place(data) / "gz2_train_catalog.parquet", Split.TRAIN),)
    told = describe(Folder(as_place(out)), as_place(data), files)
    assert told["data"] == shown
    file = "gz2_train_catalog.parquet" if data.startswith("/") else f"{data}/gz2_train_catalog.parquet"
    assert told["catalogues"] == [{"file": file, "split": "train"}]


def test_a_catalogue_from_elsewhere_is_shown_by_its_name() -> None:
    files = (CatalogueFile(Path("/home/a/own.csv"), Split.TEST),)
    assert describe(Folder(Path("/out")), Path("/data/gz2"), files)["catalogues"] == [
        {"file": "own.csv", "split": "test"}
    ]


def test_a_folder_says_what_it_is(tmp_path: Path) -> None:
    assert kind_of(tmp_path, GZ2) == GALAXY_ZOO_2
    write_marker(tmp_path, SIMULATED)
    assert kind_of(tmp_path, GZ2) == SIMULATED


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 3}', '{"kind": "hearsay"}', "\xff"])
def test_a_marker_that_says_nothing_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text(text, encoding="latin-1")
    with pytest.raises(GzError, match="does not say what the source is"):
        kind_of(tmp_path, GZ2)


@pytest.fixture
def made(small_sky: Path, tmp_path: Path) -> Path:
    """A folder with a sky and a data set of it, side by side."""
    root = tmp_path / "secret"
    shutil.copytree(small_sky, root / "sky")
    assert gzprep("run", "--data", root / "sky", "--out", root / "out", *SMALL, "--views", "1").code == 0
    return root


@pytest.mark.slow
def test_no_file_for_readers_has_a_path_of_the_disk(made: Path, tmp_path: Path) -> None:
    for path in (made / "out").iterdir():
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), path.name
            assert b"secret" not in path.read_bytes(), path.name


def replayed(out: Path, *more: str | Path) -> tuple[int, int]:
    result = gzprep("verify", out, "--replay", "3", "--json", *more)
    return result.code, result.json["replayed"]


@pytest.mark.slow
def test_records_are_made_again_wherever_the_source_is(made: Path, tmp_path: Path) -> None:
    out = made / "out"
    assert replayed(out) == (0, 3)
    moved = shutil.move(made, tmp_path / "moved")  # both: the manifest says where one is, seen from the other
    assert replayed(Path(moved) / "out") == (0, 3)
    alone = shutil.move(Path(moved) / "out", tmp_path / "alone" / "out")
    result = gzprep("verify", alone, "--replay", "3")
    assert result.code == 1
    assert "../sky, which is not where it was; name its place with --data" in result.sentence
    assert replayed(Path(alone), "--data", tmp_path / "moved" / "sky") == (0, 3)
    assert gzprep("inspect", alone, "--json").code == 0


@pytest.mark.slow
def test_a_published_folder_needs_the_place_of_the_source(made: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made / "out", tmp_path / "out", ignore=shutil.ignore_patterns(".gzprep")))
    with pytest.raises(GzError, match="--data"):
        find_origin(Folder(out), manifest(out))
    origin = find_origin(Folder(out), manifest(out), made / "sky")
    assert (origin.data, {file.split for file in origin.catalogues}) == (made / "sky", set(Split))


@pytest.mark.slow
def test_a_second_run_notes_where_the_source_is_now(made: Path, tmp_path: Path) -> None:
    out, sky = made / "out", tmp_path / "new" / "sky"
    before = (out / "manifest.json").read_bytes()
    shutil.copytree(made / "sky", sky)
    assert gzprep("run", "--data", sky, "--out", out, *SMALL, "--views", "1").code == 0
    assert json.loads((out / ".gzprep" / "source.json").read_text())["data"] == str(sky)
    assert json.loads(before)["source"]["data"] == "../sky"
    assert manifest(out)["source"]["data"] == "sky"


@pytest.mark.parametrize("out", ["gs://galaxies/out", "gs://galaxies/below/out"])
def test_an_address_in_the_same_bucket_is_found_as_it_was_shown(out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sky = as_place("gs://galaxies/sky")
    monkeypatch.setattr(type(sky), "is_dir", lambda _: True)
    monkeypatch.setattr(type(sky), "is_file", lambda _: False)
    files: tuple[tuple[Place, str], ...] = ((sky / "gz2_test_catalog.csv", "test"),)
    told = {"data": str(sky), "catalogues": [{"file": str(file), "split": split} for file, split in files]}
    origin = find_origin(Folder(as_place(out)), {"source": told})
    assert origin.data == sky
    assert [file.path for file in origin.catalogues] == [sky / "gz2_test_catalog.csv"]


def _no_request(*_: object) -> bool:
    raise AssertionError("a bucket was asked")


THEIRS = "s3://their-bucket/sky"
CHOSEN: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "the manifest names a bucket": ({"data": THEIRS, "catalogues": []}, None),
    "source.json names a bucket": ({"data": "sky", "catalogues": []}, {"data": THEIRS, "catalogues": []}),
    "source.json names a catalogue in a bucket": (
        {"data": "sky", "catalogues": []},
        {"data": ".", "catalogues": [{"file": f"{THEIRS}/a.csv", "split": "test"}]},
    ),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_document_cannot_choose_a_bucket_that_is_asked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request carries the user's credentials: only an address that the user named gets one."""
    for method in ("is_dir", "is_file", "exists", "open", "read"):
        monkeypatch.setattr(Url, method, _no_request)
    published, private = CHOSEN[name]
    folder = Folder(tmp_path)
    if private is not None:
        folder.source.parent.mkdir(parents=True)
        folder.source.write_text(json.dumps(private))
    with pytest.raises(GzError, match=r"name (it|its place) with --data"):
        find_origin(folder, {"source": published})
