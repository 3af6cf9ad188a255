"""Fixtures, by how much they stand for.

real_data    folder of real galaxies (GZ_REAL_DATA, default ../shared/data); skips with a reason where absent
gz2          the 750 real Galaxy Zoo 2 galaxies below it
small_sky    40 simulated galaxies, in a folder shaped like Galaxy Zoo 2; made once, not to be written into
sky_copy     a copy of it, to be damaged
sample_sky   the 200 simulated galaxies that a run without data makes; not to be written into
dataset      the data set made of small_sky with a small crop, by the command itself; not to be written into
beside_sky   the working folder: a copy of that data set and the small sky, under the names that pages give them
interruptible  Ctrl-C interrupts, in child processes too, even where the tests run in the background
lean_training  TensorFlow compiles no step, and the small CNN is smaller: sooner, where a run takes a few steps
file_lean_training  the same for all tests of a file

Skies and the data set are made once, for all processes that share the tests.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network for its newest version
# Small computations gain nothing from threads, whose waiting costs a tenth of the time of a training step here.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["LANGUAGE"] = "C"  # else argparse, of which Beam makes dozens a run, looks for translations on the disk

from gzprep.simulate import SimulatedSky, simulate
from tests.running import ROOT, SMALL, gzprep, spoil

# More than a hundred child processes import our modules: they are compiled once, whatever the shell has set.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
Once = Callable[[str, Callable[[Path], object]], Path]
gc.disable()  # while the files of tests are imported: what they need stays, see pytest_collection_finish


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: where several processes share the work, none begins a long file at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What was imported stays until the end: the garbage collector need not look through it again and again.

    Keras collects garbage when a run begins and ends, and pytest when it ends.
    """
    gc.freeze()
    gc.enable()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt here and in child processes.

    A shell starts background jobs with SIGINT ignored. Python leaves it so, and children inherit it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def as_lean_as_can_be() -> Iterator[None]:
    """Steps are not compiled, which takes two seconds a run, and the small CNN has two convolutions of its five."""
    import tensorflow as tf

    from gztrain.models import small

    tf.config.run_functions_eagerly(run_eagerly=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small, "WIDTHS", small.WIDTHS[:1])
        yield
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def lean_training() -> Iterator[None]:
    """A test that trains as lean as can be."""
    with as_lean_as_can_be():
        yield


@pytest.fixture(scope="module")
def file_lean_training() -> Iterator[None]:
    """A file of tests that train so, its fixtures included."""
    with as_lean_as_can_be():
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests keep indexes and fetched shards in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GZTRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the trainer's with nothing in it."""
    monkeypatch.setenv("GZTRAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real galaxies."""
    folder = Path(os.environ.get("GZ_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real galaxies in {folder}; name their folder with GZ_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def gz2(real_data: Path) -> Path:
    """The 750 real galaxies with votes."""
    return real_data / "gz2"


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Makes a folder in the first process that asks for it, of those that share the tests; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "shared"

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name / name, shared / name / "done"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(done.with_suffix(".lock")):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def small_sky(once: Once) -> Path:
    """A sky of 40 simulated galaxies; the images of two are spoiled, see :func:`tests.running.spoiled`."""

    def make(folder: Path) -> None:
        simulate(folder, 40, seed=1)
        spoil(folder)

    return once("sky", make)


@pytest.fixture(scope="session")
def sample_sky(once: Once) -> SimulatedSky:
    """The sky of 200 galaxies that `gzprep run` makes when it is given no data."""

    def make(folder: Path) -> None:
        told = asdict(simulate(folder, 200))
        (folder.parent / "told.json").write_text(json.dumps(told, default=str))

    folder = once("sample", make)
    told = json.loads((folder.parent / "told.json").read_text())
    return SimulatedSky(**{**told, "directory": folder})


@pytest.fixture
def sky_copy(small_sky: Path, tmp_path: Path) -> Path:
    """A sky that a test may damage."""
    return Path(shutil.copytree(small_sky, tmp_path / "sky"))


@pytest.fixture(scope="session")
def dataset(small_sky: Path, once: Once) -> Path:
    """The data set of the small sky."""

    def make(out: Path) -> None:
        result = gzprep("run", "--data", small_sky, "--out", out, *SMALL)
        assert result.code == 0, result.err

    return once("out", make)


@pytest.fixture
def beside_sky(small_sky: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: gzprep.run finds the small sky in place of the sample sky, and its data set made."""
    (tmp_path / "gz2-sky").symlink_to(small_sky)
    shutil.copytree(dataset, tmp_path / "gz2-shards")
    monkeypatch.chdir(tmp_path)
    return tmp_path
