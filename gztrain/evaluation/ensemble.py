"""``gztrain ensemble``: the mean of several models, each optionally over the eight symmetries of the square.

The mean of the members' probabilities is a model too, and members for different questions stand side by side. So an
ensemble is written as an ordinary run folder, which evaluate, predict, export and report can use. ``ensemble.json``
lists its members.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import beside, write_json, writing
from gzcore.storage.places import Place
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.evaluation.evaluate import Split, evaluate, read_metrics
from gztrain.evaluation.judged_data import judged_data
from gztrain.evaluation.members import compared, in_groups, in_order, join, joined_counts
from gztrain.evaluation.model_card import weights_hash
from gztrain.runs.folder import Json, Run, RunFolder, open_run, write_config
from gztrain.runs.galaxies import folds_of, same_data_of, trained_of_all, write_galaxies
from gztrain.runs.saved_model import add_origin

SIDES = (1, 8)
"""Number of copies of an image that are predicted: 1, or 8 for all symmetries of the square."""


@dataclass(frozen=True)
class EnsembleRequest:
    """The options of ``gztrain ensemble``.

    Attributes:
        runs: run folders; the folder of a cross-validation stands for all its folds.
        out: run folder to write; None: evaluate the ensemble without keeping it.
        split: the split to evaluate on, ``test`` or ``val``.
        sides: number of symmetries in which an image is predicted, 1 or 8.
        data: the dataset folder; None: where it was when the first run began.
        overwrite: replace a run that is in ``out``.
        skip_damaged: leave out damaged records. They are also left out if the first run was trained so.
        places: where the runs are, if the folders are copies of them; empty: the folders themselves.
    """

    runs: tuple[Path, ...]
    out: Path | None
    split: Split = "test"
    sides: int = 1
    data: Place | None = None
    overwrite: bool = False
    skip_damaged: bool = False
    places: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        if self.sides not in SIDES:
            raise UsageError(f"An image can be seen from 1 side or from 8; {self.sides} came.")
        twice = next((place for place in self.places if self.places.count(place) > 1), None)
        if twice is not None:
            raise UsageError(f"The run {twice} is named twice; an ensemble counts each of its runs once.")


def ensemble(request: EnsembleRequest) -> Json:
    """Make an ensemble and judge it.

    Returns:
        What its metrics.json says.

    Raises:
        GzError: a run is not there or has not ended, or the runs do not belong together.
        UsageError: there are too few of them, or the folder has a run already.
    """
    runs = open_members(request)
    if request.out is None:
        with tempfile.TemporaryDirectory(prefix="gztrain-") as temporary:
            return make(request, runs, RunFolder(Path(temporary)))
    folder = RunFolder(request.out)
    check_folder(folder, runs, request)
    with _folder_beside(folder.root) as temporary:
        metrics = make(request, runs, RunFolder(temporary))
        with folder.locked():
            check_folder(folder, runs, request)  # once more: another command may have ended here since
            replace_run(folder, temporary)
    return metrics


@contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """Make an empty folder on the same disk, and remove it at the end."""
    parent = folder.absolute().parent
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".ensemble.", dir=parent)
    with temporary as name:
        yield Path(name)


def replace_run(folder: RunFolder, made: Path) -> None:
    """Move the files of a new run into a run folder, metrics.json last; what an old run left there is removed.

    Locks, whose names begin with a dot, stay where they are held.
    """
    folder.clear()
    files = [path for path in made.iterdir() if not path.name.startswith(".")]
    with writing(folder.root):
        folder.root.mkdir(exist_ok=True)
        for path in sorted(files, key=lambda path: path.name == folder.metrics.name):
            path.replace(folder.root / path.name)


def make(request: EnsembleRequest, runs: Sequence[Run], folder: RunFolder) -> Json:
    """Write the run folder of an ensemble, and judge it."""
    import keras

    first = runs[0]
    check_untrained_members(runs, open_dataset(request.data or first.dataset), request.split)
    scheme, groups = in_order(in_groups(runs), open_dataset(request.data or first.dataset))
    model = join([[run.model() for run in group] for group in groups], request.sides)
    config, counts = replace(first.config, scheme=scheme.name), joined_counts(groups)
    write_config(folder, config, first.data, scheme, keras.backend.backend(), label_counts=counts)
    write_galaxies_of_all(folder, runs)
    members = [_named(run.folder.root, request) for run in runs]
    hashes = [weights_hash(run.folder.model) for run in runs]
    write_json(folder.ensemble, {"members": members, "sides": request.sides, "weights_sha256": hashes})
    with writing(folder.root), beside(folder.model) as temporary:
        model.save(temporary)
        add_origin(temporary, first.data, scheme.names)
    found = evaluate(folder.root, request.split, data=request.data, skip_damaged=request.skip_damaged)
    return with_members(folder, found, dict(zip(members, runs, strict=True)), request)


def with_members(folder: RunFolder, found: Json, members: Mapping[str, Run], request: EnsembleRequest) -> Json:
    """Add to metrics.json what each member has on the same split, and what the ensemble has more.

    A member is compared if it was judged on this split of the data set that it was trained on, with the same labels.
    """
    split = found["splits"].get(request.split)
    if split is None or request.data is not None:
        return found  # figures of another data set have names of their own
    told = {place: read_metrics(run.folder).get("splits", {}).get(request.split, {}) for place, run in members.items()}
    same = {place: own if own.get("labels") == split["labels"] else {} for place, own in told.items()}
    split["members"] = compared(same, split)
    write_json(folder.metrics, found)
    return found


def _named(folder: Path, request: EnsembleRequest) -> str:
    """Where a run is for others: a member, or a fold of it."""
    for run, place in zip(request.runs, request.places, strict=False):
        if folder.is_relative_to(run):
            return str(place.resolve() / folder.relative_to(run).as_posix())
    return str(folder.resolve())


def open_members(request: EnsembleRequest) -> list[Run]:
    """Open the runs, and see that a mean of theirs makes sense.

    Raises:
        GzError: one is not there, or they do not belong together.
        UsageError: there are too few, or one is there twice.
    """
    paths = [member for path in request.runs for member in members_of(path)]
    doubled = next((path for place, path in enumerate(paths) if path.resolve() in _resolved(paths[:place])), None)
    if doubled is not None:
        raise UsageError(f"The run {doubled} is named twice; an ensemble counts each of its runs once.")
    if len(paths) < 2 and request.sides == 1:
        raise UsageError("An ensemble needs two runs or more, or one that looks at an image from eight sides.")
    runs = [open_run(path) for path in paths]
    for run in runs[1:]:
        check_fits(runs[0], run, request.split)
    in_groups(runs)
    return runs


def members_of(path: Path) -> list[Path]:
    """The runs that a folder stands for: itself, or the folds of a cross-validation."""
    folds = sorted(fold for fold in path.glob("fold-[0-9]*") if RunFolder(fold).config.exists())
    return folds or [path]


def _resolved(paths: Sequence[Path]) -> set[Path]:
    return {path.resolve() for path in paths}


def check_fits(first: Run, other: Run, split: Split) -> None:
    """Refuse to average what does not belong together.

    Raises:
        GzError: labels, data or images differ; or the validation fold, where the ensemble is judged on it.
    """
    pairs = {
        "follow one label policy": (first.config.labels, other.config.labels),
        "see images of one size": (first.crop, other.crop),
        "have one loss": (first.config.loss.name, other.config.loss.name),
        "take labels of as many votes (min_votes)": (first.config.min_votes, other.config.min_votes),
        "treat ties alike": (first.config.ties, other.config.ties),
    }
    if not same_data_of(first, other):
        raise GzError(
            f"The runs of an ensemble must be trained on one data set; {first.folder.root} was trained on "
            f"{first.data}, {other.folder.root} on {other.data}."
        )
    if split == "val":
        pairs["validate on one fold (judge them on test: others have trained on it)"] = (
            first.config.fold,
            other.config.fold,
        )
    for wish, (one, two) in pairs.items():
        if one != two:
            raise GzError(
                f"The runs of an ensemble must {wish}; {first.folder.root} has {one}, {other.folder.root} has {two}."
            )


def check_folder(folder: RunFolder, runs: Sequence[Run], request: EnsembleRequest) -> None:
    """Refuse, before anything is loaded, a folder that is in use.

    Raises:
        UsageError: it has a run, or is one of the members.
    """
    if folder.root.resolve() in _resolved([run.folder.root for run in runs]):
        raise UsageError(f"{folder.root} is a member of the ensemble; choose another folder.")
    if folder.has_run() and not request.overwrite:
        raise UsageError(f"{folder.root} has a run already; begin anew with --overwrite, or choose another folder.")


def check_untrained_members(runs: Sequence[Run], dataset: Dataset, split: Split) -> None:
    """Refuse to judge an ensemble on galaxies that one of its members was trained on.

    Raises:
        GzError: one was, it is not known of one, or the images or labels of the data set do not fit.
    """
    for run in runs:
        judged_data(run, dataset, split)


def write_galaxies_of_all(folder: RunFolder, runs: Sequence[Run]) -> None:
    """Write the galaxies of all members, each as ``train`` that trained any of them; nothing if that is not known."""
    folds, trained = [folds_of(run) for run in runs], trained_of_all(runs)
    if trained is not None and None not in folds:
        together = {galaxy: fold for of_run in folds if of_run is not None for galaxy, fold in of_run.items()}
        write_galaxies(folder, together, trained)


def average(models: Sequence[Any], sides: int) -> Any:  # noqa: ANN401 -- keras.Models
    """A model whose probabilities are the mean of those of other models; see :func:`join`."""
    return join([models], sides)
