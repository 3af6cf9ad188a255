"""``gztrain evaluate``: judge a run on galaxies that it did not learn from."""

import json
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from gzcore.dataset.layout import TEST, TRAIN
from gzcore.errors import GzError, UsageError
from gztrain.data import Batch, Reader, Selection, open_reader, select
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.data.label_source import Truth
from gztrain.data.labels import Policy
from gztrain.data.stream import ahead, fill, in_order
from gztrain.evaluation.baselines import Baseline, make_baseline
from gztrain.evaluation.metrics import as_document, judge
from gztrain.evaluation.predictions import Predictions
from gztrain.runs.folder import Json, Run, RunFolder, open_run, recipe_hash
from gztrain.runs.history import damaged_in_training
from gztrain.writing import write_json

Split = Literal["val", "test"]
_BATCH = 64


def evaluate(
    path: Path, split: Split, *, data: Path | None = None, labels: Policy | None = None, skip_corrupt: bool = False
) -> Json:
    """Judge a run, write metrics.json and the predictions, and return what metrics.json says.

    Args:
        path: run folder.
        split: ``val``, the run's validation fold, or ``test``; view 0 of each galaxy.
        data: the dataset folder; None: where it was when the run began.
        labels: label policy to judge by; None: that of the run.
        skip_corrupt: leave damaged records out, as runs that were trained so do anyway.

    Raises:
        GzError: the run or the data set is not there, they do not belong together, or the split is empty.
    """
    run = open_run(path)
    dataset = _open_data(run, data)
    settings = run.config.input
    skip = skip_corrupt or settings.skip_corrupt
    reader = open_reader(settings.reader, threads=settings.threads, skip_corrupt=skip)
    truth = Truth(run.scheme, labels or run.config.labels, run.config.min_votes)
    predictions = predict_selection(run.model(), selection_of(run, dataset, split), truth, reader)
    baseline = baseline_of(dataset, truth, [fold for fold in dataset.folds if fold != run.config.fold], reader)
    found = {
        "labels": truth.policy,
        "damaged_records": len(reader.damage),
        **judge(predictions, run.scheme, baseline=baseline, bootstrap=run.config.bootstrap),
    }
    return write_down(run.folder, run.scheme.name, split, found, predictions)


def check_policy(labels: str | None) -> Policy | None:
    """Check what ``--labels`` was given.

    Raises:
        UsageError: there is no such policy.
    """
    if labels is None or labels in get_args(Policy):
        return cast("Policy | None", labels)
    raise UsageError(f"There is no label policy {labels!r}; choose one of {', '.join(get_args(Policy))}.")


def write_down(folder: RunFolder, scheme: str, split: str, found: Json, predictions: Predictions) -> Json:
    """Add a split to metrics.json, which is written last, and return it."""
    for path in (folder.predictions_of(split), folder.predictions):
        predictions.write(path)
    splits = {**read_metrics(folder).get("splits", {}), split: found}
    trained = {"damaged_records": damaged_in_training(folder.history)} if folder.history.exists() else None
    document = as_document(scheme, splits, trained)
    write_json(folder.metrics, document)
    return document


def read_metrics(folder: RunFolder) -> Json:
    """What metrics.json says; nothing where there is none.

    Raises:
        GzError: it is damaged.
    """
    if not folder.metrics.exists():
        return {}
    try:
        return dict(json.loads(folder.metrics.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise GzError(f"{folder.metrics} is damaged ({error}); remove it and evaluate again.") from None


def _open_data(run: Run, data: Path | None) -> Dataset:
    dataset = open_dataset(data or run.dataset)
    if dataset.crop != run.crop:
        raise GzError(
            f"The run in {run.folder.root} sees images of {run.crop} px; those in {dataset.root} have {dataset.crop}."
        )
    if recipe_hash(dataset) != run.recipe_hash:
        raise GzError(
            f"The run in {run.folder.root} was trained on other data than {dataset.root} holds now, so its galaxies "
            "may have been trained on; name the folder it was trained on with --data."
        )
    return dataset


def selection_of(run: Run, dataset: Dataset, split: Split) -> Selection:
    """View 0 of the galaxies of a split of a run.

    Raises:
        GzError: there are none.
    """
    selection = select(dataset, TEST) if split == "test" else select(dataset, TRAIN, folds=[run.config.fold])
    if not len(selection):
        raise GzError(f"There are no {split} galaxies in {dataset.root}, so nothing can be judged on them.")
    return selection


def baseline_of(dataset: Dataset, truth: Truth, folds: list[int], reader: Reader) -> Baseline:
    """What can be said without an image, from the galaxies of some folds."""
    return make_baseline(truth.count(dataset, folds, reader), truth.scheme)


def predict_selection(model: Any, selection: Selection, truth: Truth, reader: Reader) -> Predictions:  # noqa: ANN401
    """Probabilities of the galaxies of a selection, in its order, beside what is true of them.

    Args:
        model: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L].
        selection: one view of each galaxy.
        truth: what is true of them.
        reader: reads them.
    """

    def whole(batch: Batch) -> tuple[Batch, Any]:
        return batch, fill(batch.images, _BATCH)

    found: list[tuple[Any, ...]] = []
    with ahead(in_order(reader, selection, _BATCH), whole) as batches:
        for batch, images in batches:
            probabilities = np.asarray(model.predict_on_batch(images))[: len(batch)]
            found.append((np.array(batch.ids, object), probabilities, *truth.of(batch)))
    ids, probabilities, labels, mask = (np.concatenate(part) for part in zip(*found, strict=True))
    return Predictions(tuple(ids), probabilities, labels, mask, truth.scheme.names)
