"""What must be the same when a run is resumed."""

from collections.abc import Collection

from gzcore.errors import GzError, UsageError
from gzcore.recipe.overlay import leaves
from gztrain.config import FREE, TrainConfig, as_mapping
from gztrain.data.dataset import Dataset
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Run
from gztrain.runs.galaxies import same_data


def check_same(run: Run, config: TrainConfig, dataset: Dataset, backend: str, free: Collection[str] = FREE) -> None:
    """Check that a run is resumed with the config, the data and the backend that it began with.

    Args:
        run: the run as it is.
        config: what is asked for now.
        dataset: the data set that is named now.
        backend: the Keras backend in use.
        free: keys that may differ.

    Raises:
        UsageError: a setting that affects the result differs, or the backend differs.
        GzError: the data set differs.
    """
    before, now = leaves(as_mapping(run.config)), leaves(as_mapping(config))
    changed = next((key for key in now if key not in free and before.get(key) != now[key]), None)
    if changed is not None:
        raise UsageError(
            f"The run in {run.folder.root} has {changed} = {before.get(changed)!r}, and {now[changed]!r} was asked "
            f"for; {_cure(changed)}resume it as it is, or start over with --overwrite."
        )
    if run.backend != backend:
        raise UsageError(
            f"The run in {run.folder.root} was begun on {run.backend}, and Keras now uses {backend}; "
            f"set KERAS_BACKEND={run.backend} to go on, or start over with --overwrite."
        )
    if not same_data(run, dataset):
        raise GzError(
            f"The run in {run.folder.root} was begun on {run.data}, and {record_of(dataset)} holds other data; "
            "go on with the data set that it was begun on, or start over with --overwrite."
        )


def _cure(key: str) -> str:
    return "--extend lets a run go on for longer; else " if key in ("stages.epochs", "stages.fine_tune_epochs") else ""
