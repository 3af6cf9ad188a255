"""Who is measured: a command for so many galaxies, on how many cores, and at which two sizes.

Ours and the floor run in the Python that runs the benchmark; peers in environments of their own (`make bench-envs`).
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sky import Sky

HERE = Path(__file__).parent.absolute()
ENVIRONMENTS = HERE / ".envs"
Command = Callable[[Sky, Path], list[str | Path]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that prepares galaxies.

    Attributes:
        name: its name in the results.
        about: a few words for the table.
        command: from a sky and the folder to make to a command line.
        sizes: the two numbers of galaxies whose difference in time is the rate.
        rounds: how often it is measured, at most.
        cores: how many cores it may use.
        views: views a galaxy that it makes.
        ours: whether it is gzprep, and shows its first record.
        settings: environment variables.
    """

    name: str
    about: str
    command: Command
    sizes: tuple[int, int]
    rounds: int = 3
    cores: int = 1
    views: int = 13
    ours: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs_here(self) -> bool:
        """Whether its environment has been made."""
        return Path(self.command(Sky(Path(), Path(), 0), Path())[0]).exists()


def gzprep_command(workers: int, *settings: str) -> Command:
    """`gzprep run`, with recipe keys set."""
    pairs = [word for setting in settings for word in ("--set", setting)]

    def command(sky: Sky, out: Path) -> list[str | Path]:
        places = ["--data", sky.data, "--out", out]
        return [sys.executable, "-m", "gzprep", "run", *places, "--workers", str(workers), "--json", *pairs]

    return command


def detectors_off() -> tuple[str, ...]:
    """Recipe settings under which no detector computes its score."""
    from gzprep.config import Recipe

    return tuple(f"defects.{name}.policy=off" for name in asdict(Recipe())["defects"])


def script_command(script: str, *words: str, environment: str | None = None) -> Command:
    """One of our scripts: it takes the list of images, where to write, how many galaxies, and words of its own."""
    python = sys.executable if environment is None else ENVIRONMENTS / environment / "bin" / "python"

    def command(sky: Sky, out: Path) -> list[str | Path]:
        return [python, HERE / script, sky.images, out, str(sky.galaxies), *words]

    return command


_IMPORTABLE = {"PYTHONPATH": str(HERE.parent)}
FLOOR = Contestant("floor", "decode, 13 views, encode, in a plain loop", script_command("floor.py"), (500, 4000))
FLOOR_EXACT = Contestant(
    "floor_same_pixels", "the same, to the recipe's sub-pixels", script_command("floor.py", "same-pixels"), (500, 4000)
)
ONE = Contestant("one_worker", "gzprep, 1 worker", gzprep_command(1), (500, 4000), ours=True)
NO_DETECTORS = Contestant(
    "one_worker_no_detectors", "the same, detectors off", gzprep_command(1, *detectors_off()), (500, 4000), ours=True
)
TWO = Contestant("two_workers", "gzprep, 2 workers", gzprep_command(2), (500, 4000), cores=2, ours=True)
ONE_VIEW = Contestant(
    "one_worker_one_view", "gzprep, 1 view", gzprep_command(1, "views.count=0"), (500, 4000), views=1, ours=True
)
TFDS_SAME = Contestant(
    "tfds_beam_same_views",
    "tfds and Beam, our views",
    script_command("peers/tfds_beam.py", "ours", environment="tfds"),
    (100, 1000),
    rounds=2,
    settings=_IMPORTABLE,
)
TFDS_ENCODED = Contestant(
    "tfds_beam_encoded_views",
    "tfds and Beam, our views, already encoded",
    script_command("peers/tfds_beam.py", "encoded", environment="tfds"),
    (100, 1000),
    rounds=1,
    settings=_IMPORTABLE,
)
TFDS_PLAIN = Contestant(
    "tfds_beam_albumentations",
    "tfds and Beam, albumentations",
    script_command("peers/tfds_beam.py", "albumentations", environment="tfds"),
    (100, 400),
    rounds=2,
)
IMG2DATASET = Contestant(
    "img2dataset_one_view",
    "img2dataset, 1 view",
    script_command("peers/img2dataset_files.py", environment="img2dataset"),
    (500, 3000),
    rounds=2,
    views=1,
)
AUTHOR = Contestant(
    "author_style",
    "a first script, non-local means",
    script_command("peers/author_style.py"),
    (4, 16),
    rounds=1,
    views=12,
)
EVERYONE = (
    ONE,
    FLOOR,
    NO_DETECTORS,
    FLOOR_EXACT,
    TWO,
    ONE_VIEW,
    TFDS_SAME,
    TFDS_ENCODED,
    TFDS_PLAIN,
    IMG2DATASET,
    AUTHOR,
)
