"""Which galaxies a run was trained on, and whether a data set is the one that it was trained on.

``galaxies.parquet`` is written when a run begins: a row for each galaxy, with its id, its fold, and its role: ``train``
or ``validation``. Two data sets with the same hashes are the same, whatever their folders are called. Where the hashes
do not settle it, ids are compared. Run folders and data sets of earlier versions have no list and no data hash: there,
the ids are those of the data set that the run names, or of the predictions that it made.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.console import reason_of
from gzcore.dataset.layout import TRAIN
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gzcore.storage.damage import DAMAGE
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.data.galaxies import galaxies_of
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Run, RunFolder

TAUGHT, VALIDATED = "train", "validation"
"""Roles of a galaxy: the model was trained on it, or the best epoch was chosen by it."""


def write_galaxies(folder: RunFolder, folds: Mapping[str, int], trained: Iterable[str]) -> None:
    """Write galaxies.parquet; it appears whole or not at all.

    Args:
        folder: the run folder.
        folds: id and fold of each galaxy that trains or validates.
        trained: ids of those that train.

    Raises:
        GzError: it cannot be written.
    """
    chosen = set(trained)
    roles = [TAUGHT if galaxy in chosen else VALIDATED for galaxy in folds]
    columns = {
        "id": pa.array(folds.keys(), pa.string()),
        "fold": pa.array(folds.values(), pa.int32()),
        "role": pa.array(roles, pa.string()),
    }
    with writing(folder.root), appearing(folder.galaxies) as file:
        pq.write_table(pa.table(columns), file)


def _read(path: Path) -> pa.Table | None:
    try:
        return pq.read_table(path, columns=["id", "fold", "role"])
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        raise GzError(
            f"{path} is damaged ({reason_of(error)}), so it is not known which galaxies the run was trained "
            "on; remove it, or train the run again with --overwrite."
        ) from None


def folds_of(run: Run) -> dict[str, int] | None:
    """Id and fold of each galaxy that trained or validated a run; None where that is not known any more.

    Raises:
        GzError: galaxies.parquet is damaged.
    """
    table = _read(run.folder.galaxies)
    if table is not None:
        return dict(zip(table["id"].to_pylist(), table["fold"].to_pylist(), strict=True))
    try:
        dataset = open_dataset(run.dataset)
        folds = galaxies_of(dataset, TRAIN)
    except GzError:
        return None
    return folds if not run.data.differs_from(record_of(dataset)) and _fits_predictions(run, folds) else None


def trained_of(run: Run) -> frozenset[str] | None:
    """Ids of the galaxies that a run was trained on; None where that is not known any more.

    Raises:
        GzError: galaxies.parquet is damaged.
    """
    table = _read(run.folder.galaxies)
    if table is not None:
        pairs = zip(table["id"].to_pylist(), table["role"].to_pylist(), strict=True)
        return frozenset(galaxy for galaxy, role in pairs if role == TAUGHT)
    if run.folder.ensemble.exists():
        return None  # its configuration has the fold of its first member alone
    folds = folds_of(run)
    return None if folds is None else frozenset(galaxy for galaxy, fold in folds.items() if fold != run.config.fold)


def trained_of_all(runs: Sequence[Run]) -> frozenset[str] | None:
    """Ids of the galaxies that any of several runs was trained on; None where that is not known of one of them."""
    known = [trained_of(run) for run in runs]
    return None if None in known else frozenset().union(*(ids for ids in known if ids is not None))


def same_data(run: Run, dataset: Dataset) -> bool:
    """Whether a data set is the one that a run was trained on, wherever it is now.

    Raises:
        GzError: the ids have to be compared, and a file with ids is damaged.
    """
    other = record_of(dataset)
    if run.data.equals(other):
        return True
    return not run.data.differs_from(other) and _has_galaxies(run, galaxies_of(dataset, TRAIN))


def same_data_of(first: Run, other: Run) -> bool:
    """Whether two runs were trained on one data set; the galaxies are compared where the hashes do not settle it."""
    if first.data.equals(other.data):
        return True
    folds = (folds_of(first), folds_of(other))
    return not first.data.differs_from(other.data) and (None in folds or folds[0] == folds[1])


def _has_galaxies(run: Run, folds: Mapping[str, int]) -> bool:
    if run.folder.galaxies.exists():
        return folds_of(run) == folds
    return _fits_predictions(run, folds)


def _fits_predictions(run: Run, folds: Mapping[str, int]) -> bool:
    """Whether all galaxies that a run was validated on are in its validation fold; true if there are no predictions."""
    try:
        predicted = pq.read_table(run.folder.predictions_of("val"), columns=["id"])["id"].to_pylist()
    except DAMAGE:
        return True
    return all(folds.get(galaxy) == run.config.fold for galaxy in predicted)
