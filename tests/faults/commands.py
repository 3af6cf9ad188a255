"""The commands that are disturbed: their words, the words with which they go on, and what they must have made."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tests.faults.kinds import Scene

RUN_OPTIONS = (
    *("--views", "1", "--crop", "64"),
    *("--set", "shards.min_bins=1", "--set", "max_reject_share=1"),
)
FIT_OPTIONS = (
    *("--size", "16", "--batch", "8", "--epochs", "2", "--fine-tune-epochs", "0"),
    *("--set", "log.every=1", "--set", "log.checkpoint=3", "--set", "bootstrap=20"),
)
Result = Mapping[str, str]
_CLOCK_COLUMNS = {"samples_per_s", "waiting"}
_WORK = {".gzprep", ".gztrain"}


@dataclass(frozen=True)
class Material:
    """What the commands read; made once, of a sky of so many galaxies."""

    sky: Path
    dataset: Path
    run: Path
    served: Path
    galaxies: int = 40

    @property
    def sky_options(self) -> tuple[str, ...]:
        """Options of the sky."""
        return ("--galaxies", str(self.galaxies), "--seed", "5")


@dataclass(frozen=True)
class Command:
    """A command that is disturbed.

    Attributes:
        program: ``gzprep`` or ``gztrain``.
        words: its words in a scene.
        result: what it has made there, as texts that can be compared.
        data: what it reads, of the material.
        resumes: whether a run that was begun needs ``--resume``.
        starts_with_run: whether what it changes is a copy of the trained run.
    """

    program: str
    words: Callable[[Scene, Material], list[str | Path]]
    result: Callable[[Scene], Result]
    data: Callable[[Material], Path]
    resumes: bool = False
    starts_with_run: bool = False

    def again(self, scene: Scene, material: Material) -> list[str | Path]:
        """The words with which a user goes on after a fault."""
        words = self.words(scene, material)
        return [*words, "--resume"] if self.resumes and _has_run(scene.made) else words


def _has_run(made: Path) -> bool:
    return (made / "config.json").exists() or any(made.glob("fold-*/config.json"))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(scene: Scene) -> Result:
    """Every file that a reader may look at."""
    paths = (path for path in sorted(scene.made.rglob("*")) if path.is_file())
    names = {path.relative_to(scene.made).as_posix(): path for path in paths}
    return {name: digest(path) for name, path in names.items() if not name.startswith(".gzprep/")}


def training(scene: Scene) -> Result:
    """Curves, figures and predictions of a run, without what depends on the clock."""
    histories = sorted(scene.made.rglob("history.csv"))
    return {
        **{path.relative_to(scene.made).as_posix(): curve(path) for path in histories},
        **evaluation(scene),
        "model": str((scene.made / "model.keras").exists() or len(list(scene.made.glob("fold-*/model.keras")))),
    }


def curve(path: Path) -> str:
    """A history without the columns that depend on the clock."""
    with path.open(newline="") as file:
        rows = [{key: text for key, text in row.items() if key not in _CLOCK_COLUMNS} for row in csv.DictReader(file)]
    return json.dumps(rows)


def evaluation(scene: Scene) -> Result:
    """Figures and predictions of a run."""
    parquet = sorted(scene.made.rglob("predictions*.parquet"))
    return {
        **{path.relative_to(scene.made).as_posix(): digest(path) for path in parquet},
        **{path.relative_to(scene.made).as_posix(): _figures(path) for path in _metrics(scene)},
    }


def _metrics(scene: Scene) -> list[Path]:
    return sorted(scene.made.rglob("metrics.json"))


def _figures(path: Path) -> str:
    """Figures without the folder of the data set, which differs from case to case."""
    document = json.loads(path.read_text())
    for judged in document["splits"].values():
        for key in ("name", "path"):
            judged.get("data_set", {}).pop(key, None)
    return json.dumps(document)


def predictions(scene: Scene) -> Result:
    """Rows of predictions, without the folder of the case in the paths of images."""
    result = {}
    for path in sorted(scene.made.glob("[!.]*.parquet")):
        rows = pq.read_table(path).to_pylist()
        result[path.name] = json.dumps(rows).replace(str(scene.folder), "")
    return result


def exports(scene: Scene) -> Result:
    """Names of the exported files, and what their signature says."""
    names = {path.relative_to(scene.made).as_posix() for path in scene.made.rglob("*") if path.is_file()}
    signature = scene.made / "signature.json"
    return {"files": json.dumps(sorted(names)), "signature": signature.read_text() if signature.exists() else ""}


def leftovers(scene: Scene) -> list[str]:
    """Files that are neither results nor needed to go on."""
    hidden = [path for path in scene.made.rglob(".*") if path.name not in _WORK]
    temporary = list((scene.made / ".gzprep" / "tmp").glob("*"))
    beside = list(scene.folder.glob(".*"))
    return [path.relative_to(scene.folder).as_posix() for path in (*hidden, *temporary, *beside)]


def environment(scene: Scene) -> dict[str, str]:
    """Variables for the command."""
    return {"TMPDIR": os.fspath(scene.temporary), "GZTRAIN_CACHE": os.fspath(scene.folder / "cache")}


COMMANDS: dict[str, Command] = {
    "gzprep run": Command(
        "gzprep",
        lambda scene, _: ["run", "--data", scene.data, "--out", scene.made, "--workers", "1", *RUN_OPTIONS],
        files,
        lambda material: material.sky,
    ),
    "gzprep simulate": Command(
        "gzprep",
        lambda scene, material: ["simulate", scene.made, *material.sky_options],
        files,
        lambda material: material.sky,
    ),
    "gzprep fetch": Command(
        "gzprep",
        lambda scene, _: ["fetch", scene.made],
        files,
        lambda material: material.served,
    ),
    "gztrain fit": Command(
        "gztrain",
        lambda scene, _: ["fit", scene.data, "--run", scene.made, *FIT_OPTIONS],
        training,
        lambda material: material.dataset,
        resumes=True,
    ),
    "gztrain crossval": Command(
        "gztrain",
        lambda scene, _: ["crossval", scene.data, "--run", scene.made, *FIT_OPTIONS, "--epochs", "1"],
        training,
        lambda material: material.dataset,
        resumes=True,
    ),
    "gztrain evaluate": Command(
        "gztrain",
        lambda scene, _: ["evaluate", scene.made, "--data", scene.data],
        evaluation,
        lambda material: material.dataset,
        starts_with_run=True,
    ),
    "gztrain predict": Command(
        "gztrain",
        lambda scene, material: ["predict", material.run, scene.data, "--parquet", scene.made / "rows.parquet"],
        predictions,
        lambda material: material.sky / "images",
    ),
    "gztrain export": Command(
        "gztrain",
        lambda scene, material: ["export", material.run, scene.made],
        exports,
        lambda material: material.dataset,
    ),
}
SEEDS = """
                   run simulate fetch fit crossval evaluate predict export
kill                26        5     5  14        3        4       3      3
terminate            6        1     1   3        0        0       1      0
interrupt            6        3     2   4        1        2       2      1
full_disk            8        3     3   5        1        2       2      1
quota                3        0     0   2        0        0       0      0
too_large            5        2     2   3        0        0       2      1
killed_too_large     6        1     0   3        0        0       1      1
read_only            4        2     2   3        0        2       1      1
broken_disk          6        1     0   3        0        1       1      0
slow_disk            2        0     0   1        0        0       0      0
clock                4        0     0   3        0        0       0      0
deleted              5        2     2   8        4        0       0      0
data_deleted         4        0     0   3        0        1       1      0
changed              6        0     0   0        0        0       2      0
handles              9        2     2   4        0        2       2      1
two_runs             6        0     0   3        0        0       0      0
worker_killed        4        0     0   0        0        0       0      0
early_interrupt      8        0     0   4        0        0       0      0
"""
"""Number of seeds of each kind of fault, by command."""
