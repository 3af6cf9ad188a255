"""The part of the page about the folder: labels per fold and split, labels together, shards."""

import numpy as np

from gzprep.report import plots
from gzprep.report.figure import Figure, Section, Value, count_of, numbers, plot_picture
from gzprep.report.prevalence import LEVEL, Drift, drifts, groups_of
from gzprep.report.study import Study


def folder_section(study: Study) -> Section:
    """Build the section. Call within ``theme.style()``."""
    labels = [_prevalence(study)] if study.answered else []
    if study.answered and len(study.columns.labels) > 1:
        labels.append(_together(study))
    return Section("folder", "The folder", "What a trainer will find in it.", (*labels, _shards(study)))


def _prevalence(study: Study) -> Figure:
    """Share of each label in folds and test, and which differences are more than chance."""
    groups = groups_of(study.manifest)
    compared = drifts(study.manifest.labels.names, groups)
    shares = {
        name: [drift.positive[place] / (drift.known[place] or np.nan) for drift in compared]
        for place, name in enumerate(groups)
    }
    low, high = _chance_interval(compared)
    names = [study.short(drift.label) for drift in compared]
    head = ["label", "p", *(f"{kind} {name}" for name in groups for kind in ("known", "positive"))]
    rows: list[tuple[Value, ...]] = [
        (drift.label, drift.p, *(count for pair in zip(drift.known, drift.positive, strict=True) for count in pair))
        for drift in compared
    ]
    different = [f"{drift.label} (p = {drift.p:.3g})" for drift in compared if drift.p < LEVEL]
    sentence = (
        f"More than chance: {', '.join(different)}."
        if different
        else "No label differs between the folds and the test set by more than chance would give."
    )
    plot = plots.groups(names, shares, low, high)
    return Figure(
        "drift",
        "Labels per fold and split",
        f"{sentence} (Chi-squared test, 5 %, corrected for {count_of(len(compared), 'label')} by Holm's method.)",
        numbers(head, rows),
        plots=(plot_picture(plot, "Share of each label in every fold and in test."),),
    )


def _chance_interval(compared: list[Drift]) -> tuple[np.ndarray, np.ndarray]:
    """Where 95 % of groups of the median size lie, if the share is the same everywhere (normal approximation)."""
    known = np.array([drift.known for drift in compared], float)
    positive = np.array([drift.positive for drift in compared], float)
    share = positive.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    spread = 1.96 * np.sqrt(share * (1 - share) / np.maximum(np.median(known, axis=1), 1))
    return np.clip(share - spread, 0, 1), np.clip(share + spread, 0, 1)


def _together(study: Study) -> Figure:
    """For each label, the share of its galaxies that have every other label."""
    pairs = study.together.pairs
    counts = np.diag(pairs)
    shares = np.divide(pairs, counts[:, None], out=np.full(pairs.shape, np.nan), where=counts[:, None] > 0)
    labels = study.columns.labels
    names = [study.short(label) for label in labels]
    rows = [
        (labels[i], labels[j], int(pairs[i, j]), float(shares[i, j]))
        for i in range(len(labels))
        for j in range(len(labels))
    ]
    starts = [study.columns.label_slice(question).start for question in study.questions[1:]]
    plot = plots.shares(shares, names, starts)
    return Figure(
        "together",
        "Labels that come together",
        "Of the galaxies with the label of a row, the share that also has the label of a column. Colour shows it, "
        "from 0 "
        "(pale) to 1 (dark); the diagonal is 1.",
        numbers(("label", "other", "galaxies with both", "share of label"), rows),
        plots=(plot_picture(plot, "Matrix of labels: share of the row's galaxies that have the column's label."),),
    )


def _shards(study: Study) -> Figure:
    """Files of each split, with their records and sizes."""
    splits = study.document["splits"]
    rows = [
        (name, len(split["shards"]), split["records"], split["bytes"], split["bytes"] / max(split["records"], 1))
        for name, split in splits.items()
    ]
    total = sum(row[3] for row in rows)
    sentence = (
        f"{sum(row[1] for row in rows):,} files hold {sum(row[2] for row in rows):,} records in {total / 1e6:,.1f} MB."
    )
    head = ("split", "files", "records", "bytes", "bytes a record")
    return Figure("shards", "Shards", sentence, numbers(head, rows, digits=0), tabled=True)
