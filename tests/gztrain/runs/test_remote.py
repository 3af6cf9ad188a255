"""Run folders in buckets: every command does there what it does on a disk, and a run that was cut off goes on."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gzcore.storage import buckets, retry
from gzcore.storage.places import Url
from gztrain.runs import remote
from gztrain.runs.remote import everything, model_alone, results, run_here, summaries
from tests import clouds
from tests.clouds import Faulty
from tests.gztrain.run_folders import TINY, curve, told_run, untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]
SMALL: dict[str, Any] = {"model.size": 16, "bootstrap": 5}


@pytest.fixture(scope="module", params=clouds.CLOUDS)
def cloud(request: pytest.FixtureRequest) -> Iterator[str]:
    """A bucket of each kind; the scheme."""
    start, variable = clouds.CLOUDS[request.param]
    with start() as address, pytest.MonkeyPatch.context() as patch:
        for name, value in {**clouds.CREDENTIALS, variable: address}.items():
            patch.setenv(name, value)
        patch.setattr(retry, "_FIRST", 0.0005)
        buckets._store_of.cache_clear()
        yield request.param
        buckets._store_of.cache_clear()


@pytest.fixture(scope="module")
def google() -> Iterator[Faulty]:
    """A bucket of one kind, where the kind makes no difference; the way to it."""
    with (
        clouds.google() as target,
        (proxy := Faulty(target)).running() as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        buckets._store_of.cache_clear()
        yield proxy
        buckets._store_of.cache_clear()


def bucket(name: str, scheme: str = "gs") -> Url:
    return Url(scheme, clouds.BUCKET, name)


@pytest.fixture(scope="module")
def untrained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "untrained", dataset, **SMALL).root


def test_a_run_in_a_bucket_is_judged_as_on_a_disk(cloud: str, untrained: Path, tmp_path: Path) -> None:
    far = bucket("runs/judged", cloud)
    clouds.upload(untrained, far)
    here, there = gztrain("evaluate", untrained, "--json"), gztrain("evaluate", str(far), "--json")
    assert there.code == 0, there.err
    assert there.json == here.json
    copy = clouds.download(far, tmp_path)
    assert json.loads((copy / "metrics.json").read_text()) == there.json
    for name in ("predictions.parquet", "predictions-test.parquet", "config.json", "model.keras"):
        assert (copy / name).read_bytes() == (untrained / name).read_bytes()


@pytest.mark.usefixtures("google")
def test_a_run_in_a_bucket_predicts_and_is_exported(untrained: Path, small_sky: Path, tmp_path: Path) -> None:
    far = bucket("runs/used")
    clouds.upload(untrained, far)
    images = small_sky / "images"
    for run, name in ((untrained, "near"), (far, "far")):
        result = gztrain("predict", str(run), images, "--parquet", tmp_path / name)
        assert result.code == 0, result.err
    assert (tmp_path / "near").read_bytes() == (tmp_path / "far").read_bytes()


@pytest.mark.usefixtures("google")
def test_a_run_in_a_bucket_is_reported(dataset: Path, tmp_path: Path) -> None:
    near = told_run(tmp_path / "told", dataset, "q1").root
    far = bucket("runs/told")
    clouds.upload(near, far)
    result = gztrain("report", str(far), "--html", tmp_path / "page")
    assert result.code == 0, result.err
    assert "told" in (tmp_path / "page" / "report.html").read_text()
    assert [name for name in clouds.names(far) if name.endswith(".png")]


@pytest.mark.usefixtures("google")
def test_an_ensemble_of_runs_in_a_bucket_names_them(untrained: Path, dataset: Path, tmp_path: Path) -> None:
    clouds.upload(untrained, bucket("members/one"))
    two = untrained_run(tmp_path / "two", dataset, seed=1, **SMALL).root
    far = bucket("members/mean")
    result = gztrain("ensemble", str(bucket("members/one")), two, "--run", str(far))
    assert result.code == 0, result.err
    members = json.loads((far / "ensemble.json").read_text())["members"]
    assert members == [str(bucket("members/one")), str(two.resolve())]
    assert json.loads((far / "metrics.json").read_text())["splits"]["test"]
    assert gztrain("evaluate", str(far)).code == 0
    one = str(bucket("members/one"))
    assert "has a run already" in gztrain("ensemble", one, two, "--run", str(far)).sentence
    assert "is named twice" in gztrain("ensemble", one, one).sentence
    assert "is a member of the ensemble" in gztrain("ensemble", one, two, "--run", one, "--overwrite").sentence


FIT = ("--set", "model.weights=none", *TINY, "--views", "0")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on this machine that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert gztrain("fit", dataset, "--run", folder, *FIT).code == 0
    return folder


class Cut(Exception):
    """The process ends."""


@pytest.mark.parametrize("after", [*(pytest.param(sends, marks=pytest.mark.thorough) for sends in (2, 4)), 3])
def test_a_run_that_was_cut_off_goes_on_from_the_bucket(
    after: int, google: Faulty, whole: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, sends = bucket(f"runs/cut-{after}"), []
    send = remote.RunCopy.send

    def cut(copy: remote.RunCopy) -> None:
        sends.append(copy)
        if len(sends) == after:
            raise GzError("The machine is taken away.")
        send(copy)

    with monkeypatch.context() as patch:
        patch.setattr(remote.RunCopy, "send", cut)
        assert gztrain("fit", dataset, "--run", str(far), *FIT).code == 1
    assert not (far / "metrics.json").exists()
    assert (far / "config.json").exists()
    assert gztrain("fit", dataset, "--run", str(far), *FIT).code == 2  # there is a run already
    google.seen.clear()
    result = gztrain("fit", dataset, "--run", str(far), "--resume")
    assert result.code == 0, result.err
    copy = clouds.download(far, tmp_path)
    assert curve(copy) == curve(whole)
    assert json.loads((copy / "metrics.json").read_text()) == json.loads((whole / "metrics.json").read_text())
    written = [request.name for request in google.seen if request.method == "PUT"]
    assert written[-1].endswith("/metrics.json")
    assert not [name for name in clouds.names(far) if Path(name).name.startswith(".")]


@pytest.mark.usefixtures("google")
def test_overwriting_removes_the_old_run_before_the_new_one_is_there(
    whole: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, seen = bucket("runs/over"), []
    clouds.upload(whole, far)
    (far / "notes.txt").put(io.BytesIO(b"mine"))
    send = remote.RunCopy.send

    def first(copy: remote.RunCopy) -> None:
        send(copy)
        seen.append({name.removeprefix("runs/over/") for name in clouds.names(far)})

    monkeypatch.setattr(remote.RunCopy, "send", first)
    result = gztrain("fit", dataset, "--run", str(far), "--overwrite", *FIT, "--set", "seed=3")
    assert result.code == 0, result.err
    assert seen[0] == {"config.json", "galaxies.parquet", "notes.txt"}
    assert "metrics.json" in seen[-1]
    assert (far / "notes.txt").read_text() == "mine"
    best = [name for name in seen[-1] if name.startswith("checkpoint/best-")]
    assert len(best) == 1


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize(
    "command", [("evaluate", "{}"), ("export", "{}", "x"), ("report", "{}", "--html", "x"), ("ensemble", "{}", "{}")]
)
def test_where_there_is_no_run_the_bucket_is_named(command: tuple[str, ...]) -> None:
    absent = str(bucket("runs/absent"))
    result = gztrain(*(word.format(absent) for word in command))
    assert (result.code, f"There is no config.json in {absent}" in result.sentence) == (1, True), result.err


@pytest.mark.usefixtures("google")
def test_errors_name_the_run_in_the_bucket_and_not_its_copy(untrained: Path) -> None:
    far = bucket("runs/damaged")
    clouds.upload(untrained, far)
    (far / "config.json").put(io.BytesIO(b"{"))
    result = gztrain("evaluate", str(far))
    assert (result.code, f"{far}/config.json is damaged" in result.sentence) == (1, True)


WANTED = {
    "config.json": {model_alone, results, summaries, everything},
    "model.keras": {model_alone, results, everything},
    "metrics.json": {results, summaries, everything},
    "fold-1/metrics.json": {results, summaries, everything},
    "fold-1/checkpoint/last.npz": {everything},
    "checkpoint/best-000000005.npz": {everything},
    "tensorboard/events": {everything},
    "predictions-test.parquet": {results, everything},
}


@pytest.mark.parametrize("name", WANTED)
def test_what_is_copied_is_what_is_needed(name: str) -> None:
    assert {wanted for wanted in (model_alone, results, summaries, everything) if wanted(name)} == WANTED[name]


def test_a_run_on_this_machine_is_itself(tmp_path: Path) -> None:
    with run_here(tmp_path) as here:
        here.send()
    assert here.folder == tmp_path
