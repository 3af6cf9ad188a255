"""One command at a time trains into a run folder."""

from pathlib import Path

import pytest

from gztrain.runs.folder import RunFolder
from tests.gztrain.run_folders import TINY
from tests.gztrain.shards import copied
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]
QUICK = (*TINY, "--epochs", "1", "--fine-tune-epochs", "0", "--views", "0", "--scheme", "q0")


@pytest.fixture(scope="module")
def ended(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose training has ended, and whose evaluation is to be made again."""
    run = tmp_path_factory.mktemp("lock") / "run"
    assert gztrain("fit", dataset, "--run", run, *QUICK).code == 0
    (run / "metrics.json").unlink()
    return run


WAYS: dict[str, tuple[str, ...]] = {
    "fit goes on": ("fit", "DATA", "--run", "RUN", "--resume"),
    "fit begins anew": ("fit", "DATA", "--run", "RUN", "--overwrite", *QUICK),
    "crossval begins anew": ("crossval", "DATA", "--run", "RUN", "--overwrite", *QUICK),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_second_command_is_refused_and_changes_nothing(way: str, ended: Path, dataset: Path, tmp_path: Path) -> None:
    run = copied(ended, tmp_path / "run")
    words = [{"DATA": str(dataset), "RUN": str(run)}.get(word, word) for word in WAYS[way]]
    history = (run / "history.csv").read_bytes()
    with RunFolder(run).locked():
        result = gztrain(*words)
    assert result.code == 1, result.err
    assert f"Another run is writing into {run}" in result.err
    assert (run / "history.csv").read_bytes() == history
    assert not (run / "metrics.json").exists()


def test_a_fold_that_is_being_trained_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.fold(0).locked():
        result = gztrain("crossval", dataset, "--run", run.root, *QUICK)
    assert result.code == 1
    assert "Another run is writing into" in result.err
    assert not run.fold(0).history.exists()


def test_the_lock_ends_with_the_command(ended: Path, dataset: Path, tmp_path: Path) -> None:
    run = copied(ended, tmp_path / "run")
    rows = (run / "history.csv").read_text()
    for _ in range(2):
        assert gztrain("fit", dataset, "--run", run, "--resume").code == 0
    assert (run / "history.csv").read_text() == rows
