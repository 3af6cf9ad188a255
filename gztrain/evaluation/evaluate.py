"""``gztrain evaluate``: evaluate a run on galaxies that it was not trained on."""

import json
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from gzcore.dataset.layout import TEST, TRAIN
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import write_json
from gzcore.storage.places import Place
from gztrain.data import Batch, Reader, Selection, open_reader, select
from gztrain.data.dataset import Dataset, open_dataset
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import Policy
from gztrain.data.stream import ahead, fill, in_order
from gztrain.evaluation.baselines import Baseline, make_baseline
from gztrain.evaluation.metrics import as_document, judge
from gztrain.evaluation.predictions import Predictions
from gztrain.runs.folder import Json, Run, RunFolder, open_run, recipe_hash
from gztrain.runs.history import damaged_in_training

Split = Literal["val", "test"]
_BATCH = 64


def evaluate(
    path: Path, split: Split, *, data: Place | None = None, labels: Policy | None = None, skip_damaged: bool = False
) -> Json:
    """Evaluate a run: write metrics.json and the predictions.

    Args:
        path: run folder.
        split: ``val``, the validation fold of the run, or ``test``; view 0 of each galaxy is used.
        data: the dataset folder; None: where it was when the run began.
        labels: label policy to evaluate with; None: that of the run.
        skip_damaged: leave out damaged records. They are also left out if the run was trained so.

    Returns:
        The content of metrics.json.

    Raises:
        GzError: the run or the data set is missing, they do not belong together, or the split is empty.
    """
    run = open_run(path)
    dataset = _open_data(run, data)
    settings = run.config.input
    skip = skip_damaged or settings.skip_damaged
    reader = open_reader(settings.reader, threads=settings.threads, skip_damaged=skip)
    label_source = LabelSource(run.scheme, labels or run.config.labels, run.config.min_votes)
    predictions = predict_selection(run.model(), selection_of(run, dataset, split), label_source, reader)
    baseline = baseline_of(dataset, label_source, [fold for fold in dataset.folds if fold != run.config.fold], reader)
    judged = {
        "labels": label_source.policy,
        "damaged_records": len(reader.damage),
        **judge(predictions, run.scheme, baseline=baseline, bootstrap=run.config.bootstrap),
    }
    return write_down(run.folder, run.scheme.name, split, judged, predictions)


def check_policy(labels: str | None) -> Policy | None:
    """Check the value of ``--labels``.

    Raises:
        UsageError: there is no such policy.
    """
    if labels is None or labels in get_args(Policy):
        return cast("Policy | None", labels)
    raise UsageError(f"There is no label policy {labels!r}; choose one of {', '.join(get_args(Policy))}.")


def write_down(folder: RunFolder, scheme: str, split: str, judged: Json, predictions: Predictions) -> Json:
    """Write the predictions of a split, then add its figures to metrics.json; return the content of metrics.json."""
    for path in (folder.predictions_of(split), folder.predictions):
        predictions.write(path)
    splits = {**read_metrics(folder).get("splits", {}), split: judged}
    trained = {"damaged_records": damaged_in_training(folder.history)} if folder.history.exists() else None
    document = as_document(scheme, splits, trained)
    write_json(folder.metrics, document)
    return document


def read_metrics(folder: RunFolder) -> Json:
    """The content of metrics.json; empty if there is no such file.

    Raises:
        GzError: the file is damaged.
    """
    if not folder.metrics.exists():
        return {}
    try:
        return dict(json.loads(folder.metrics.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise GzError(f"{folder.metrics} is damaged ({error}); remove it and evaluate again.") from None


def _open_data(run: Run, data: Place | None) -> Dataset:
    dataset = open_dataset(data or run.dataset)
    if dataset.crop != run.crop:
        raise GzError(
            f"The run in {run.folder.root} sees images of {run.crop} px; those in {dataset.place} have {dataset.crop}."
        )
    if recipe_hash(dataset) != run.recipe_hash:
        raise GzError(
            f"The run in {run.folder.root} was trained on other data than {dataset.place} holds now, so its galaxies "
            "may have been trained on; name the folder it was trained on with --data."
        )
    return dataset


def selection_of(run: Run, dataset: Dataset, split: Split) -> Selection:
    """View 0 of the galaxies in a split of a run.

    Raises:
        GzError: the split is empty.
    """
    selection = select(dataset, TEST) if split == "test" else select(dataset, TRAIN, folds=[run.config.fold])
    if not len(selection):
        raise GzError(f"There are no {split} galaxies in {dataset.place}, so nothing can be judged on them.")
    return selection


def baseline_of(dataset: Dataset, label_source: LabelSource, folds: list[int], reader: Reader) -> Baseline:
    """The baselines, computed from the galaxies of some folds."""
    return make_baseline(label_source.count(dataset, folds, reader), label_source.scheme)


def predict_selection(model: Any, selection: Selection, label_source: LabelSource, reader: Reader) -> Predictions:  # noqa: ANN401
    """Predict the galaxies of a selection, in its order, and read their labels.

    Args:
        model: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L].
        selection: one view of each galaxy.
        label_source: gives labels and mask.
        reader: reads the records.
    """

    def whole(batch: Batch) -> tuple[Batch, Any]:
        return batch, fill(batch.images, _BATCH)

    collected: list[tuple[Any, ...]] = []
    with ahead(in_order(reader, selection, _BATCH), whole) as batches:
        for batch, images in batches:
            probabilities = np.asarray(model.predict_on_batch(images))[: len(batch)]
            collected.append((np.array(batch.ids, object), probabilities, *label_source.of(batch)))
    ids, probabilities, labels, mask = (np.concatenate(arrays) for arrays in zip(*collected, strict=True))
    return Predictions(tuple(ids), probabilities, labels, mask, label_source.scheme.names)
