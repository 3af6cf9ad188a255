"""The part of the page about the catalogue: galaxies in and out, votes, questions asked, and the surest galaxies."""

from collections.abc import Iterator

import numpy as np

from gzprep.dataset.read import read_rows
from gzprep.report import plots
from gzprep.report.about_tree import tree_figure
from gzprep.report.confident import Confident
from gzprep.report.figure import Figure, Gallery, Section, Tile, numbers, plot_picture
from gzprep.report.pictures import as_picture, read_frame, thumbnail
from gzprep.report.reach import SURE, UNLIKELY
from gzprep.report.study import Study

_EXAMPLES = 3


def catalogue_section(study: Study) -> Section:
    """Build the section. Call within ``theme.style()``."""
    return Section("catalogue", "The catalogue", _lead(study), tuple(_figures(study)))


def _figures(study: Study) -> Iterator[Figure]:
    if study.answered:
        yield tree_figure(study)
    yield _accounts(study)
    if study.voted:
        yield _votes(study)
    if study.answered:
        yield _asked(study)
        if not study.hard:
            yield _sure(study)
        yield _most_confident(study)


def _lead(study: Study) -> str:
    if not study.answered:
        return "What came in."
    lead = "What came in, and which labels it has." if study.own_labels else "What came in, and what volunteers said."
    if study.hard:
        return f"{lead} Every label is sure: it is 0 or 1, so nothing is shown of votes and of doubt."
    return lead if study.voted else f"{lead} The catalogue has no numbers of votes, so they are not shown."


def _accounts(study: Study) -> Figure:
    """How many galaxies came in, went out, and were rejected for which reason, with examples."""
    counts = study.document["counts"]
    rows = [("all", "in", counts["all"]["in"], ""), ("all", "out", counts["all"]["out"], "")]
    examples = _examples(study)
    for reason, count in sorted(counts["all"]["rejected"].items(), key=lambda entry: -entry[1]):
        rows.append(("rejected", reason.replace("_", " "), count, "; ".join(examples.get(reason, ()))))
    rows += [("flagged", reason.replace("_", " "), count, "") for reason, count in counts["all"]["flagged"].items()]
    rejected = counts["all"]["in"] - counts["all"]["out"]
    share = 100 * rejected / max(counts["all"]["in"], 1)
    sentence = (
        f"{counts['all']['out']:,} of {counts['all']['in']:,} galaxies are in the shards; "
        f"{rejected:,} ({share:.1f} %) were rejected."
    )
    return Figure(
        "galaxies",
        "Galaxies in and out",
        sentence,
        numbers(("kind", "reason", "galaxies", "examples"), rows),
        tabled=True,
    )


def _examples(study: Study) -> dict[str, list[str]]:
    """A few rejected galaxies for every reason."""
    examples: dict[str, list[str]] = {}
    if study.folder.rejects.exists():
        for row in read_rows(study.folder.rejects, ["id", "reason", "detail"]):
            known = examples.setdefault(row["reason"], [])
            if len(known) < _EXAMPLES:
                known.append(f"{row['id']} ({row['detail']})")
    return examples


def _votes(study: Study) -> Figure:
    """A histogram of the total votes of each question."""
    reach = study.reach
    edges = np.arange(reach.votes.shape[1] + 1) - 0.5
    shown = [question for question in study.questions if reach.votes[question.index].sum() > 0]
    heights = {f"Q{question.index} {study.columns.short(question)}": reach.votes[question.index] for question in shown}
    last = int(np.max(np.flatnonzero(reach.votes.sum(axis=0)), initial=10)) + 2
    plot = plots.histogram(
        edges[: last + 1], {name: values[:last] for name, values in heights.items()}, "votes a galaxy", "galaxies"
    )
    means = [
        (name, float(reach.votes_sum[q.index] / reach.votes[q.index].sum()))
        for q, name in zip(shown, heights, strict=True)
    ]
    words = "; ".join(
        f"{name} {mean:.0f}" for name, mean in means[:1] + sorted(means[1:], key=lambda entry: entry[1])[:2]
    )
    rows = [
        (name, votes, int(count)) for name, values in heights.items() for votes, count in enumerate(values) if count
    ]
    return Figure(
        "votes",
        "Votes a galaxy",
        f"The deeper a question stands in the tree, the fewer volunteers reach it. Mean votes: {words}.",
        numbers(("question", "votes", "galaxies"), rows),
        plots=(plot_picture(plot, "Histogram of total votes, one line a question."),),
    )


def _names(study: Study) -> tuple[list[str], list[int]]:
    names = [study.short(column) for column in study.columns.fractions]
    colours = [question.index for question in study.questions for _ in question.answers]
    return names, colours


def _asked(study: Study) -> Figure:
    """Fig 16: share asked, and mean fraction of those asked."""
    names, colours = _names(study)
    reach = study.reach
    asked, mean = reach.asked / max(reach.galaxies, 1), reach.mean_asked()
    filled = reach.mean_zero_filled()
    plot = plots.bars(
        names, {"share of galaxies asked": asked.tolist(), "mean fraction of those asked": mean.tolist()}, colours
    )
    least = int(np.argmin(asked))
    question, share = names[least].split(":")[0], f"{100 * asked[least]:.0f} %"
    sentence = (
        f"Only {share} of galaxies were asked “{question}”. A mean over all galaxies, with 0 for those that were not "
        "asked, mixes the two panels; the CSV file has it, too."
    )
    if study.own_labels:
        sentence = f"The label that the fewest galaxies have is “{question}”: {share} of them have a value."
    if asked[least] == 1:
        sentence = "Every galaxy has an answer to every question."
    rows = list(zip(study.columns.fractions, asked.tolist(), mean.tolist(), filled.tolist(), strict=True))
    return Figure(
        "fig-16",
        "How many have a label, and which" if study.own_labels else "Who is asked, and how sure volunteers are",
        sentence,
        numbers(("fraction", "share_asked", "mean_asked", "mean_zero_filled"), rows),
        plots=(
            plot_picture(plot, "Two panels of bars, one bar an answer: share of galaxies asked; mean vote fraction."),
        ),
    )


def _sure(study: Study) -> Figure:
    """Fig 17: fractions of at least 0.5 and of at most 0.2, among galaxies asked."""
    names, colours = _names(study)
    reach = study.reach
    with np.errstate(invalid="ignore", divide="ignore"):
        sure, unlikely = reach.sure / reach.asked, reach.unlikely / reach.asked
    panels = {
        f"fraction {SURE} or more": sure.tolist(),
        f"fraction {UNLIKELY} or less": unlikely.tolist(),
    }
    between = 1 - np.nan_to_num(sure + unlikely, nan=1.0)
    worst = int(np.argmax(between))
    sentence = (
        "Bars show the share of the galaxies asked. What is in neither panel is undecided. The most undecided answer "
        f"is “{names[worst]}”: {100 * between[worst]:.0f} % of the galaxies asked lie between."
    )
    rows = list(zip(study.columns.fractions, sure.tolist(), unlikely.tolist(), strict=True))
    return Figure(
        "fig-17",
        "Clear yes and clear no",
        sentence,
        numbers(("fraction", "share_0.5_or_more", "share_0.2_or_less"), rows),
        plots=(plot_picture(plots.bars(names, panels, colours), "Two panels of bars, one bar an answer."),),
    )


def _most_confident(study: Study) -> Figure:
    """Fig 15: the galaxies with the largest fraction of every answer, among those with enough votes."""
    rows = []
    galleries = []
    for question in study.questions:
        enough = float(study.confident.threshold[question.index])
        tiles = []
        for answer, column in zip(question.answers, question.columns, strict=True):
            ranked = study.confident.ranked(column)
            rows += [
                (question.name, answer, enough, place + 1, g.id, g.fraction, g.votes) for place, g in enumerate(ranked)
            ]
            tiles += [_tile(study, answer, galaxy) for galaxy in ranked[:1]]
        need = f"at least {enough:.0f} votes" if np.isfinite(enough) else "number of votes not known"
        title = f"Q{question.index} {question.title}"
        galleries.append(Gallery(title if study.hard else f"{title} ({need})", tuple(tiles)))
    sentence = (
        "The galaxy with the largest vote fraction of every answer, among those with at least the mean plus two "
        "standard deviations of the votes of its question. Check that you would say the same."
    )
    if study.hard:
        sentence = "Check that you would say the same."
    head = ("question", "answer", "votes_needed", "rank", "id", "fraction", "votes")
    return Figure(
        "fig-15",
        "One galaxy of every answer" if study.hard else "The galaxies volunteers are surest of",
        sentence,
        numbers(head, rows),
        galleries=tuple(galleries),
    )


def _tile(study: Study, answer: str, galaxy: Confident) -> Tile:
    frame = None if study.images is None else read_frame(study.images, galaxy)
    picture = None if frame is None else as_picture(thumbnail(frame), f"Galaxy {galaxy.id}: {answer}.")
    votes = f"{100 * galaxy.fraction:.0f} % of " + (f"{galaxy.votes:.0f} votes" if galaxy.votes else "the votes")
    return Tile(picture, (answer, galaxy.id) if study.hard else (answer, votes, galaxy.id))
