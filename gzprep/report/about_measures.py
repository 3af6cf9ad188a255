"""The part of the page about faint and bright, small and large, near and far galaxies: their labels, side by side."""

from collections.abc import Iterator, Sequence

import numpy as np

from gzprep.catalogue.measures import KINDS
from gzprep.report import plots
from gzprep.report.by_measure import Grouped, interval, more_than_chance, share
from gzprep.report.figure import Figure, Section, Value, count_of, numbers, plot_picture
from gzprep.report.prevalence import LEVEL
from gzprep.report.study import Study

_PLURAL = {"magnitude": "magnitudes", "size": "sizes", "redshift": "redshifts"}


def measures_section(study: Study) -> Section | None:
    """Build the section; without such columns it is one sentence, and None without labels. Call within ``style()``."""
    if not study.answered:
        return None
    figures = tuple(figure for grouped in study.grouped for figure in _figures(study, grouped))
    return Section("measures", "By magnitude, size and redshift", _lead(study.grouped), figures)


def _lead(grouped: Sequence[Grouped]) -> str:
    absent = [_PLURAL[kind] for kind in KINDS if kind not in {group.kind for group in grouped}]
    if len(absent) == len(KINDS):
        return (
            "The catalogue has no numbers of magnitudes, sizes or redshifts, so labels are not compared by them. "
            "Columns such as petroMag_r, petroR90_r and REDSHIFT are taken from the source's catalogue by gzprep run."
        )
    lead = (
        "Less is seen of faint, small and distant galaxies. Where their labels differ, a model learns the difference."
    )
    return f"{lead} The catalogue has no {' and no '.join(absent)}." if absent else lead


def _figures(study: Study, grouped: Grouped) -> Iterator[Figure]:
    yield _rates(study, grouped)
    if len(study.columns.labels) > 1:
        yield _together(study, grouped)


def _rates(study: Study, grouped: Grouped) -> Figure:
    """Share of each label in every group, with intervals."""
    labels = study.columns.labels
    shares, (low, high) = share(grouped.positive, grouped.known), interval(grouped.positive, grouped.known)
    plot = plots.intervals([study.short(label) for label in labels], _titles(grouped), shares, low, high)
    head = ("column", "group", "galaxies", "label", "known", "positive", "share", "low_95", "high_95")
    rows: list[tuple[Value, ...]] = [
        (
            *_group(grouped, group),
            label,
            int(grouped.known[group, place]),
            int(grouped.positive[group, place]),
            *(float(values[group, place]) for values in (shares, low, high)),
        )
        for group in range(len(grouped.galaxies))
        for place, label in enumerate(labels)
    ]
    return Figure(
        f"by-{grouped.kind}",
        f"Labels by {grouped.kind}",
        f"{_what_differs(study, grouped, shares)} {_which_galaxies(grouped)}",
        numbers(head, rows),
        plots=(plot_picture(plot, f"Share of each label in groups by {grouped.name}, with 95 % intervals."),),
    )


def _group(grouped: Grouped, group: int) -> tuple[Value, ...]:
    return grouped.name, grouped.names[group], int(grouped.galaxies[group])


def _titles(grouped: Grouped) -> list[str]:
    pairs = zip(grouped.names, grouped.galaxies, strict=True)
    return [f"{name} ({int(galaxies):,} galaxies)" for name, galaxies in pairs]


def _what_differs(study: Study, grouped: Grouped, shares: np.ndarray) -> str:
    compared = grouped.drifts(study.columns.labels)
    different = [place for place, drift in enumerate(compared) if drift.p < LEVEL]
    test = f"(Chi-squared test, 5 %, corrected for {count_of(len(compared), 'label')} by Holm's method.)"
    if not different:
        return f"No label differs between the groups by more than chance would give. {test}"
    change = shares[-1, different] - shares[0, different]
    place = different[int(np.argmax(np.abs(np.nan_to_num(change))))]
    first, last = grouped.names[0], grouped.names[-1]
    return (
        f"{len(different)} of {len(compared)} labels differ by more than chance. {test} "
        f"“{study.short(compared[place].label)}” changes most: {shares[0, place]:.2f} of the galaxies with "
        f"{grouped.name} {first} have it, and {shares[-1, place]:.2f} of those with {last}."
    )


def _which_galaxies(grouped: Grouped) -> str:
    told = f"The groups are cut at the quartiles of {grouped.name}."
    if grouped.without:
        told += f" {grouped.without:,} galaxies have no value and are in no group."
    if grouped.others:
        told += f" Not shown: {', '.join(grouped.others)}."
    return told


def _together(study: Study, grouped: Grouped) -> Figure:
    """For two labels, how their coming together changes from the first group to the last."""
    labels = study.columns.labels
    names = [study.short(label) for label in labels]
    groups = range(len(grouped.galaxies))
    shares = [(share(*grouped.together(group)), *interval(*grouped.together(group))) for group in groups]
    rows: list[tuple[Value, ...]] = [
        (
            *_group(grouped, group),
            labels[i],
            labels[j],
            int(grouped.pairs[group, i, i]),
            int(grouped.pairs[group, i, j]),
            *(float(values[i, j]) for values in shares[group]),
        )
        for group in groups
        for i in range(len(labels))
        for j in range(len(labels))
    ]
    head = ("column", "group", "galaxies", "label", "other", "with_label", "with_both", "share", "low_95", "high_95")
    starts = [study.columns.label_slice(question).start for question in study.questions[1:]]
    plot = plots.matrix(shares[-1][0] - shares[0][0], names, starts)
    meaning = (
        "Of the galaxies with the label of a row, the share that also has the label of a column: the last group less "
        "the first. Brown is more, violet is less."
    )
    return Figure(
        f"together-by-{grouped.kind}",
        f"Labels that come together, by {grouped.kind}",
        f"{meaning} {_largest_change(names, grouped)}",
        numbers(head, rows),
        plots=(plot_picture(plot, f"Matrix of labels: change of the share from small to large {grouped.name}."),),
    )


def _largest_change(names: Sequence[str], grouped: Grouped) -> str:
    """The pair that changes most, among those that change by more than chance."""
    first, last = grouped.together(0), grouped.together(-1)
    test = "(z-test, 5 %, corrected for the number of pairs by Bonferroni's method)"
    sure = more_than_chance(first, last, LEVEL)
    if not sure.any():
        return f"No pair changes by more than chance would give {test}."
    before, after = share(*first), share(*last)
    place = int(np.argmax(np.where(sure, np.abs(after - before), -1.0)))
    i, j = divmod(place, len(names))
    return (
        f"{int(sure.sum()):,} pairs change by more than chance {test}. “{names[j]}” among “{names[i]}” changes most: "
        f"{before[i, j]:.2f} to {after[i, j]:.2f}."
    )
