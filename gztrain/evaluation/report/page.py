"""The page: turns the contents of the report into the values that the HTML template shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import simplejpeg

from gzcore.console import page as page_template
from gzcore.console import printable
from gzcore.console.theme import data_address, size_of, to_svg
from gzcore.dataset.tree import Question
from gztrain.evaluation.published import SOURCE
from gztrain.evaluation.report import groups, panel_tables, tables
from gztrain.evaluation.report.drawings import Drawing, Drawn
from gztrain.evaluation.report.formatting import between, listed, percent, rate, whole
from gztrain.evaluation.report.gather import Galaxy, RunReport
from gztrain.evaluation.report.numbers import Mistake
from gztrain.evaluation.report.tables import Matrix, Table

_THUMBNAIL = 128
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot for the template."""

    address: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A wrongly classified galaxy for the template."""

    id: str
    said: str
    truth: str
    probabilities: str
    votes: str
    address: str
    side: int
    alt: str


@dataclass(frozen=True, slots=True)
class QuestionPart:
    """A question of a run for the template."""

    anchor: str
    index: int
    title: str
    sentence: str
    confusion: Matrix | None = None
    labels: Table | None = None
    soft: Matrix | None = None
    votes: Table | None = None
    groups: tuple[Table, ...] = ()
    figures: tuple[Picture, ...] = ()
    wrong: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPart:
    """A run for the template."""

    anchor: str
    title: str
    verdict: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    metrics: Table
    by_question: Table
    by_panel: Table | None
    groups: tuple[Table, ...]
    population: Table | None
    curves: tuple[Picture, ...]
    questions: tuple[QuestionPart, ...]
    absence: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page for the template."""

    title: str
    lead: str
    comparison: Table | None
    runs: tuple[RunPart, ...]
    published: tuple[Table, ...]
    published_notes: tuple[str, ...]
    reading: tuple[str, ...]


def show(drawings: Sequence[Drawing]) -> tuple[Picture, ...]:
    """Convert plots to pictures that follow the reader's light or dark theme."""
    return tuple(_picture(drawing) for drawing in drawings if drawing.shown)


def _picture(drawing: Drawing) -> Picture:
    address = data_address(to_svg(drawing.figure).encode(), "image/svg+xml")
    return Picture(address, *size_of(drawing.figure), drawing.alt, drawing.caption)


def run_part(run: RunReport, drawn: Drawn, number: int) -> RunPart:
    """Convert a run to the values of the template."""
    anchor = f"run-{number}"
    questions = tuple(_question_part(run, place, drawn, anchor) for place in range(len(run.scheme.questions)))
    return RunPart(
        anchor=anchor,
        title=printable(run.name),
        verdict=tuple(run.judged["verdict"].splitlines()),
        facts=tuple((name, printable(value)) for name, value in run.facts),
        metrics=tables.all_metrics(run),
        by_question=tables.by_question(run),
        by_panel=panel_tables.by_panel(run),
        groups=groups.by_columns(run),
        population=groups.by_prevalence(run),
        curves=show(drawn[""]),
        questions=questions,
        absence=printable(run.absence),
    )


def _question_part(run: RunReport, place: int, drawn: Drawn, anchor: str) -> QuestionPart:
    question = run.scheme.questions[place]
    figures, intervals, majority, _ = tables.question_parts(run, question)
    section = partial(QuestionPart, f"{anchor}-q{question.index}", question.index, question.title)
    if not figures["known_questions"]:
        return section("No galaxy of this split has a known answer to this question.")
    wrong = tuple(_shown(run, question, place, mistake) for mistake in run.mistakes[question.name])
    sentence = _sentence(run, question, figures, intervals, majority)
    pictures = show(drawn[question.name])
    return section(
        sentence,
        tables.confusion(figures),
        tables.by_label(run, question),
        tables.soft_confusion(figures),
        panel_tables.by_votes(figures),
        groups.of_question(run, question.name),
        pictures,
        wrong,
    )


def _sentence(run: RunReport, question: Question, figures: Any, intervals: Any, majority: Any) -> str:  # noqa: ANN401 -- JSON
    galaxies, accuracy = figures["known_questions"], figures["accuracy"]
    right = round(accuracy * galaxies)
    bounds = intervals.get("accuracy")
    interval = "" if bounds is None else f" ({between(bounds)})"
    words = (
        f"{whole(right)} of {whole(galaxies)} galaxies are right, an accuracy of {rate(accuracy)}{interval}; "
        f"the commonest answer alone has {rate(majority['accuracy'])}."
    )
    same = [name for name in question.labels if name in run.judged["constant_labels"]]
    return f"{words} The output does not depend on the image." if len(same) == len(question.labels) else words


def _shown(run: RunReport, question: Question, place: int, mistake: Mistake) -> Shown:
    galaxy_id = printable(run.predictions.ids[mistake.row])
    galaxy = run.galaxies.get(run.predictions.ids[mistake.row])
    given = run.predictions.probabilities[mistake.row, run.scheme.blocks[place]]
    probabilities = ", ".join(f"{answer} {rate(float(p))}" for answer, p in zip(question.used, given, strict=True))
    return Shown(
        id=galaxy_id,
        said=mistake.said,
        truth=mistake.truth,
        probabilities=f"probabilities: {probabilities}",
        votes="" if galaxy is None else _votes(run, place, galaxy),
        address="" if galaxy is None else data_address(_jpeg(galaxy.pixels), "image/jpeg"),
        side=_THUMBNAIL,
        alt=f"Galaxy {galaxy_id}: the model says {mistake.said}, volunteers say {mistake.truth}.",
    )


def _votes(run: RunReport, place: int, galaxy: Galaxy) -> str:
    """Vote fractions of a question, and the number of votes."""
    question = run.scheme.questions[place]
    places = run.scheme.fraction_places[run.scheme.fraction_blocks[place]]
    shares = galaxy.fractions[list(places)]
    if not np.isfinite(shares).all():
        return "volunteers were not asked"
    votes = galaxy.votes[question.index]
    of = f"{votes:.0f} votes: " if np.isfinite(votes) else "votes: "
    return of + ", ".join(f"{answer} {percent(float(s))}" for answer, s in zip(question.answers, shares, strict=True))


def _jpeg(pixels: np.ndarray) -> bytes:
    """A thumbnail as JPEG, averaged over whole blocks of pixels; pixels that fill no block are cut off."""
    block = max(1, pixels.shape[0] // _THUMBNAIL)
    side = pixels.shape[0] // block
    blocks = pixels[: side * block, : side * block].reshape(side, block, side, block, 3)
    small = np.ascontiguousarray(blocks.mean(axis=(1, 3)).round().astype(np.uint8))
    return bytes(simplejpeg.encode_jpeg(small, _QUALITY, "RGB", "444"))


def make_page(runs: Sequence[RunReport], parts: Sequence[RunPart]) -> Page:
    """Combine runs into a page."""
    first = runs[0]
    single = len(runs) == 1
    schemes = {run.scheme.name: run.scheme for run in runs}
    published = [
        tables.beside_published(scheme, [run for run in runs if run.scheme.name == scheme.name])
        for scheme in schemes.values()
    ]
    absent = [name for name, table in zip(schemes, published, strict=True) if table is None]
    notes = [f"Source: {SOURCE}.", *_PUBLISHED]
    notes += [f"The published report has no table of scheme {name}." for name in absent]
    return Page(
        title=printable(first.name) if single else f"{len(runs)} runs",
        lead=(
            f"{first.model} on scheme {first.scheme.name}, judged on the {first.split} split"
            if single
            else listed([printable(run.name) for run in runs])
        ),
        comparison=None if single else tables.side_by_side(runs),
        runs=tuple(parts),
        published=tuple(table for table in published if table is not None),
        published_notes=tuple(notes),
        reading=_READING,
    )


_PUBLISHED = (
    """The published report measured its figures in another way. It used other test galaxies. Its counts are means over
    folds. A question of one label was scored on two columns, the label and its twin. A galaxy for which volunteers were
    not asked the question got a random answer. So small differences between its figures and ours mean nothing.""",
    """A row marked as constant belongs to a network that gave (nearly) every galaxy the same answer. This follows from
    its own figures.""",
)
_READING = (
    """The model's answer to a question is the most probable one. In a question of one label, the answer is that label
    if its probability is above 0.5, else the other answer. Accuracy is the share of right answers, binary accuracy the
    share of right labels. A galaxy is left out of a question if volunteers were not asked, or chose an answer that is
    not a label.""",
    """"Commonest answer" is a baseline that gives every galaxy the answer that most training galaxies have.
    "Frequencies alone" gives each label its frequency among the training galaxies as its probability. Both ignore the
    image. A model that is no better than these has learned nothing from the images.""",
    """The intervals in grey are 95 % bootstrap intervals: the galaxies are drawn again with replacement many times, and
    95 % of the resulting values lie in the interval. They do not include how much the result would change if the model
    were trained again.""",
    """The most wrongly classified galaxies are those with the largest difference between the probability of the model's
    answer and that of the volunteers' answer. Galaxies whose votes are tied are left out: chance gave them their label.
    Volunteers make mistakes too, so look at the images.""",
    """"2nd panel" is what a second panel of as many volunteers would score against the first (a uniform prior; its
    interval holds 95 % of such scores). It is what a model can be held to. With few votes a galaxy it is low, and a
    model can be above it. The calibration error is the mean distance between probability and share; a perfectly
    calibrated model stays below the value in grey in 97.5 % of the cases.""",
)


def render(page: Page) -> str:
    """Fill the HTML template; all text is escaped."""
    return page_template.render("gztrain.evaluation.report", "template.html", page=page)
