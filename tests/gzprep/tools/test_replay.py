"""Records made again: which are chosen, what differs, and what is needed."""

import json
import shutil
from pathlib import Path

import pytest

from gzcore.errors import GzError
from gzcore.hashing import identity_hash
from gzprep.dataset.read import open_folder, read_shard, shard_paths
from gzprep.tools import replay as module
from gzprep.tools.replay import Moved, replay
from tests.gz2 import read_record
from tests.running import manifest


def keys(out: Path) -> list[tuple[str, int]]:
    folder, document = open_folder(out)
    records = (
        read_record(data) for path in shard_paths(folder, document, document["splits"]) for data in read_shard(path)
    )
    return [(record.id, record.view) for record in records]


def test_records_of_a_sound_folder_come_again(dataset: Path) -> None:
    folder, document = open_folder(dataset)
    assert replay(folder, document, keys(dataset), 12, Moved()) == []


def test_the_first_by_their_hash_are_chosen(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, document = open_folder(dataset)
    every = keys(dataset)
    monkeypatch.setattr(module, "_made_again", lambda *_: iter(()))  # so that each chosen record is named
    told = replay(folder, document, every, 3, Moved())
    first = sorted(every, key=lambda key: identity_hash("replay", 0, *key))[:3]
    assert told == [f"Galaxy {name}, view {view}: made again, its record differs." for name, view in sorted(first)]


def test_another_image_gives_another_record(dataset: Path, sky_copy: Path) -> None:
    folder, document = open_folder(dataset)
    name = next(galaxy for galaxy, view in keys(dataset) if view == 0)
    other = next(galaxy for galaxy, _ in keys(dataset) if galaxy != name)
    images = {path.stem: path for path in (sky_copy / "images").rglob("*.jpg")}
    shutil.copy(images[other], images[name])
    told = replay(folder, document, [(name, 0), (other, 0)], 2, Moved(sky_copy))
    assert told == [f"Galaxy {name}, view 0: made again, its record differs."]


def test_a_galaxy_that_has_left_the_source_is_named(dataset: Path, sky_copy: Path) -> None:
    folder, document = open_folder(dataset)
    name = keys(dataset)[0]
    next((sky_copy / "images").rglob(f"{name[0]}.jpg")).unlink()
    assert len(replay(folder, document, [name], 1, Moved(sky_copy))) == 1


def test_other_libraries_are_refused_by_name(dataset: Path) -> None:
    folder, document = open_folder(dataset)
    library = next(iter(document["versions"]))
    other = document | {"versions": document["versions"] | {library: "0.0.1"}}
    with pytest.raises(GzError, match=rf"{library} 0\.0\.1 \(installed: "):
        replay(folder, other, keys(dataset), 1, Moved())


def test_a_source_that_has_gone_is_asked_for(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    (out / ".gzprep" / "source.json").unlink()
    document = manifest(out) | {"source": manifest(out)["source"] | {"data": "gone"}}
    (out / "manifest.json").write_text(json.dumps(document))
    folder, document = open_folder(out)
    with pytest.raises(GzError, match="--data"):
        replay(folder, document, keys(out), 1, Moved())
