"""Collects the contents of the report: from the run folder, and images of galaxies from the data set."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gzcore.errors import GzError, UsageError
from gzcore.storage.documents import read_document
from gzcore.storage.places import Place, as_place
from gztrain.data import Batch, Selection, open_reader, select
from gztrain.data.dataset import Scheme, open_dataset
from gztrain.data.labels import Floats
from gztrain.evaluation.judged_data import JudgedData
from gztrain.evaluation.metrics import check
from gztrain.evaluation.predictions import Predictions, read_predictions
from gztrain.evaluation.report.curves import TrainingCurves, read_training_curves
from gztrain.evaluation.report.numbers import Mistake, worst_mistakes
from gztrain.models.plan import make_model_plan
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Run, RunFolder, open_run
from gztrain.runs.schema import EnsembleDocument, MetricsDocument

Json = dict[str, Any]
SPLITS = ("test", "val")
"""Splits to report on; the first one that a run was evaluated on is taken."""
MISTAKES = 6
"""Number of wrongly classified galaxies that are shown for a question."""
_AT_A_TIME = 64
_TIE = 1e-6
"""Shares of votes that differ by less are equal; they are float32."""


@dataclass(frozen=True, eq=False)
class Galaxy:
    """A galaxy to show.

    Attributes:
        pixels: uint8 [crop, crop, 3].
        fractions: vote fractions of all answers, float32 [32]; NaN where the question was not asked.
        votes: total votes of each question, float32 [Q]; NaN where the catalogue has no counts.
    """

    pixels: np.ndarray
    fractions: Floats
    votes: Floats


@dataclass(frozen=True, eq=False)
class RunReport:
    """Everything that the page shows of a run.

    Attributes:
        name: of the run folder.
        model: name of the model, such as ``small``.
        scheme: its questions and labels.
        labels: label policy of the evaluation.
        split: name of the figures in metrics.json.
        data: short name of the data set that they belong to.
        facts: further facts, as pairs of name and value.
        judged: entry of the split in metrics.json.
        predictions: of the same split.
        training_curves: losses and learning rates; None if the run has no history.
        mistakes: for each question, by name, the mistakes of which the model was most certain.
        galaxies: the galaxies of these mistakes that could be read, by id.
        absence: a sentence that says why galaxies could not be read; empty if they could.
    """

    name: str
    model: str
    scheme: Scheme
    labels: str
    split: str
    data: str
    facts: tuple[tuple[str, str], ...]
    judged: Json
    predictions: Predictions
    training_curves: TrainingCurves | None
    mistakes: dict[str, list[Mistake]]
    galaxies: dict[str, Galaxy]
    absence: str = ""


def gather(path: Path, data: Place | None = None, split: str | None = None) -> RunReport:
    """Gather what a run left.

    Args:
        path: the run folder.
        data: where its dataset folder is now; None: where it was during training.
        split: ``val`` or ``test``; None: test if the run was evaluated on it, else val.

    Raises:
        GzError: there is no run, or it was not evaluated on the split.
    """
    run, crossed = open_run_or_folds(path)
    chosen, judged = _choose_split(run, split)
    predictions = read_predictions(run.folder.predictions_of(chosen))
    check(predictions, run.scheme)
    mistakes = _mistakes(predictions, run.scheme)
    wanted = {predictions.ids[mistake.row] for of_question in mistakes.values() for mistake in of_question}
    judged_on = judged_from(run, chosen, judged)
    folds = None if crossed or judged_on.split == "test" else {run.config.fold}
    galaxies, absence = find_galaxies(_place_of(run, judged_on, data), judged_on, folds, wanted)
    return RunReport(
        name=path.resolve().name,
        model=_model_name(run),
        scheme=run.scheme,
        labels=judged.get("labels", run.config.labels),
        split=chosen,
        data=judged_on.data.short,
        facts=(*_facts(run, judged, crossed=crossed), *_data_facts(run, judged_on)),
        judged=judged,
        predictions=predictions,
        training_curves=read_training_curves(run.folder.history, run.config.stages.monitor),
        mistakes=mistakes,
        galaxies=galaxies,
        absence=absence,
    )


def _mistakes(predictions: Predictions, scheme: Scheme) -> dict[str, list[Mistake]]:
    """For each question, by name, the mistakes of which the model was most certain."""
    return {
        question.name: worst_mistakes(question, *_columns(untied(predictions, scheme, place), block), MISTAKES)
        for place, (question, block) in enumerate(zip(scheme.questions, scheme.blocks, strict=True))
    }


def open_run_or_folds(path: Path) -> tuple[Run, bool]:
    """Open a run. A cross-validation is opened as the run of its first fold, with the figures of all folds.

    Returns:
        The run, and whether it is a cross-validation.
    """
    folder = RunFolder(path)
    first = folder.fold(0)
    if folder.config.exists() or not first.config.exists():
        return open_run(path), False
    return replace(open_run(first.root), folder=folder), True


def untied(predictions: Predictions, scheme: Scheme, place: int) -> Predictions:
    """Predictions without the galaxies whose votes on a question are tied: chance gave them their label."""
    if predictions.panel is None:
        return predictions
    shares = np.sort(predictions.panel.shares(scheme, place), axis=1)
    tied = shares[:, -1] - shares[:, -2] < _TIE  # a comparison with NaN is false
    return replace(predictions, mask=np.where(tied[:, None], 0, predictions.mask))


def _columns(predictions: Predictions, block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return predictions.probabilities[:, block], predictions.labels[:, block], predictions.mask[:, block]


def _choose_split(run: Run, split: str | None) -> tuple[str, Json]:
    try:
        splits = read_document(run.folder.metrics, MetricsDocument, "make it with gztrain evaluate")[1]["splits"]
    except FileNotFoundError:
        raise GzError(f"The run in {run.folder.root} has not ended; go on with gztrain fit --resume.") from None
    known = {name: splits[name] for name in (*SPLITS, *splits) if name in splits}
    chosen = split or next(iter(known), SPLITS[0])
    if chosen not in SPLITS and chosen not in known:
        names = dict.fromkeys((*SPLITS, *known))
        raise UsageError(f"There is no split {chosen!r} to report on; choose one of {', '.join(names)}.")
    if chosen not in known:
        raise GzError(
            f"The run in {run.folder.root} was not judged on {chosen}; "
            f"gztrain evaluate {run.folder.root} --split {chosen} does that."
        )
    return chosen, known[chosen]


def _model_name(run: Run) -> str:
    """Name of the model; of an ensemble that of its first member, since others may be other networks."""
    try:
        ensemble, _ = read_document(run.folder.ensemble, EnsembleDocument, "make the ensemble again")
    except FileNotFoundError:
        return run.config.model.name
    sides = "" if ensemble.sides == 1 else f", {ensemble.sides} sides"
    return f"ensemble of {len(ensemble.members)} networks (the first: {run.config.model.name}){sides}"


def _facts(run: Run, judged: Json, *, crossed: bool) -> tuple[tuple[str, str], ...]:
    config = run.config
    spec = replace(config.model, weights="none")  # a file of weights may have been removed since
    size = make_model_plan(spec, run.crop, len(run.scheme.names)).size
    left_out = judged.get("damaged_records", 0)
    return (
        ("model", _model_name(run)),
        ("scheme", f"{run.scheme.name}, {len(run.scheme.names)} labels"),
        ("labels learned", config.labels),
        ("labels judged", judged.get("labels", config.labels)),
        ("galaxies judged", f"{judged['galaxies']:,}" + (f", {left_out} damaged left out" if left_out else "")),
        ("images", f"{size} px" if size == run.crop else f"{run.crop} px, seen at {size}"),
        ("extra views", str(config.views)),
        ("validation fold", "each in turn" if crossed else str(config.fold)),
        ("loss", f"{config.loss.name}, weights {config.loss.weights}"),
        ("optimizer", f"{config.optimizer.name}, {config.optimizer.rate:g}, {config.optimizer.schedule}"),
        ("batch", str(config.stages.batch)),
        ("seed", str(config.seed)),
    )


def judged_from(run: Run, name: str, judged: Json) -> JudgedData:
    """The data that some figures belong to; figures of earlier versions belong to the data set of the run."""
    entry = judged.get("data_set")
    if entry is None:
        return JudgedData(name, name, run.data, same=True)
    data = replace(
        run.data, place=as_place(entry["path"]), recipe_hash=entry["recipe_hash"], data_hash=entry["data_hash"]
    )
    return JudgedData(name, entry["split"], data, entry["same"])


def _data_facts(run: Run, judged_on: JudgedData) -> tuple[tuple[str, str], ...]:
    if judged_on.same:
        return (("data set", run.data.short),)
    return (("trained on", run.data.short), ("judged on", f"{judged_on.data.short}, another data set"))


def _place_of(run: Run, judged_on: JudgedData, data: Place | None) -> Place:
    """Where the galaxies are that figures belong to.

    Raises:
        UsageError: ``data`` holds another data set.
    """
    if data is None:
        return judged_on.data.place
    try:
        here = record_of(open_dataset(data))
    except GzError:
        return data  # without it the page lacks the images alone, and says why
    if judged_on.data.differs_from(here):
        raise UsageError(
            f"The figures of the run in {run.folder.root} belong to {judged_on.data}, and {here} holds other data; "
            "name the folder of the first with --data."
        )
    return data


def find_galaxies(
    data: Place, judged_on: JudgedData, folds: Collection[int] | None, wanted: Collection[str]
) -> tuple[dict[str, Galaxy], str]:
    """Read galaxies from the shards of a data set, if it is the one that figures belong to.

    Returns:
        The galaxies that were found, by id; and a sentence if the data set cannot be read, else an empty string.
    """
    try:
        dataset = open_dataset(data)
        if judged_on.data.differs_from(record_of(dataset)):
            return {}, f"The galaxies cannot be shown: {data} holds other data now; name the right folder with --data."
        selection = select(dataset, "test" if judged_on.split == "test" else "train", folds)
        return dict(_read(selection, wanted)), ""
    except GzError as error:
        return {}, f"The galaxies cannot be shown. {error}"


def _read(selection: Selection, wanted: Collection[str]) -> Iterator[tuple[str, Galaxy]]:
    """Read records until all wanted galaxies are found."""
    missing = set(wanted)
    batches = open_reader(skip_damaged=True).batches(selection, np.arange(len(selection)), _AT_A_TIME)
    for batch in batches:
        for place, galaxy_id in enumerate(batch.ids):
            if galaxy_id in missing:
                missing.remove(galaxy_id)
                yield galaxy_id, _galaxy(batch, place)
        if not missing:
            break


def _galaxy(batch: Batch, place: int) -> Galaxy:
    return Galaxy(batch.images[place].copy(), batch.fractions[place].copy(), batch.votes[place].copy())


def pooled(run: RunReport, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of all unmasked values among some labels: int64 [M] and float32 [M]."""
    probabilities, labels, mask = _columns(run.predictions, block)
    return labels[mask == 1], probabilities[mask == 1]


def known(run: RunReport, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for one label."""
    return pooled(run, slice(column, column + 1))
