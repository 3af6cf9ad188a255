"""The worker pool of both packages: its results, its errors, and how its processes end whatever happens."""

import functools
import multiprocessing
import multiprocessing.spawn
import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gzcore.engines import pool as pools
from gzcore.engines.pool import Method, WorkerPool
from gzcore.errors import GzError
from tests.processes import PROC, append, children, descendants, fail_beside, sleep_at, wait_for, wait_until_gone
from tests.running import ROOT

METHODS = pytest.mark.parametrize("method", ["forkserver", "spawn"])
NEEDS_PROC = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc to find the worker processes")


@METHODS
def test_every_call_is_made_once(method: Method) -> None:
    with WorkerPool(2, method) as pool:
        assert sorted(pool.run(operator.mul, [(number, 10) for number in range(9)])) == list(range(0, 90, 10))


@METHODS
def test_work_is_taken_in_its_order(method: Method, tmp_path: Path) -> None:
    with WorkerPool(1, method) as pool:
        list(pool.run(append, [(tmp_path / "calls", text) for text in "312"]))
    assert (tmp_path / "calls").read_text() == "312"


def test_a_worker_gets_ready_once_and_leaves_ctrl_c_to_the_launcher(tmp_path: Path) -> None:
    with WorkerPool(1, "spawn", functools.partial(os.chdir, tmp_path)) as pool:
        assert list(pool.run(os.getcwd, [()])) == [str(tmp_path.resolve())]
        assert list(pool.run(signal.getsignal, [(signal.SIGINT,)])) == [signal.SIG_IGN]


@METHODS
def test_a_worker_that_is_killed_is_one_sentence(method: Method) -> None:
    with (
        pytest.raises(GzError, match="A worker process was ended from outside") as caught,
        WorkerPool(2, method) as pool,
    ):
        list(pool.run(signal.raise_signal, [(signal.SIGKILL,)]))
    assert "fewer --workers" in str(caught.value)


@NEEDS_PROC
@METHODS
def test_an_error_ends_the_others_at_once(method: Method, tmp_path: Path) -> None:
    """One call fails while another is asleep for ten minutes: neither it nor what waits behind it is waited for."""
    asleep = tmp_path / "asleep"
    calls = [(sleep_at, asleep), (fail_beside, asleep), (sleep_at, tmp_path / "behind")]
    with pytest.raises(GzError, match=r"A sentence\."), WorkerPool(2, method) as pool:
        list(pool.run(operator.call, calls))
    wait_until_gone([int(asleep.read_text())])


def test_a_function_that_fails_raises_its_own_error() -> None:
    with pytest.raises(ZeroDivisionError), WorkerPool(1, "spawn") as pool:
        list(pool.run(operator.truediv, [(1, 0)]))


def test_workers_do_not_run_the_script_again() -> None:
    """A script without ``if __name__ == "__main__"`` would start the same work in each worker, for ever."""
    script = sys.modules["__main__"]
    with pools._without_main():
        told = multiprocessing.spawn.get_preparation_data("worker")
    assert not {"init_main_from_path", "init_main_from_name"} & set(told)
    assert sys.modules["__main__"] is script


def test_the_environment_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with pools._one_thread():
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("7", "1")
    pools.start_forkserver([])
    assert dict(os.environ) == before


def test_processes_of_others_are_left_alone() -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    other.start()
    with pytest.raises(ZeroDivisionError), WorkerPool(1, "spawn") as pool:
        list(pool.run(operator.truediv, [(1, 0)]))
    assert other.is_alive()
    other.kill()
    other.join()


LAUNCHER = """
import signal, sys
from pathlib import Path
from gzcore.engines.pool import WorkerPool
from tests.processes import sleep_at
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where a test runs in the background
with WorkerPool(2, sys.argv[1]) as pool:
    list(pool.run(sleep_at, [(Path(path),) for path in sys.argv[2:]]))
"""


def launched(method: str, tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A launcher in a group of its own whose two workers are at work, and all its descendants."""
    files = [tmp_path / "one", tmp_path / "two"]
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, method, *files],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(*files)
    return process, descendants(process.pid)


@NEEDS_PROC
@METHODS
def test_ctrl_c_ends_the_launcher_and_its_workers_say_nothing(method: str, tmp_path: Path) -> None:
    process, family = launched(method, tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, err = process.communicate(timeout=60)
    assert (err.count("Traceback"), err.splitlines()[-1]) == (1, "KeyboardInterrupt")
    wait_until_gone(family)


@NEEDS_PROC
@METHODS
def test_workers_end_with_a_launcher_that_is_killed(method: str, tmp_path: Path) -> None:
    process, family = launched(method, tmp_path)
    assert len(family) >= 2
    assert children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    wait_until_gone(family)


def test_where_there_is_no_forkserver_workers_are_new_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])  # as on Windows
    pools.start_forkserver(["no.such.module"])
    with WorkerPool(1, "forkserver") as pool:
        assert list(pool.run(abs, [(-1,)])) == [1]
        assert pool._executor._mp_context.get_start_method() == "spawn"


PRELOADED = ("gzcore.engines.pool", "gzprep.run.pool", "gzprep.prepare.finish", "gztrain.predict.beam.pool")


@pytest.mark.slow
@pytest.mark.parametrize("module", PRELOADED)
def test_a_worker_imports_no_beam(module: str) -> None:
    program = f"import sys, {module}; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
