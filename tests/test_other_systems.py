"""macOS and Windows lack names that Linux has: without them everything is imported, and the main commands work.

Training needs no part of gzprep, either.

The names are taken away in a fork, before anything of ours is imported. Libraries come first: those of the other
systems get along without these names, those of Linux may not.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gztrain.run_folders import TINY
from tests.isolated import Lacking, lacking
from tests.running import ROOT, SMALL, shard_sums

pytestmark = pytest.mark.slow

MAC = ("os.sched_getaffinity", "os.posix_fadvise", "os.preadv")
WINDOWS = (
    *MAC,
    *("os.pread", "os.fork", "os.O_NONBLOCK", "signal.SIGALRM", "signal.setitimer", "signal.ITIMER_REAL"),
    *("socket.AF_UNIX", "multiprocessing.popen_forkserver"),
)
SYSTEMS = {"macOS": MAC, "Windows": WINDOWS}
TO_RUN = {system: tuple(name for name in names if name != "os.O_NONBLOCK") for system, names in SYSTEMS.items()}
"""What whole commands do without: filelock asks for the system, not for names, and so needs its own here."""
MODULES = ("fcntl", "resource", "grp", "pwd")
"""Modules of Python that Windows lacks."""

LIBRARIES = (
    "keras sklearn.metrics tests.eager tensorboard.summary.writer.record_writer"
    " apache_beam simplejpeg pyarrow.parquet scipy.ndimage cv2"
)


@pytest.fixture(scope="module")
def linux() -> Iterator[Lacking]:
    """A process that lacks nothing yet, and has imported the libraries."""
    with lacking(libraries=LIBRARIES) as process:
        yield process


def modules() -> list[str]:
    """Every module of the three packages."""
    found = [path.relative_to(ROOT) for name in ("gzcore", "gzprep", "gztrain") for path in (ROOT / name).rglob("*.py")]
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in found)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_module_is_imported(system: str, linux: Lacking) -> None:
    linux.do("import", *modules(), without=SYSTEMS[system])


def test_every_module_is_imported_without_the_modules_of_unix(linux: Lacking) -> None:
    linux.do("import", *modules(), without=MODULES)


@pytest.mark.parametrize("command", ["gzprep", "gztrain"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_help_is_shown(system: str, command: str, linux: Lacking) -> None:
    linux.do("command", command, "--help", without=(*SYSTEMS[system], *MODULES))


@pytest.mark.parametrize(("system", "workers"), [("macOS", 2), ("Windows", 1)])
def test_a_data_set_has_the_same_bytes(
    system: str, workers: int, linux: Lacking, small_sky: Path, dataset: Path, tmp_path: Path
) -> None:
    given = ("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--workers", str(workers))
    linux.do("command", "gzprep", *given, without=TO_RUN[system])
    assert shard_sums(tmp_path / "out") == shard_sums(dataset)


SMALLER = ("gzprep", "apache_beam", "albumentations", "astropy", "pandas")
"""What training, reading and judging do not need."""


def test_a_model_is_trained_judged_and_used(linux: Lacking, small_sky: Path, dataset: Path, tmp_path: Path) -> None:
    """On Windows, which lacks all that macOS lacks; and without a part of gzprep, as in a smaller install."""
    run, page, votes = tmp_path / "run", tmp_path / "page", tmp_path / "votes.parquet"
    short = ("--epochs", "1", "--fine-tune-epochs", "0", "--views", "0", "--scheme", "q0")
    for given in (
        ("fit", dataset, "--run", run, *TINY, *short),
        ("evaluate", run),
        ("report", run, "--html", page),
        ("predict", run, small_sky / "images", "--parquet", votes),
    ):
        linux.do("command", "gztrain", *given, without=(*TO_RUN["Windows"], *SMALLER))
    assert (run / "metrics.json").is_file()
    assert (page / "report.html").is_file()
    assert votes.is_file()
