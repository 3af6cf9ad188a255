"""A run is sent to a hub on loopback, and what arrives is a run without paths of this machine."""

import json
from pathlib import Path

import pytest

from gztrain.evaluation.evaluate import evaluate
from gztrain.evaluation.model_card import read_card
from gztrain.runs.folder import RunFolder, open_run
from gztrain.runs.push import _gather, without_paths
from tests import loopback_hub
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytest.importorskip("huggingface_hub")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


def test_what_arrives_on_the_hub_is_a_run_with_its_card(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = untrained_run(tmp_path / "run", dataset, **{"model.size": 16, "bootstrap": 0})
    assert "writes it" in gztrain("push", folder.root, "hf://someone/sky").sentence
    evaluate(folder.root, "val")
    (tmp_path / "hub").mkdir()
    with loopback_hub.serve({"someone/sky": tmp_path / "hub"}) as address:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "hf_notarealtoken")
        sent = gztrain("push", folder.root, "hf://someone/sky", "--json")
    assert sent.code == 0, sent.err
    hub = tmp_path / "hub"
    names = {path.name for path in hub.iterdir()}
    assert names == {"README.md", "model.keras", "config.json", "metrics.json"}
    assert sent.json["files"] == len(names)
    assert (hub / "model.keras").read_bytes() == folder.model.read_bytes()
    for name in names - {"model.keras"}:
        assert str(tmp_path) not in (hub / name).read_text()
        assert str(dataset) not in (hub / name).read_text()
    assert open_run(hub).scheme == open_run(folder.root).scheme
    assert read_card(hub / "README.md") == read_card(folder.card)


def test_an_address_that_names_no_repository_is_refused(tmp_path: Path) -> None:
    refused = gztrain("push", tmp_path, "hf://datasets/someone/sky")
    assert refused.code == 2
    assert "hf://user/name" in refused.sentence


def test_an_ensemble_arrives_as_an_ensemble(tmp_path: Path) -> None:
    """Else its members could be judged on galaxies that they were trained on."""
    folder = RunFolder(tmp_path / "run")
    folder.root.mkdir()
    for path in (folder.card, folder.model):
        path.write_bytes(b"-")
    for path in (folder.config, folder.metrics):
        path.write_text("{}")
    folder.ensemble.write_text(json.dumps({"members": [str(tmp_path / "a"), "gs://bucket/b"], "sides": 1}))
    (tmp_path / "sent").mkdir()
    assert "ensemble.json" in _gather(folder, tmp_path / "sent")
    assert json.loads((tmp_path / "sent" / "ensemble.json").read_bytes())["members"] == ["a", "gs://bucket/b"]


KINDS = {"an ensemble, then a run": (True, False), "a run, then an ensemble": (False, True), "one run": (False, False)}


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
def test_nothing_of_a_run_that_was_sent_before_is_left(
    kinds: tuple[bool, bool], dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what its owner has put there stays."""
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "LICENSE").write_text("mine")
    folder = untrained_run(tmp_path / "run", dataset, **{"model.size": 16, "bootstrap": 0})
    evaluate(folder.root, "val")
    with loopback_hub.serve({"someone/sky": hub}) as address:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "hf_notarealtoken")
        for joined in kinds:
            for path, text in ((folder.ensemble, '{"members": [], "sides": 1}'), (folder.history, "")):
                path.unlink(missing_ok=True)
                if joined == (path == folder.ensemble):  # an ensemble has no history, a run is none
                    path.write_text(text)
            sent = gztrain("push", folder.root, "hf://someone/sky", "--json")
            assert sent.code == 0, sent.err
    own = "ensemble.json" if kinds[-1] else folder.history.name
    names = {path.name for path in hub.iterdir()}
    assert names == {"LICENSE", "README.md", "model.keras", "config.json", "metrics.json", own}


def test_places_become_names_and_addresses_stay() -> None:
    document = {"path": "/home/me/gz2", "deep": [{"weights": "/home/me/w.h5"}, {"weights": "hf://a/b"}], "title": "a/b"}
    assert without_paths(document) == {
        "path": "gz2",
        "deep": [{"weights": "w.h5"}, {"weights": "hf://a/b"}],
        "title": "a/b",
    }


@pytest.mark.parametrize(
    ("key", "place", "name"),
    [
        ("run", "/home/me/project/a/", "a"),
        ("run", "runs/a", "a"),
        ("somewhere", "/home/me/x.csv", "x.csv"),
        ("somewhere", "C:\\Users\\me\\x.csv", "x.csv"),
        ("somewhere", "gs://bucket/x.csv", "gs://bucket/x.csv"),
        ("verdict", "AUC 0.9 / 1", "AUC 0.9 / 1"),
    ],
)
def test_no_place_of_this_machine_is_sent(key: str, place: str, name: str) -> None:
    assert without_paths({"members": [{key: place}]}) == {"members": [{key: name}]}
