"""``gztrain crossval``: the report's whole protocol, once a fold (F45 to F49).

Each fold validates a run of its own, ``fold-K``, that trained on the others. ``metrics.json`` judges all galaxies at
once, each by the run that had not seen it; ``folds`` in it has mean and standard deviation over the folds.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gzcore.errors import GzError
from gztrain.data import open_reader
from gztrain.data.dataset import open_dataset
from gztrain.data.label_source import LabelSource
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.evaluate import read_metrics, write_down
from gztrain.evaluation.judged_data import judged_entry
from gztrain.evaluation.metrics import judge
from gztrain.evaluation.panel import join_panels
from gztrain.evaluation.predictions import Predictions, read_predictions
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Json, RunFolder, open_run
from gztrain.runs.watch import Watch
from gztrain.training.backends import load_backend
from gztrain.training.fit import check_free, check_machine, check_resumed, fit
from gztrain.training.job import make_job
from gztrain.training.request import TrainRequest

_NOT_AVERAGED = (
    *("data_set", "baselines", "bootstrap", "intervals", "confusion", "classes", "damaged_records"),
    *("volunteers", "temperatures"),
)


def crossval(request: TrainRequest, watch: Watch) -> Json:
    """Train and judge a model for each fold of a data set.

    Returns:
        What metrics.json says.

    Raises:
        GzError: as :func:`gztrain.training.fit.fit`, or the data set has one fold.
        UsageError: the folder has a run already.
        Stopped: the user pressed Ctrl-C; what is done is kept.
    """
    folder = RunFolder(request.run)
    check_free(folder, request)
    dataset = open_dataset(request.data)
    if len(dataset.folds) < 2:
        raise GzError(f"{dataset.place} has {len(dataset.folds)} fold; a cross-validation needs two or more.")
    requests = [of_fold(request, number) for number in dataset.folds]
    check_folds(requests)
    with folder.locked():
        check_free(folder, request)  # once more: another command may have ended here since
        if not request.resume:
            folder.clear()
        for each in requests:
            _fit_fold(each, watch)
        metrics = summarise(folder, dataset.folds, request)
        request.saved()
    return metrics


def of_fold(request: TrainRequest, number: int) -> TrainRequest:
    """What is asked of the run in which a fold validates."""
    folder = RunFolder(request.run).fold(number)
    return replace(request, run=folder.root, config=replace(request.config, fold=number), overwrite=False)


def check_folds(requests: Sequence[TrainRequest]) -> None:
    """Refuse, before any folder changes, what would be refused when the turn of some fold comes.

    Raises:
        GzError: the data of a fold, its checkpoint or the weights cannot be used.
        UsageError: a run that was begun does not fit, or the request asks for what does not exist.
    """
    backend, job = load_backend(), None
    for request in requests:
        job = make_job(request)
        check_resumed(RunFolder(request.run), job)
    if job is not None:  # the model is the same in all of them
        check_machine(job, backend)


def _fit_fold(request: TrainRequest, watch: Watch) -> None:
    number = request.config.fold
    if RunFolder(request.run).metrics.exists():
        watch.tell(f"Fold {number} is done.")
        return
    watch.tell(f"Fold {number} validates.")
    fit(request, watch)


def summarise(folder: RunFolder, folds: Sequence[int], request: TrainRequest) -> Json:
    """Judge what the runs of all folds said of galaxies that they had not seen, and average their figures."""
    runs = [open_run(folder.fold(number).root) for number in folds]
    first = runs[0]
    predictions = join([read_predictions(run.folder.predictions_of("val")) for run in runs])
    dataset, config = open_dataset(request.data), first.config
    label_source = LabelSource(first.scheme, config.labels, config.min_votes, config.ties)
    counts = label_source.count(
        dataset, folds, open_reader(config.input.reader, skip_damaged=config.input.skip_damaged)
    )
    found = judge(predictions, first.scheme, baseline=make_baseline(counts, first.scheme), bootstrap=config.bootstrap)
    each = [read_metrics(run.folder)["splits"]["val"] for run in runs]
    whole = {
        "labels": label_source.policy,
        "data_set": judged_entry(record_of(dataset), "val", same=True),
        "damaged_records": sum(part["damaged_records"] for part in each),
        **found,
        "folds": {
            "numbers": list(folds),
            "mean": over_folds(each, statistics.fmean),
            "sd": over_folds(each, statistics.stdev),
        },
    }
    return write_down(folder, first.scheme.name, "val", whole, predictions)


def join(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of different galaxies as one."""
    return Predictions(
        ids=tuple(galaxy for part in parts for galaxy in part.ids),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        mask=np.concatenate([part.mask for part in parts]),
        names=parts[0].names,
        panel=join_panels([part.panel for part in parts]),
    )


def over_folds(parts: Sequence[Mapping[str, Any]], combine: Any) -> Json:  # noqa: ANN401 -- a function of numbers
    """Combine each number over the folds in which it is defined; None where those are fewer than two."""
    found: Json = {}
    for key, value in parts[0].items():
        if key in _NOT_AVERAGED or isinstance(value, bool | str | list):
            continue
        values = [part[key] for part in parts]
        if isinstance(value, Mapping):
            found[key] = over_folds(values, combine)
        else:
            known = [number for number in values if number is not None]
            found[key] = combine(known) if len(known) > 1 else None
    return found
