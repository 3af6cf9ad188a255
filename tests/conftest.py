"""Fixtures, by how much they stand for.

real_data    folder of real galaxies (GZ_REAL_DATA, default ../shared/data); skips with a reason where absent
gz2          the 750 real Galaxy Zoo 2 galaxies below it
small_sky    40 simulated galaxies, in a folder shaped like Galaxy Zoo 2; made once, not to be written into
sky_copy     a copy of it, to be damaged
dataset      the data set made of small_sky with a small crop, by the command itself; not to be written into
beside_sky   the working folder: a copy of that data set and the small sky, under the names that pages give them
interruptible  Ctrl-C interrupts, in child processes too, even where the tests run in the background
uncompiled   TensorFlow compiles no step: sooner, where a run takes a few steps
file_uncompiled  the same for all tests of a file
"""

import contextlib
import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network for its newest version

from gzprep.simulate import simulate
from tests.running import ROOT, SMALL, gzprep, spoil


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: where several processes share the work, none begins a long file at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt here and in child processes.

    A shell starts background jobs with SIGINT ignored. Python leaves it so, and children inherit it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def as_they_stand() -> Iterator[None]:
    """Steps are not compiled, which takes a run of a few steps two seconds.

    Keras collects garbage when a run begins and ends; what lies there from before need not be looked through again.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(run_eagerly=True)
    gc.freeze()
    yield
    gc.unfreeze()
    tf.config.run_functions_eagerly(run_eagerly=False)


@pytest.fixture
def uncompiled() -> Iterator[None]:
    """A test whose steps are not compiled."""
    with as_they_stand():
        yield


@pytest.fixture(scope="module")
def file_uncompiled() -> Iterator[None]:
    """Tests of a file whose steps are not compiled, those of its fixtures included."""
    with as_they_stand():
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
def small_sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sky of 40 simulated galaxies; the images of two are spoiled, see :func:`tests.running.spoiled`."""
    folder = tmp_path_factory.mktemp("sky") / "sky"
    simulate(folder, 40, seed=1)
    spoil(folder)
    return folder


@pytest.fixture
def sky_copy(small_sky: Path, tmp_path: Path) -> Path:
    """A sky that a test may damage."""
    return Path(shutil.copytree(small_sky, tmp_path / "sky"))


@pytest.fixture(scope="session")
def dataset(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of the small sky."""
    out = tmp_path_factory.mktemp("dataset") / "out"
    result = gzprep("run", "--data", small_sky, "--out", out, *SMALL)
    assert result.code == 0, result.err
    return out


@pytest.fixture
def beside_sky(small_sky: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: gzprep.run finds the small sky in place of the sample sky, and its data set made."""
    (tmp_path / "gz2-sky").symlink_to(small_sky)
    shutil.copytree(dataset, tmp_path / "gz2-shards")
    monkeypatch.chdir(tmp_path)
    return tmp_path
