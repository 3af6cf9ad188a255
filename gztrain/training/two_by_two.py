"""``gztrain report-against-asked``: what two errors of the 2024 report were worth.

The same model is trained four times: under both label policies, and with views of the validation galaxies among the
training records or not. Nothing else differs. Each run is a folder of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import hypot
from typing import Any

from gzcore.dataset.layout import TEST
from gzcore.errors import UsageError
from gzcore.storage.atomic import write_json
from gztrain.data.labels import Policy
from gztrain.evaluation.evaluate import evaluate, read_metrics
from gztrain.runs.folder import Json, RunFolder
from gztrain.runs.watch import Watch
from gztrain.training.fit import check_free, fit
from gztrain.training.request import TrainRequest

TABLE = "report-against-asked.json"
FIGURES = ("accuracy", "auc_macro")
"""What is compared: accuracy, and the mean AUC of a label."""
POLICIES: tuple[Policy, ...] = ("report", "asked")


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Cell:
    """One of the four runs.

    Attributes:
        labels: label policy that it learned, and that its figures are judged by.
        shared: whether views of the validation galaxies were among its training records.
        validation: figures by name.
        test: the same on the test split.
        test_asked: the same on the test split, judged by the labels ``asked``, so that policies can be compared.
        optimism: validation less test. Above zero beyond its interval, validation promises more than the model holds.
    """

    labels: Policy
    shared: bool
    validation: Mapping[str, Figure]
    test: Mapping[str, Figure]
    test_asked: Mapping[str, Figure]
    optimism: Mapping[str, Figure]


def name_of(labels: Policy, *, shared: bool) -> str:
    """Name of the run folder of a cell."""
    return f"{labels}-{'shared-views' if shared else 'other-galaxies'}"


def report_against_asked(request: TrainRequest, watch: Watch) -> Json:
    """Train the four runs, or take those that are there, and compare them.

    Args:
        request: the training; its run folder gets a folder a run and the table. Label policy and split are ours.
        watch: shows progress.

    Returns:
        The content of ``report-against-asked.json``: ``cells``, and ``scheme``.

    Raises:
        GzError, UsageError, Stopped: as :func:`gztrain.training.fit.fit`.
    """
    if request.config.views == 0:
        raise UsageError("This compares what views of a galaxy give away, and --views is 0; ask for 1 or more.")
    cells = []
    for labels, shared in product(POLICIES, (True, False)):
        each = _request_of(request, labels, shared=shared)
        folder = RunFolder(each.run)
        if not (request.resume and folder.metrics.exists()):
            watch.tell(f"{each.run.name}: labels {labels}, validation on {_words(shared=shared)}.")
            check_free(folder, each)
            fit(each, watch)
        cells.append(_judge(each, labels, shared=shared))
    document = {"scheme": request.config.scheme, "cells": [asdict(cell) for cell in cells]}
    write_json(request.run / TABLE, document)
    request.saved()
    return document


def _request_of(request: TrainRequest, labels: Policy, *, shared: bool) -> TrainRequest:
    config = replace(request.config, labels=labels, share_views=shared)
    return replace(request, run=request.run / name_of(labels, shared=shared), config=config)


def _judge(request: TrainRequest, labels: Policy, *, shared: bool) -> Cell:
    """Read the figures of a run on validation, and evaluate it on the test split."""
    validation = figures_of(read_metrics(RunFolder(request.run))["splits"]["val"])
    asked = figures_of(_on_test(request, "asked"))
    test = asked if labels == "asked" else figures_of(_on_test(request, labels))
    gap = {name: difference(validation[name], test[name]) for name in FIGURES}
    return Cell(labels, shared, validation, test, asked, gap)


def _on_test(request: TrainRequest, labels: Policy) -> Json:
    found: Json = evaluate(request.run, "test", data=request.data, labels=labels)["splits"][TEST]
    return found


def figures_of(judged: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures that are compared, of one split in metrics.json."""
    return {name: Figure(judged[name], *(judged["intervals"].get(name) or (None, None))) for name in FIGURES}


def difference(one: Figure, other: Figure) -> Figure:
    """One figure less another of other galaxies, with its interval.

    The two are independent, so their half-widths add up as squares.
    """
    if None in (one.value, other.value):
        return Figure(None)
    gap = float(one.value or 0) - float(other.value or 0)
    if None in (one.low, one.high, other.low, other.high):
        return Figure(gap)
    half = hypot(_half(one), _half(other))
    return Figure(gap, gap - half, gap + half)


def _half(figure: Figure) -> float:
    return (float(figure.high or 0) - float(figure.low or 0)) / 2


def _words(*, shared: bool) -> str:
    return "views of training galaxies" if shared else "other galaxies"


# ------------------------------------------------------------ what a person reads


def table_rows(document: Json, figure: str) -> Iterator[tuple[str, ...]]:
    """A row a run: labels, split, validation, test, their difference, and test judged by ``asked``."""
    for cell in document["cells"]:
        parts = (cell[part][figure] for part in ("validation", "test", "optimism", "test_asked"))
        yield (f"{cell['labels']}, {_words(shared=cell['shared'])}", *map(_shown, parts))


def _shown(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def conclusions(document: Json) -> list[str]:
    """What the table says, in sentences."""
    cells = {(cell["labels"], cell["shared"]): cell for cell in document["cells"]}
    return [*_leak(cells), *_policies(cells)]


def _leak(cells: Mapping[tuple[str, bool], Json]) -> Sequence[str]:
    sentences = []
    for shared in (True, False):
        gap = cells["asked", shared]["optimism"]["auc_macro"]
        if gap["value"] is None or gap["low"] is None:
            continue
        beyond = "more than chance" if gap["low"] > 0 or gap["high"] < 0 else "within what chance gives"
        sentences.append(
            f"Validation on {_words(shared=shared)}: mean AUC {gap['value']:+.3f} against the test split, {beyond}."
        )
    return sentences


def _policies(cells: Mapping[tuple[str, bool], Json]) -> Sequence[str]:
    gap = {labels: cells[labels, False]["test_asked"]["auc_macro"]["value"] for labels in POLICIES}
    if None in gap.values():
        return []
    return [
        (
            f"On the same test labels (asked), learning the labels asked gives a mean AUC of {gap['asked']:.3f}, "
            f"learning the labels report {gap['report']:.3f}."
        )
    ]
