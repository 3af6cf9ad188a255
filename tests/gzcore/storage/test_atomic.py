"""Files appear whole or not at all; complaints of the system are one sentence."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gzcore.errors import GzError
from gzcore.storage.atomic import (
    appearing,
    read_if_there,
    read_json,
    sweep,
    write_bytes,
    write_json,
    write_output,
    writing,
)

SHARD = "gz2-train.tfrecord-00000-of-00004"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def files(root: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def names(root: Path) -> set[str]:
    """File names below a folder."""
    return {path.name for path in root.rglob("*")}


# appearing


def test_a_finished_file_has_its_name_and_nothing_is_left_beside(root: Path) -> None:
    with appearing(root / SHARD) as file:
        file.write(b"all of it")
    assert files(root) == {SHARD}
    assert (root / SHARD).read_bytes() == b"all of it"


def test_no_file_has_a_shards_name_before_it_is_finished(root: Path) -> None:
    with appearing(root / SHARD) as file:
        file.write(b"half of it")
        file.flush()
        assert len(files(root)) == 1
        assert not [name for name in names(root) if ".tfrecord-" in name]
    assert [name for name in names(root) if ".tfrecord-" in name] == [SHARD]


def write_half(root: Path, error: BaseException) -> None:
    """Begin a shard, and fail."""
    with appearing(root / SHARD) as file:
        file.write(b"half of it")
        raise error


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing(root: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        write_half(root, error())
    assert files(root) == set()


def test_an_exception_leaves_the_old_file(root: Path) -> None:
    (root / SHARD).write_bytes(b"old")
    with pytest.raises(ValueError, match="no"):
        write_half(root, ValueError("no"))
    assert files(root) == {SHARD}
    assert (root / SHARD).read_bytes() == b"old"


def test_two_writers_of_one_file_do_not_meet(root: Path) -> None:
    """A worker that was thought dead may finish after its successor: the same bytes, and neither is torn."""
    path = root / SHARD
    with appearing(path) as one, appearing(path) as other:
        one.write(b"the same")
        other.write(b"the same")
    assert files(root) == {SHARD}
    assert path.read_bytes() == b"the same"


def test_a_killed_writer_leaves_no_shard_and_a_sweep_leaves_nothing(root: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from gzcore.storage.atomic import appearing\n"
        "with appearing(Path(sys.argv[1], sys.argv[2])) as file:\n"
        "    file.write(b'half of it'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(root), SHARD], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(files(root)) == 1
    assert not [name for name in names(root) if ".tfrecord-" in name]
    sweep(root)
    assert files(root) == set()


# JSON


def test_json_there_and_back(root: Path) -> None:
    value = {"a": [1, 2.5, None, "\N{GREEK SMALL LETTER ALPHA}"], "b": {"c": True}}
    write_json(root / "manifest.json", value)
    assert read_json(root / "manifest.json") == value
    assert files(root) == {"manifest.json"}
    assert (root / "manifest.json").read_text(encoding="utf-8").endswith("}\n")


def test_json_has_no_nan(root: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(root / "manifest.json", {"a": float("nan")})
    assert files(root) == set()


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"a": 1} tail'])
def test_a_damaged_document_is_one_sentence(root: Path, text: bytes) -> None:
    (root / "manifest.json").write_bytes(text)
    with pytest.raises(
        GzError, match=r"manifest\.json is damaged \(it is not .*\); run the command .*, with --overwrite\.$"
    ):
        read_json(root / "manifest.json")


def test_an_absent_document_is_one_sentence(root: Path) -> None:
    with pytest.raises(GzError, match=r"manifest\.json cannot be read \(No such file or directory\)\.$"):
        read_json(root / "manifest.json")


# complaints


GONE = (
    "Cannot write into /out: the folder or a file in it is missing, perhaps removed meanwhile; run the command again."
)
FULL = "The disk is full while writing into /out; free some space and run the command again."


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, FULL),
        (errno.EDQUOT, FULL),
        (errno.EACCES, "Cannot write into /out (Permission denied); choose another place."),
        (errno.EROFS, "Cannot write into /out (Read-only file system); choose another place."),
        (errno.ENOTDIR, "Cannot write into /out (Not a directory); choose another place."),
        (errno.ENOENT, GONE),
        (errno.EIO, "Cannot write into /out (Input/output error); choose another place."),
    ],
)
def test_complaints_of_the_system(number: int, sentence: str) -> None:
    with pytest.raises(GzError) as caught, writing(Path("/out")):
        raise OSError(number, os.strerror(number), "/out/file")
    assert str(caught.value) == sentence
    assert caught.value.__suppress_context__


def test_a_complaint_without_a_number() -> None:
    """pyarrow's own, of a folder that is gone, has none."""
    with pytest.raises(GzError, match="perhaps removed meanwhile"), writing(Path("/out")):
        raise FileNotFoundError("[Errno 2] Failed to open /out/file")
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


def test_a_full_disk_is_told_and_leaves_nothing(root: Path) -> None:
    """/dev/full is a disk without room."""
    with (
        pytest.raises(GzError, match=r"^The disk is full"),
        writing(root),
        appearing(root / SHARD),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x")
    assert files(root) == set()


def test_a_file_may_be_written_in_another_folder(root: Path, tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    with appearing(root / "file", tmp_path / "beside") as file:
        file.write(b"x")
        assert (files(root), len(files(tmp_path / "beside"))) == (set(), 1)
    assert (files(root), files(tmp_path / "beside")) == ({"file"}, set())


def test_folders_above_are_made(root: Path) -> None:
    write_bytes(root / "a" / "b" / "file", b"x")
    assert (root / "a" / "b" / "file").read_bytes() == b"x"


READ: dict[str, tuple[tuple[int, ...], bytes | None]] = {
    "whole": ((), b"0123456789"),
    "a part": ((2, 5), b"234"),
    "past the end": ((8, 50), b"89"),
    "nothing": ((0, 0), b""),
}


@pytest.mark.parametrize(("span", "data"), READ.values(), ids=READ.keys())
def test_what_is_there_is_read(span: tuple[int, ...], data: bytes, root: Path) -> None:
    (root / "file").write_bytes(b"0123456789")
    assert read_if_there(root / "file", *span) == data
    assert read_if_there(root / "absent", *span) is None
    assert read_if_there(root / "file" / "below", *span) is None
    with pytest.raises(GzError, match=r"cannot be read \(Is a directory\)"):
        read_if_there(root)


def test_sweep_removes_leftovers_only(root: Path) -> None:
    kept = {".hidden", ".git.model.keras", "model.keras", f".{'0g' * 16}.x"}
    for name in (*kept, f".{'0f' * 16}.model.keras"):
        (root / name).touch()
    sweep(root)
    assert files(root) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_sweep_leaves_what_another_command_is_writing(root: Path) -> None:
    with appearing(root / "rows") as file:
        file.write(b"mine")
        sweep(root, "rows")
    assert (root / "rows").read_bytes() == b"mine"


def test_sweep_of_a_name_leaves_what_others_are_writing(tmp_path: Path) -> None:
    """In a folder of the user's, another command may be writing another file."""
    swept, others = f".{'0' * 32}.rows.parquet", f".{'1' * 32}.other.parquet"
    for name in (swept, others, "rows.parquet"):
        (tmp_path / name).touch()
    sweep(tmp_path, "rows.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == [others, "rows.parquet"]


def test_an_output_that_is_written_again_leaves_no_half_of_itself(tmp_path: Path) -> None:
    half, others = f".{'0' * 32}.page.html", f".{'1' * 32}.other.html"
    for name in (half, others):
        (tmp_path / name).touch()
    write_output(tmp_path / "page.html", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [others, "page.html"]
    write_output(tmp_path / "new" / "page.html", b"whole")
    assert (tmp_path / "new" / "page.html").read_bytes() == b"whole"
