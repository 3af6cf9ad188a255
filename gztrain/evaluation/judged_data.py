"""What a run is judged on: its own data set, or another one whose galaxies it was not trained on.

Figures of a run's own data set stand under the split, ``val`` or ``test``. Figures of another data set stand under a
name that says so, such as ``test-of-sky2-1a2b3c4d``, and never replace them.
"""

import re
from dataclasses import dataclass

from gzcore.dataset.layout import TEST, TRAIN
from gzcore.errors import GzError
from gztrain.data.dataset import Dataset
from gztrain.data.galaxies import galaxies_of
from gztrain.data.names import joined_once, names_of
from gztrain.runs.data_set import DataRecord, record_of
from gztrain.runs.folder import Json, Run
from gztrain.runs.galaxies import same_data, trained_of


@dataclass(frozen=True, slots=True)
class JudgedData:
    """The data that figures belong to.

    Attributes:
        name: of the figures in metrics.json.
        split: ``val`` or ``test``.
        data: the data set.
        same: whether it is the data set that the run was trained on.
    """

    name: str
    split: str
    data: DataRecord
    same: bool

    @property
    def entry(self) -> Json:
        """What metrics.json says of it."""
        return judged_entry(self.data, self.split, same=self.same)


def judged_entry(data: DataRecord, split: str, *, same: bool) -> Json:
    """What metrics.json says of the data that figures belong to."""
    return {
        "name": data.place.name,
        "path": str(data.place.resolve()),
        "data_hash": data.data_hash,
        "recipe_hash": data.recipe_hash,
        "split": split,
        "same": same,
    }


def judged_data(run: Run, dataset: Dataset, split: str) -> JudgedData:
    """Check that a run can be judged on a split of a data set, and give the name of its figures.

    Raises:
        GzError: the images or the labels do not fit the run, it was trained on galaxies of the split, or it is not
            known which galaxies it was trained on.
    """
    check_fits(run, dataset)
    other, same = record_of(dataset), same_data(run, dataset)
    if not same:
        check_untrained(run, dataset, split)
    elif split != "test" and run.folder.ensemble.exists():  # members of an ensemble may have trained on other folds
        _check_members(run, dataset, split)
    return JudgedData(split if same else _name(run.data, other, split), split, other, same)


def check_fits(run: Run, dataset: Dataset) -> None:
    """Check that images and labels of a data set are of the kind that a run knows.

    Raises:
        GzError: they are not.
    """
    if dataset.crop != run.crop:
        raise GzError(
            f"The run in {run.folder.root} sees images of {run.crop} px; those in {dataset.place} have {dataset.crop}."
        )
    names = dataset.label_names
    here = tuple(names[place] if place < len(names) else None for place in run.scheme.places)
    if here != run.scheme.names:
        lacking = sorted(set(run.scheme.names) - set(names)) or ["them in another order"]
        raise GzError(
            f"The run in {run.folder.root} was trained on {run.data} and answers for its labels; {dataset.place} has "
            f"other labels (it lacks {', '.join(lacking[:3])}{' and more' if len(lacking) > 3 else ''})."
        )


def check_untrained(run: Run, dataset: Dataset, split: str) -> None:
    """Refuse to judge a run on galaxies that it was trained on.

    Raises:
        GzError: it was trained on galaxies of the split, or it is not known which ones it was trained on.
    """
    other, trained = record_of(dataset), trained_of(run)
    if trained is None:
        raise GzError(
            f"The run in {run.folder.root} was trained on {run.data}, and {other} holds other data; which galaxies the "
            "run was trained on is not known any more, so it can only be judged on the data set that it was trained "
            "on: name that with --data."
        )
    judged, taught = ids_of_split(run, dataset, split), frozenset(map(joined_once, trained))
    count = sum(not taught.isdisjoint(names_of(galaxy, dataset)) for galaxy in judged)
    if count:
        raise GzError(
            f"The run in {run.folder.root} was trained on {count} of {len(judged)} galaxies in the {split} split of "
            f"{other}, so it cannot be judged on them; it was trained on {run.data}."
        )


def _check_members(run: Run, dataset: Dataset, split: str) -> None:
    if trained_of(run) is None:
        raise GzError(
            f"The ensemble in {run.folder.root} has no {run.folder.galaxies.name}, so it is not known which galaxies "
            f"its members were trained on; judge it on test, whose galaxies train no run of this data set."
        )
    check_untrained(run, dataset, split)


def ids_of_split(run: Run, dataset: Dataset, split: str) -> list[str]:
    """Ids of the galaxies in a split, ``val`` or ``test``, of a data set."""
    if split == "test":
        return list(galaxies_of(dataset, TEST))
    return [galaxy for galaxy, fold in galaxies_of(dataset, TRAIN).items() if fold == run.config.fold]


def _name(own: DataRecord, other: DataRecord, split: str) -> str:
    digits = other.data_hash if other.data_hash not in (None, own.data_hash) else other.recipe_hash
    folder = re.sub(r"[^A-Za-z0-9_.-]+", "-", other.place.name) or "data"
    return f"{split}-of-{folder}-{(digits or 'unknown')[:8]}"
