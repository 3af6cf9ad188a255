"""The dataset folder: files appear whole or not at all, one writer at a time, complaints are one sentence."""

import errno
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
from gzprep.dataset.folder import Folder, appearing, clear, locked, read_json, sweep, write_json, writing

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


# appearing


def test_a_finished_file_has_its_name_and_nothing_is_left_beside(folder: Folder) -> None:
    with appearing(folder.root / SHARD, folder.temporaries) as file:
        file.write(b"all of it")
    assert files(folder.root) == {SHARD}
    assert (folder.root / SHARD).read_bytes() == b"all of it"


def test_no_file_has_a_shards_name_before_it_is_finished(folder: Folder) -> None:
    with appearing(folder.root / SHARD, folder.temporaries) as file:
        file.write(b"half of it")
        file.flush()
        assert len(files(folder.root)) == 1
        assert not [name for name in names(folder.root) if ".tfrecord-" in name]
    assert [name for name in names(folder.root) if ".tfrecord-" in name] == [SHARD]


def write_half(folder: Folder, error: BaseException) -> None:
    """Begin a shard, and fail."""
    with appearing(folder.root / SHARD, folder.temporaries) as file:
        file.write(b"half of it")
        raise error


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing(folder: Folder, error: type[BaseException]) -> None:
    with pytest.raises(error):
        write_half(folder, error())
    assert files(folder.root) == set()


def test_an_exception_leaves_the_old_file(folder: Folder) -> None:
    (folder.root / SHARD).write_bytes(b"old")
    with pytest.raises(ValueError, match="no"):
        write_half(folder, ValueError("no"))
    assert files(folder.root) == {SHARD}
    assert (folder.root / SHARD).read_bytes() == b"old"


def test_two_writers_of_one_file_do_not_meet(folder: Folder) -> None:
    """A worker that was thought dead may finish after its successor: the same bytes, and neither is torn."""
    path = folder.root / SHARD
    with appearing(path, folder.temporaries) as one, appearing(path, folder.temporaries) as other:
        one.write(b"the same")
        other.write(b"the same")
    assert files(folder.root) == {SHARD}
    assert path.read_bytes() == b"the same"


def test_a_killed_writer_leaves_no_shard_and_a_sweep_leaves_nothing(folder: Folder) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from gzprep.dataset.folder import Folder, appearing\n"
        "folder = Folder(Path(sys.argv[1]))\n"
        "with appearing(folder.root / sys.argv[2], folder.temporaries) as file:\n"
        "    file.write(b'half of it'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(folder.root), SHARD], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(files(folder.root)) == 1
    assert not [name for name in names(folder.root) if ".tfrecord-" in name]
    sweep(folder)
    assert files(folder.root) == set()


# JSON


def test_json_there_and_back(folder: Folder) -> None:
    value = {"a": [1, 2.5, None, "\N{GREEK SMALL LETTER ALPHA}"], "b": {"c": True}}
    write_json(folder.manifest, folder.temporaries, value)
    assert read_json(folder.manifest) == value
    assert files(folder.root) == {"manifest.json"}
    assert folder.manifest.read_text(encoding="utf-8").endswith("}\n")


def test_json_has_no_nan(folder: Folder) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(folder.manifest, folder.temporaries, {"a": float("nan")})
    assert files(folder.root) == set()


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"a": 1} tail'])
def test_a_damaged_document_is_one_sentence(folder: Folder, text: bytes) -> None:
    folder.manifest.write_bytes(text)
    with pytest.raises(GzError, match=r"manifest\.json is damaged; run gzprep again with --overwrite\.$"):
        read_json(folder.manifest)


def test_an_absent_document_is_one_sentence(folder: Folder) -> None:
    with pytest.raises(GzError, match=r"manifest\.json cannot be read \(No such file or directory\)\.$"):
        read_json(folder.manifest)


# the lock


def test_a_second_holder_is_refused(folder: Folder) -> None:
    with (
        locked(folder),
        pytest.raises(GzError, match=r"^Another run is writing into .*out; wait for it, or choose another --out\.$"),
        locked(folder),
    ):
        pytest.fail("two runs hold the lock")


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


# complaints


FULL = (
    "The disk is full while writing into /out; free some space and run the same command again: "
    "it goes on where it stopped."
)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, FULL),
        (errno.EDQUOT, FULL),
        (errno.EACCES, "Cannot write into /out (Permission denied); choose another place."),
        (errno.EROFS, "Cannot write into /out (Read-only file system); choose another place."),
        (errno.ENOTDIR, "Cannot write into /out (Not a directory); choose another place."),
        (errno.EIO, "Cannot write into /out (Input/output error); choose another place."),
    ],
)
def test_complaints_of_the_system(number: int, sentence: str) -> None:
    with pytest.raises(GzError) as caught, writing(Path("/out")):
        raise OSError(number, os.strerror(number), "/out/file")
    assert str(caught.value) == sentence
    assert caught.value.__suppress_context__


def test_a_complaint_without_a_number() -> None:
    with (
        pytest.raises(GzError, match=r"^Cannot write into /out \(odd\); choose another place\.$"),
        writing(Path("/out")),
    ):
        raise OSError("odd")


@pytest.mark.parametrize("error", [ValueError("no"), GzError("told"), KeyboardInterrupt()])
def test_what_is_not_of_the_system_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, writing(Path("/out")):
        raise error
    assert caught.value is error


def test_a_full_disk_is_told_and_leaves_nothing(folder: Folder) -> None:
    """/dev/full is a disk without room."""
    with (
        pytest.raises(GzError, match=r"^The disk is full"),
        writing(folder.root),
        appearing(folder.root / SHARD, folder.temporaries),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x")
    assert files(folder.root) == set()


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
