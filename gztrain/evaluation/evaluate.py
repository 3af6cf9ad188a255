"""``gztrain evaluate``: evaluate a run on galaxies that it was not trained on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from gzcore.dataset.layout import TEST, TRAIN
from gzcore.errors import GzError, UsageError
from gzcore.storage.atomic import beside, sweep, write_json, writing
from gzcore.storage.documents import read_document
from gzcore.storage.places import Place
from gztrain.data import Batch, Reader, Selection, open_reader, select
from gztrain.data.dataset import Dataset, Scheme, open_dataset
from gztrain.data.debiased import check_policy as check_labels
from gztrain.data.label_source import LabelSource
from gztrain.data.labels import Policy
from gztrain.data.stream import ahead, fill, in_order
from gztrain.environment import quiet_imports
from gztrain.evaluation.baselines import Baseline, make_baseline
from gztrain.evaluation.calibration import fit_temperatures as find_temperatures
from gztrain.evaluation.calibration import layer_settings
from gztrain.evaluation.columns import Column, by_columns, read_columns
from gztrain.evaluation.judged_data import judged_data
from gztrain.evaluation.metrics import as_document, judge
from gztrain.evaluation.model_card import write_card
from gztrain.evaluation.panel import Panel, join_panels, panel_of
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.prevalence import Prevalence, corrected, read_prevalence
from gztrain.runs.folder import Json, Run, RunFolder, open_run
from gztrain.runs.galaxies import same_data
from gztrain.runs.history import damaged_in_training
from gztrain.runs.saved_model import add_origin, add_temperatures, temperatures_of
from gztrain.runs.schema import MetricsDocument

Split = Literal["val", "test"]
_BATCH = 64


def evaluate(  # noqa: PLR0913 -- what can be chosen
    path: Path,
    split: Split,
    *,
    data: Place | None = None,
    labels: Policy | None = None,
    skip_damaged: bool = False,
    fit_temperatures: bool = False,
    by: Sequence[str] = (),
    prevalence: Path | None = None,
) -> Json:
    """Evaluate a run: write metrics.json and the predictions.

    Args:
        path: run folder.
        split: ``val``, the validation fold of the run, or ``test``; view 0 of each galaxy is used.
        data: the dataset folder; None: where it was when the run began. It may be another data set, if the run was not
            trained on any galaxy of the split; see :mod:`gztrain.evaluation.judged_data`.
        labels: label policy to evaluate with; None: that of the run.
        skip_damaged: leave out damaged records. They are also left out if the run was trained so.
        fit_temperatures: first fit a temperature for each question on the split, and store them in the model.
        by: columns of the data set's catalogue; figures of groups of galaxies are added for each.
        prevalence: a CSV file with the shares of labels in a population; figures for it are added.

    Returns:
        The content of metrics.json.

    Raises:
        GzError: the run or the data set is missing, they do not belong together, or the split is empty.
    """
    return evaluate_on(
        path,
        split,
        data=data,
        labels=labels,
        skip_damaged=skip_damaged,
        fit_temperatures=fit_temperatures,
        by=by,
        prevalence=prevalence,
    )[1]


def evaluate_on(  # noqa: PLR0913 -- what can be chosen
    path: Path,
    split: Split,
    *,
    data: Place | None = None,
    labels: Policy | None = None,
    skip_damaged: bool = False,
    fit_temperatures: bool = False,
    by: Sequence[str] = (),
    prevalence: Path | None = None,
) -> tuple[str, Json]:
    """The same; also returns the name of the split in metrics.json, which says so if it is of another data set."""
    run = open_run(path)
    dataset = open_dataset(data or run.dataset)
    judged_on = judged_data(run, dataset, split)
    settings = run.config.input
    skip = skip_damaged or settings.skip_damaged
    reader = open_reader(settings.reader, threads=settings.threads, skip_damaged=skip)
    config = run.config
    check_labels(dataset, labels or config.labels)
    label_source = LabelSource(run.scheme, labels or config.labels, config.min_votes, config.ties)
    selection = selection_of(run, dataset, split)
    columns = read_columns(dataset, TEST if split == "test" else TRAIN, by)
    shares = None if prevalence is None else read_prevalence(prevalence, run.scheme, dataset)
    model = run.model()
    predictions = predict_selection(model, selection, label_source, reader, tree=dataset)
    damaged = len(reader.damage)  # of this split: baselines may read other records
    if fit_temperatures:
        model, predictions = calibrated(run, model, predictions)
    baseline = baseline_of(run, dataset, label_source, reader)
    judged = {
        "labels": label_source.policy,
        "data_set": judged_on.entry,
        "damaged_records": damaged,
        "temperatures": _temperatures(model, run.scheme),
        **judge(predictions, run.scheme, baseline=baseline, bootstrap=run.config.bootstrap),
        **_asked_for(predictions, run, columns, shares),
    }
    return judged_on.name, write_down(run.folder, run.scheme.name, judged_on.name, judged, predictions)


def _asked_for(predictions: Predictions, run: Run, columns: Sequence[Column], shares: Prevalence | None) -> Json:
    """The figures that are computed on request alone."""
    found: Json = {}
    draws = (run.config.bootstrap, 0)
    if columns:
        found["by"] = by_columns(predictions, run.scheme, columns, draws)
    if shares is not None:
        found["prevalence"] = corrected(predictions, run.scheme, shares, draws)
    return found


def calibrated(run: Run, model: Any, predictions: Predictions) -> tuple[Any, Predictions]:  # noqa: ANN401 -- keras.Models
    """Fit temperatures to predictions of a model without any, store them in the run's model, and apply them."""
    loss = run.config.loss.name
    settings = layer_settings(run.scheme, find_temperatures(predictions, run.scheme, loss), loss)
    mended = add_temperatures(model, settings)
    with writing(run.folder.root), beside(run.folder.model) as temporary, quiet_imports():
        mended.save(temporary)
        add_origin(temporary, run.data, run.scheme.names)
    probabilities = np.asarray(mended.layers[-1](predictions.probabilities), np.float32)
    return mended, replace(predictions, probabilities=probabilities)


def _temperatures(model: Any, scheme: Scheme) -> dict[str, float] | None:  # noqa: ANN401 -- a keras.Model
    """The temperature of each question; None for a model without."""
    found = temperatures_of(model)
    return None if found is None else dict(zip((question.name for question in scheme.questions), found, strict=True))


def check_policy(labels: str | None) -> Policy | None:
    """Check the value of ``--labels``.

    Raises:
        UsageError: there is no such policy.
    """
    if labels is None or labels in get_args(Policy):
        return cast("Policy | None", labels)
    raise UsageError(f"There is no label policy {labels!r}; choose one of {', '.join(get_args(Policy))}.")


def write_down(folder: RunFolder, scheme: str, split: str, judged: Json, predictions: Predictions) -> Json:
    """Write the predictions of a split, then add its figures to metrics.json; return the content of metrics.json.

    Two commands that judge one run at the same time do this one after the other, so that the figures of both are kept.
    """
    with folder.in_turn():
        return _write_down(folder, scheme, split, judged, predictions)


def _write_down(folder: RunFolder, scheme: str, split: str, judged: Json, predictions: Predictions) -> Json:
    paths = (folder.predictions_of(split), folder.predictions)
    for path in (*paths, folder.card, folder.metrics):
        sweep(folder.root, path.name)  # what this command left half-way, if it was killed
    for path in paths:
        predictions.write(path)
    splits = {**read_metrics(folder).get("splits", {}), split: judged}
    trained = {"damaged_records": damaged_in_training(folder.history)} if folder.history.exists() else None
    document = as_document(scheme, splits, trained)
    write_card(folder, document)
    write_json(folder.metrics, document)
    return document


def read_metrics(folder: RunFolder) -> Json:
    """The content of metrics.json; empty if there is no such file.

    Raises:
        GzError: the file is damaged.
    """
    if not folder.metrics.exists():
        return {}
    return dict(read_document(folder.metrics, MetricsDocument, "remove it and evaluate again")[1])


def selection_of(run: Run, dataset: Dataset, split: Split) -> Selection:
    """View 0 of the galaxies in a split of a run.

    Raises:
        GzError: the split is empty.
    """
    selection = select(dataset, TEST) if split == "test" else select(dataset, TRAIN, folds=[run.config.fold])
    if not len(selection):
        advice = "judge the run on its validation fold with --split val" if split == "test" else "use more galaxies"
        raise GzError(f"There are no {split} galaxies in {dataset.place}, so nothing can be judged on them; {advice}.")
    return selection


def baseline_of(run: Run, dataset: Dataset, label_source: LabelSource, reader: Reader) -> Baseline:
    """The baselines, computed from the galaxies that the run was trained on.

    The run knows how often each of their labels is 1. One of an earlier version does not: there, the training galaxies
    of its data set are counted.

    Raises:
        GzError: the run does not know, and its data set is not there.
    """
    counts = run.label_counts.get(label_source.policy)
    if counts is None:
        own = dataset if same_data(run, dataset) else _own_dataset(run)
        counts = label_source.count(own, [fold for fold in own.folds if fold != run.config.fold], reader)
    return make_baseline(counts, label_source.scheme)


def _own_dataset(run: Run) -> Dataset:
    try:
        own = open_dataset(run.dataset)
    except GzError as error:
        raise GzError(
            f"The run in {run.folder.root} is of an earlier version and does not know the labels of its training "
            f"galaxies, which the baselines come from, and its own data set cannot be read. {error}"
        ) from None
    if not same_data(run, own):
        raise GzError(
            f"The run in {run.folder.root} is of an earlier version and does not know the labels of its training "
            f"galaxies, which the baselines come from, and {run.dataset} holds other data now."
        )
    return own


def predict_selection(
    model: Any,  # noqa: ANN401 -- a keras.Model
    selection: Selection,
    label_source: LabelSource,
    reader: Reader,
    *,
    tree: Dataset,
) -> Predictions:
    """Predict the galaxies of a selection, in its order, and read their labels and votes.

    Args:
        model: uint8 [B, crop, crop, 3] to label probabilities, float32 [B, L].
        selection: one view of each galaxy.
        label_source: gives labels and mask.
        reader: reads the records.
        tree: has all questions, since the votes of one may follow from those of another.
    """
    scheme = label_source.scheme

    def whole(batch: Batch) -> tuple[Batch, Any]:
        return batch, fill(batch.images, _BATCH)

    collected: list[tuple[Any, ...]] = []
    panels: list[Panel | None] = []
    with ahead(in_order(reader, selection, _BATCH), whole) as batches:
        for batch, images in batches:
            probabilities = np.asarray(model.predict_on_batch(images))[: len(batch)]
            collected.append((np.array(batch.ids, object), probabilities, *label_source.of(batch)))
            panels.append(panel_of(batch, scheme, tree))
    ids, probabilities, labels, mask = (np.concatenate(arrays) for arrays in zip(*collected, strict=True))
    return Predictions(tuple(ids), probabilities, labels, mask, scheme.names, join_panels(panels))
