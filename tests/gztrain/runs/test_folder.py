"""The run folder: what is written about a run, what is refused, what is removed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import appearing, sweep
from gztrain.config import FREE, TrainConfig, read_config
from gztrain.data.dataset import choose_scheme, open_dataset
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import FORMAT, Run, RunFolder, open_run, write_config
from gztrain.runs.resume import check_same
from gztrain.training.request import make_config
from tests.gz2 import SCHEMES


def begun(root: Path, data: Path, *settings: str) -> RunFolder:
    """A run folder as it is when a run begins."""
    config, dataset = read_config(None, settings), open_dataset(data)
    write_config(RunFolder(root), config, record_of(dataset), choose_scheme(dataset, config.scheme), "jax")
    return RunFolder(root)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_run_knows_what_it_is_without_its_data(scheme: str, dataset: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "deep" / "run", dataset, f"scheme={scheme}", "augment.affine=true", "fold=3")
    run = open_run(folder.root)
    data = open_dataset(dataset)
    assert run.scheme == choose_scheme(data, scheme)
    assert [one.parents for one in run.scheme.questions] == [
        one.parents for one in choose_scheme(data, scheme).questions
    ]
    assert run.config == read_config(None, [f"scheme={scheme}", "augment.affine=true", "fold=3"])
    assert (run.crop, run.dataset, run.backend) == (64, dataset.resolve(), "jax")
    assert run.data.recipe_hash == data.manifest["recipe_hash"]


def rewrite(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return damage


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (Path.unlink, "There is no run in"),
        (lambda path: path.write_text("{"), "is damaged"),
        (lambda path: path.write_text("[]"), "is damaged"),
        (rewrite(lambda document: document.update(format=FORMAT + 1)), f"has format {FORMAT + 1}"),
        (rewrite(lambda document: document.pop("scheme")), "is damaged"),
        (rewrite(lambda document: document["config"].update(colour=1)), "colour"),
    ],
    ids=["absent", "no json", "no object", "newer", "no scheme", "unknown key"],
)
def test_a_config_that_cannot_be_read(damage: Callable[[Path], Any], part: str, dataset: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", dataset)
    damage(folder.config)
    with pytest.raises(GzError) as caught:
        open_run(folder.root)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_set_that_is_taken_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").touch()
    with pytest.raises(GzError, match=r"is a data set, not a run; gztrain fit .* --run RUN trains on it"):
        open_run(tmp_path)


def test_a_run_of_before_ties_were_masked_goes_on_with_them(dataset: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", dataset)
    assert open_run(folder.root).config.ties == "mask"
    path = folder.config
    document = json.loads(path.read_text())
    del document["config"]["ties"]
    path.write_text(json.dumps(document | {"config": document["config"] | {"min_votes": 1}}))
    before = open_run(folder.root).config
    assert (before.ties, before.min_votes) == ("keep", 1)


def test_a_cross_validation_is_no_run(dataset: Path, tmp_path: Path) -> None:
    begun(tmp_path / "fold-0", dataset)
    assert RunFolder(tmp_path).has_run()
    with pytest.raises(GzError, match=r"cross-validation of several runs; name one of them, such as .*fold-0"):
        open_run(tmp_path)


def test_a_run_that_has_not_ended_has_no_model(dataset: Path, tmp_path: Path) -> None:
    run = open_run(begun(tmp_path / "run", dataset).root)
    with pytest.raises(GzError, match="the run has not ended"):
        run.model()
    run.folder.model.write_bytes(b"PK\x03\x04")
    with pytest.raises(GzError, match=r"cannot be loaded"):
        run.model()


def test_clearing_leaves_what_is_not_ours(dataset: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path, dataset)
    begun(folder.fold(2).root, dataset)
    for path in (folder.history, folder.model, folder.metrics, folder.predictions, folder.predictions_of("val")):
        path.touch()
    for place in (folder.checkpoint, folder.tensorboard, folder.figures):
        (place / "deep").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "fold-notes").mkdir()
    folder.clear()
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "fold-notes"}


def test_half_written_files_are_swept_away_and_others_are_not(tmp_path: Path) -> None:
    kept = {".hidden", ".git.model.keras", "model.keras"}
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / f".{'0f' * 16}.model.keras").touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def _half() -> bytes:
    raise RuntimeError("no more")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(RuntimeError, match="no more"), appearing(path) as file:
        file.write(_half())
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- going on with a run


@pytest.fixture
def run(dataset: Path, tmp_path: Path) -> Run:
    return open_run(begun(tmp_path / "run", dataset, "seed=5").root)


def test_a_run_is_resumed_as_it_is(run: Run, dataset: Path) -> None:
    check_same(run, run.config, open_dataset(dataset), "jax")


@pytest.mark.parametrize("key", FREE)
def test_how_it_is_computed_may_change(key: str, run: Run, dataset: Path) -> None:
    value = {"input.reader": "tf", "log.tensorboard": "false"}.get(key, "1")
    check_same(run, make_config(run.folder.root, None, [f"{key}={value}"], resume=True), open_dataset(dataset), "jax")


@pytest.mark.parametrize(
    ("setting", "part"), [("seed=6", "seed = 5, and 6"), ("stages.batch=3", "stages.batch"), ("model.size=32", "size")]
)
def test_what_is_learned_may_not(setting: str, part: str, run: Run, dataset: Path) -> None:
    config = make_config(run.folder.root, None, [setting], resume=True)
    with pytest.raises(UsageError, match=part):
        check_same(run, config, open_dataset(dataset), "jax")


def test_neither_may_backend_and_data(run: Run, dataset: Path) -> None:
    data = open_dataset(dataset)
    with pytest.raises(UsageError, match="KERAS_BACKEND=jax"):
        check_same(run, run.config, data, "tensorflow")
    other = replace(data, manifest={**data.manifest, "recipe_hash": "0" * 64})
    with pytest.raises(GzError, match=r"recipe 000000000000\) holds other data"):
        check_same(run, run.config, other, "jax")


def test_a_resumed_run_starts_from_what_it_had(run: Run) -> None:
    assert make_config(run.folder.root, None, [], resume=True).seed == 5
    assert make_config(run.folder.root, None, [], resume=False) == TrainConfig()
