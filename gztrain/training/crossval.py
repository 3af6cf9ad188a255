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
from gztrain.data.label_source import Truth
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.evaluate import read_metrics, write_down
from gztrain.evaluation.metrics import judge
from gztrain.evaluation.predictions import Predictions, read_predictions
from gztrain.runs.folder import Json, RunFolder, check_same, open_run
from gztrain.runs.watch import Watch
from gztrain.training.fit import backend_name, check_free, fit
from gztrain.training.request import Request

_NOT_AVERAGED = ("baselines", "bootstrap", "intervals", "confusion", "classes", "damaged_records")


def crossval(request: Request, watch: Watch) -> Json:
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
    if not request.resume:
        folder.clear()
    for number in dataset.folds:
        _fit_fold(request, folder.fold(number), number, watch)
    found = summarise(folder, dataset.folds, request)
    request.saved()
    return found


def _fit_fold(request: Request, folder: RunFolder, number: int, watch: Watch) -> None:
    config = replace(request.config, fold=number)
    if folder.metrics.exists():
        check_same(open_run(folder.root), config, open_dataset(request.data), backend_name())
        watch.tell(f"Fold {number} is done.")
        return
    watch.tell(f"Fold {number} validates.")
    fit(replace(request, run=folder.root, config=config, overwrite=False, resume=request.resume), watch)


def summarise(folder: RunFolder, folds: Sequence[int], request: Request) -> Json:
    """Judge what the runs of all folds said of galaxies that they had not seen, and average their figures."""
    runs = [open_run(folder.fold(number).root) for number in folds]
    first = runs[0]
    predictions = join([read_predictions(run.folder.predictions_of("val")) for run in runs])
    dataset, config = open_dataset(request.data), first.config
    truth = Truth(first.scheme, config.labels, config.min_votes)
    counts = truth.count(dataset, folds, open_reader(config.input.reader, skip_corrupt=config.input.skip_corrupt))
    found = judge(predictions, first.scheme, baseline=make_baseline(counts, first.scheme), bootstrap=config.bootstrap)
    each = [read_metrics(run.folder)["splits"]["val"] for run in runs]
    whole = {
        "labels": truth.policy,
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
