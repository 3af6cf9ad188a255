"""What is learned once for a run, before a catalogue is made of it, and is kept in the run folder (``catalogue.npz``).

Scalings and intervals come from the validation fold. Training galaxies say what is familiar. The test split only says
how many of its votes the intervals held. Up to 1024 training and 8192 other galaxies are looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gzcore.dataset.layout import TEST, TRAIN
from gzcore.errors import GzError
from gzcore.storage.places import Place
from gztrain.data import Batch, Selection, open_reader, select
from gztrain.data.dataset import Dataset, Scheme, open_dataset
from gztrain.data.labels import Doubles, Floats
from gztrain.evaluation.panel import Panel, join_panels, panel_of
from gztrain.predict.catalogue.doubt import REFERENCE, Familiar, find_familiar
from gztrain.predict.catalogue.fitted_file import FORMAT, NAME, Fitted, read_fitted, write_fitted
from gztrain.predict.catalogue.intervals import LEVEL, Scaling, fit_scaling, held
from gztrain.predict.catalogue.network import Network, Seen
from gztrain.predict.catalogue.picture import LEAST, LOOK, find_usual, measure, statistics_of
from gztrain.predict.catalogue.votes import Votes, expected_votes, shares_of
from gztrain.runs.folder import Json, Run
from gztrain.runs.galaxies import same_data
from gztrain.runs.remote import model_alone

BATCH = 64
_MOST = 8192


def needed(name: str) -> bool:
    """Which files of a run a catalogue is made from."""
    return model_alone(name) or name in (NAME, "galaxies.parquet", "predictions-val.parquet")


@dataclass(frozen=True, eq=False)
class _Looked:
    """What the network and the volunteers say of the galaxies of a selection, and statistics of their pictures."""

    seen: Seen
    panel: Panel
    pictures: Doubles | None


def fitted_of(run: Run, model: str, network: Network, data: Place | None = None) -> Fitted:
    """Read what was learned for a run, or learn it now and keep it in the run folder.

    Args:
        run: the run.
        model: SHA-256 of its model.
        network: its model, opened.
        data: the dataset folder, if it has moved.

    Raises:
        GzError: it was not learned yet, and the data set of the run is not there, or is another one.
    """
    path = run.folder.root / NAME
    return read_fitted(path, model, run.scheme) or _learn(run, model, network, data)


def _learn(run: Run, model: str, network: Network, data: Place | None) -> Fitted:
    dataset = _dataset_of(run, data)
    others = [fold for fold in dataset.folds if fold != run.config.fold]
    validation = _look(network, run.scheme, dataset, select(dataset, TRAIN, [run.config.fold]), _MOST)
    if validation is None:
        raise GzError(f"There are no galaxies in the validation fold {run.config.fold}, so no interval can be fitted.")
    training = _look(network, run.scheme, dataset, select(dataset, TRAIN, others), REFERENCE)
    by_formula = run.config.loss.name == "dirichlet" and validation.seen.logits is not None
    scalings = None if by_formula else _scalings(run, validation)
    usual = _usual(validation.panel, run.scheme)
    familiar, picture = _familiar(training, validation), _picture(training, validation)
    told = {
        "format": FORMAT,
        "model": model,
        "level": LEVEL,
        "method": "dirichlet" if by_formula else "conformal",
        "validation_galaxies": len(validation.seen.probabilities),
        "usual_votes": usual,
        "pictures": LOOK if picture is not None else 0,
        "coverage": _coverage(run, network, dataset, scalings, usual),
    }
    fitted = Fitted(scalings, familiar, usual, told, picture)
    write_fitted(run.folder.root / NAME, fitted)
    return fitted


def _dataset_of(run: Run, data: Place | None) -> Dataset:
    try:
        dataset = open_dataset(data or run.dataset)
    except GzError as error:
        raise GzError(
            f"Intervals are fitted to the validation fold of {run.data}, and it cannot be read; name the folder with "
            f"--data. {error}"
        ) from None
    if not same_data(run, dataset):
        raise GzError(f"{dataset.place} holds other data than {run.data}, which the run was trained on; see --data.")
    return dataset


def _look(network: Network, scheme: Scheme, dataset: Dataset, selection: Selection, most: int) -> _Looked | None:
    """Look at the galaxies of a selection, at most so many of them, evenly spread; None if there are none."""
    seen: list[Seen] = []
    panels: list[Panel | None] = []
    measured: list[Floats] = []
    for batch in _batches(selection, most):
        seen.append(network(batch.images, BATCH))
        panels.append(panel_of(batch, scheme, dataset))
        if dataset.crop >= LEAST:
            measured.append(measure(batch.images))
    panel = join_panels(panels)
    return None if panel is None else _Looked(_joined(seen), panel, statistics_of(measured) if measured else None)


def _batches(selection: Selection, most: int) -> Iterator[Batch]:
    if not len(selection):
        return
    places = np.unique(np.linspace(0, len(selection) - 1, min(most, len(selection))).astype(np.int64))
    yield from open_reader(skip_damaged=True).batches(selection, places, BATCH)


def _joined(parts: Sequence[Seen]) -> Seen:
    logits = [part.logits for part in parts if part.logits is not None]
    features = [part.features for part in parts if part.features is not None]
    return Seen(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate(logits) if logits else None,
        np.concatenate(features) if features else None,
    )


def known_votes(panel: Panel, scheme: Scheme, place: int, min_votes: int) -> Doubles:
    """Vote fractions of the answers of a question, float64 [N, A]; NaN where too few volunteers were asked."""
    fractions = panel.fractions_of(scheme, place).astype(np.float64)
    few = panel.votes[:, place] < max(min_votes, 1)
    fractions[few | ~np.isfinite(fractions).all(axis=1)] = np.nan
    return fractions


def _scalings(run: Run, validation: _Looked) -> tuple[Scaling, ...]:
    return tuple(
        fit_scaling(
            shares_of(validation.seen.probabilities, run.scheme, place),
            known_votes(validation.panel, run.scheme, place, run.config.min_votes),
        )
        for place in range(len(run.scheme.questions))
    )


def _usual(panel: Panel, scheme: Scheme) -> float:
    """How many volunteers see a galaxy: the votes of a question that is always asked; NaN where the scheme has none."""
    place = next((place for place, question in enumerate(scheme.questions) if not question.parents), None)
    if place is None:
        return float("nan")
    totals = panel.votes[:, place][np.isfinite(panel.votes[:, place])]
    return float(np.median(totals)) if len(totals) else float("nan")


def _familiar(training: _Looked | None, validation: _Looked) -> Familiar | None:
    if training is None or training.seen.features is None or validation.seen.features is None:
        return None
    return find_familiar([training.seen.features], validation.seen.features)


def _picture(training: _Looked | None, validation: _Looked) -> Familiar | None:
    if training is None or training.pictures is None or validation.pictures is None:
        return None
    return find_usual(training.pictures, validation.pictures)


def _coverage(
    run: Run, network: Network, dataset: Dataset, scalings: tuple[Scaling, ...] | None, usual: float
) -> Json | None:
    """How many votes of the test split the intervals hold; None where there is no test split."""
    test = _look(network, run.scheme, dataset, select(dataset, TEST), _MOST)
    if test is None:
        return None
    votes = expected_votes(test.seen, run.scheme, scalings, usual)
    questions = {
        question.name: _held(votes, test.panel, run, place) for place, question in enumerate(run.scheme.questions)
    }
    inside, known = (sum(pair[key] for pair in questions.values()) for key in (0, 1))
    return {
        "held": inside / known if known else None,
        "votes": known,
        "galaxies": len(test.seen.probabilities),
        "per_question": {name: {"held": a / b if b else None, "votes": b} for name, (a, b) in questions.items()},
    }


def _held(votes: Votes, panel: Panel, run: Run, place: int) -> tuple[int, int]:
    block = run.scheme.fraction_blocks[place]
    true = known_votes(panel, run.scheme, place, run.config.min_votes)
    return held(votes.low[:, block], votes.high[:, block], true)
