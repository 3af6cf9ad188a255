"""One run at a time writes into a folder; the lock is let go of however its holder ends."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gzcore.errors import GzError
from gzcore.storage.locks import in_turn, locked
from gzcore.storage.places import Url

HOLD = """
import os, signal, sys
from pathlib import Path
from gzcore.errors import GzError
from gzcore.storage.locks import locked
try:
    with locked(Path(sys.argv[1]), ".work"):
        print("held", flush=True)
        if sys.argv[2] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
except GzError as error:
    print(error)
"""


def other_process(root: Path, end: str = "leave") -> subprocess.CompletedProcess[str]:
    """Another process that wants the lock."""
    return subprocess.run([sys.executable, "-c", HOLD, str(root), end], capture_output=True, text=True, check=False)


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "out", ".work"),
        pytest.raises(GzError, match=r"^Another run is writing into .*out; wait for it, or choose another folder\.$"),
        locked(tmp_path / "out", ".work"),
    ):
        pytest.fail("two runs hold the lock")


def test_a_second_process_is_refused_and_the_lock_comes_free(tmp_path: Path) -> None:
    with locked(tmp_path, ".work"):
        assert other_process(tmp_path).stdout.startswith("Another run is writing into")
    assert other_process(tmp_path).stdout == "held\n"


def test_a_killed_holder_does_not_hold_on(tmp_path: Path) -> None:
    assert other_process(tmp_path, "die").returncode == -signal.SIGKILL
    with locked(tmp_path, ".work"):
        pass


def test_the_lock_comes_free_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), locked(tmp_path, ".work"):
        raise ValueError("no")
    assert other_process(tmp_path).stdout == "held\n"


def test_other_folders_have_other_locks(tmp_path: Path) -> None:
    with locked(tmp_path / "a", ".work"), locked(tmp_path / "b", ".work"):
        pass


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    with pytest.raises(GzError, match=r"^Cannot write into .*out"), locked(tmp_path / "out", ".work"):
        pytest.fail("there is no folder")


def test_what_is_made_is_named(tmp_path: Path) -> None:
    with (
        locked(tmp_path, ".work"),
        pytest.raises(GzError, match=r"^Another run is writing into sky; wait for it, or choose another folder\.$"),
        locked(tmp_path, ".work", made=Path("sky")),
    ):
        pytest.fail("two runs hold the lock")


def test_changes_are_made_in_turn(tmp_path: Path) -> None:
    """Each of four threads adds 1 to a number in a file, 25 times; none overwrites what another one has added."""
    number = tmp_path / "number"
    number.write_text("0")

    def count() -> None:
        for _ in range(25):
            with in_turn(tmp_path / "work", "lock"):
                number.write_text(str(int(number.read_text()) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number.read_text() == "100"


def test_what_is_gone_is_not_changed(tmp_path: Path) -> None:
    """The lock would make the folder again, and the change would be all that is in it."""
    with pytest.raises(GzError, match="perhaps removed meanwhile"), in_turn(tmp_path / "gone" / "work", "lock"):
        pytest.fail("there is nothing to change")
    assert not (tmp_path / "gone").exists()


def test_a_bucket_has_no_lock_and_is_not_asked() -> None:
    place = Url("gs", "bucket", "out")
    with locked(place, ".work"), locked(place, ".work"):
        pass
