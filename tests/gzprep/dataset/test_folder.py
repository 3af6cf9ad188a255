"""The dataset folder: one writer at a time, and only what is ours is removed."""

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gzcore.dataset.layout import shard_name
from gzcore.errors import GzError
from gzprep.dataset.folder import Folder, clear, locked, sweep

SHARD = shard_name("gz2", "train", 0, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "out")
    folder.prepare()
    return folder


def files(root: Path) -> set[str]:
    """Every file below a folder but the lock."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != "lock"}


def names(root: Path) -> set[str]:
    """File names below a folder."""
    return {path.name for path in root.rglob("*")}


# the lock


def test_a_second_holder_is_refused(folder: Folder) -> None:
    with (
        locked(folder),
        pytest.raises(GzError, match=r"^Another run is writing into .*out; wait for it, or choose another --out\.$"),
        locked(folder),
    ):
        pytest.fail("two runs hold the lock")


@pytest.mark.slow
def test_a_second_process_is_refused_and_the_lock_comes_free(folder: Folder) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from gzprep.dataset.folder import Folder, locked; from gzcore.errors import *\n"
        "try:\n"
        "    with locked(Folder(Path(sys.argv[1]))): print('held')\n"
        "except GzError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(folder.root)]
    with locked(folder):
        refused = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    taken = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert refused.startswith("Another run is writing into")
    assert taken == "held\n"


def test_the_lock_comes_free_after_an_exception(folder: Folder) -> None:
    with pytest.raises(ValueError, match="no"), locked(folder):
        raise ValueError("no")
    with locked(folder), (folder.work / "lock").open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_killed_holder_does_not_hold_on(folder: Folder) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from gzprep.dataset.folder import Folder, locked\n"
        "with locked(Folder(Path(sys.argv[1]))): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(folder.root)], check=False)
    assert run.returncode == -signal.SIGKILL
    with locked(folder):
        pass


def test_the_lock_makes_the_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")
    with locked(folder):
        assert folder.bins.is_dir()
        assert folder.temporaries.is_dir()


def test_other_folders_have_other_locks(tmp_path: Path) -> None:
    with locked(Folder(tmp_path / "a")), locked(Folder(tmp_path / "b")):
        pass


# clearing


def test_clear_removes_the_data_set_and_nothing_else(folder: Folder) -> None:
    ours = [shard_name("gz2", split, index, 2) for split in ("train", "train_views", "test") for index in range(2)]
    ours += [
        "manifest.json",
        "catalogue.parquet",
        "rejects.parquet",
        ".gzprep/plan.json",
        ".gzprep/bins/train-0.parquet",
    ]
    theirs = [
        "notes.txt",
        "gz2.txt",
        "gz2-train.csv",
        "other-train.tfrecord-00000-of-00001",
        "sub/gz2-train.tfrecord-00000-of-00001",
        "sub/manifest.json",
    ]
    (folder.root / "sub").mkdir()
    for name in (*ours, *theirs):
        (folder.root / name).write_bytes(b"x")
    assert files(folder.root) == {*ours, *theirs}
    clear(folder, "gz2")
    assert files(folder.root) == {*theirs}
    assert folder.bins.is_dir()


def test_clear_of_a_link_leaves_its_target(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    (folder.root / SHARD).symlink_to(tmp_path / "precious")
    clear(folder, "gz2")
    assert not (folder.root / SHARD).is_symlink()
    assert (tmp_path / "precious").read_bytes() == b"x"


def test_clear_of_an_empty_folder_does_nothing(folder: Folder) -> None:
    clear(folder, "gz2")
    clear(folder, "gz2")
    assert files(folder.root) == set()


def test_sweep_removes_leftovers_only(folder: Folder) -> None:
    (folder.temporaries / "gz2-train.part-00000-of-00004.abc").write_bytes(b"half")
    for path in (folder.root / SHARD, folder.plan, folder.bin_record("train-0"), folder.manifest):
        path.write_bytes(b"x")
    sweep(folder)
    assert files(folder.root) == {SHARD, ".gzprep/plan.json", ".gzprep/bins/train-0.parquet", "manifest.json"}


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    with pytest.raises(GzError, match=r"^Cannot write into .*out \(.*\); choose another place\.$"):
        Folder(tmp_path / "out").prepare()
    with pytest.raises(GzError, match=r"^Cannot write into"), locked(Folder(tmp_path / "out")):
        pytest.fail("a file was locked as a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_may_not_be_written_into_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(GzError, match=r"\(Permission denied\); choose another place\.$"):
            Folder(tmp_path / "out").prepare()
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_preparing_twice_is_fine(folder: Folder) -> None:
    (folder.bin_record("train-0")).write_text(json.dumps(1))
    folder.prepare()
    assert files(folder.root) == {".gzprep/bins/train-0.parquet"}
