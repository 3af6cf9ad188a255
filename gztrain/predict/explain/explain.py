"""``gztrain explain``: where the network looks on some galaxies, and how steady its answers are."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gzcore.console.stages import OnStage, silent
from gzcore.errors import UsageError
from gzcore.images import Pixels
from gzcore.storage.atomic import write_output
from gztrain.data.dataset import Scheme
from gztrain.data.labels import Doubles, Floats, chosen_answers, classes
from gztrain.predict.catalogue.asked import chances
from gztrain.predict.catalogue.votes import shares_of
from gztrain.predict.explain import steady
from gztrain.predict.explain.overlay import share_in_the_middle
from gztrain.predict.explain.page import Shown, View, explain_page
from gztrain.predict.galaxies import Counts, some_galaxies
from gztrain.predict.images import cut_of
from gztrain.runs.folder import Json, Run, open_run

MOST = 64
"""Galaxies that are looked at in one go."""
_LIKELY = 0.5
"""A galaxy's page shows the questions that at least this share of the volunteers would be asked."""


class Heat(Protocol):
    """A way to see where a network looks."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def by_answer(self) -> bool:
        """Whether each answer has a map of its own."""

    def heat(self, images: Pixels, answers: Floats) -> Floats:
        """float32 [Q, N, H, W], or [1, N, H, W] for all answers; ``answers`` is float32 [Q, N, L]."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What a network says of N galaxies, and of their copies.

    Attributes:
        probabilities: float32 [N, L].
        turned: of the turned and mirrored copies, one float32 [N, L] each.
        shifted: of the shifted copies.
        blanked: of copies whose surroundings are blanked, one for each radius.
        patches: of copies with one patch blanked, row by row; empty if they were left out.
    """

    probabilities: Floats
    turned: list[Floats]
    shifted: list[Floats]
    blanked: list[Floats]
    patches: list[Floats]


def explain(  # noqa: PLR0913 -- what the command takes
    run: Path,
    places: Sequence[Path] = (),
    *,
    html: Path | None = None,
    number: int = 12,
    questions: Sequence[str] = (),
    patches: bool = True,
    resize: bool = False,
    progress: OnStage = silent,
) -> Json:
    """Look at some galaxies, at changed copies of them, and at where the network looks.

    Args:
        run: run folder.
        places: images and folders of images, or one dataset folder; none: the data set of the run.
        html: page to write.
        number: how many galaxies, at most 64; they are spread evenly over those that there are.
        questions: names of those to show; none: all.
        patches: also blank patch after patch, which is most of the work.
        resize: bring images of another size than those of the training to that size.
        progress: told what is being done.

    Returns:
        ``method``, the kind of heat maps, or None; ``steadiness`` of each question, see
        :class:`gztrain.predict.explain.steady.Steadiness`; ``galaxies``, each with ``id`` and its ``answers``;
        ``unusable`` and ``other_size``, counts of image files.

    Raises:
        UsageError: a question is unknown, or a place is not there.
        GzError: the run has no model, or there is no galaxy that can be used.
    """
    chosen, counts = open_run(run), Counts()
    shown = _questions(chosen.scheme, questions)
    names, images = some_galaxies(chosen, places, min(number, MOST), cut_of(chosen, resize=resize), counts)
    model = chosen.model()
    looked = _look(model.predict_on_batch, images, progress, patches=patches)
    heat = open_heat(model)
    views = _views(chosen.scheme, shown, looked, images, heat)
    document = {
        "method": None if heat is None else heat.name,
        "steadiness": {chosen.scheme.questions[place].name: asdict(_steady(chosen, looked, place)) for place in shown},
        "galaxies": [
            {"id": name, "answers": {view.question: view.document() for view in views[row]}}
            for row, name in enumerate(names)
        ],
        "unusable": counts.unusable,
        "other_size": counts.other_size,
    }
    if html is not None:
        pairs = zip(names, images, views, strict=True)
        galaxies = [Shown(name, image, [view for view in seen if view.likely]) for name, image, seen in pairs]
        write_output(html, explain_page(chosen, document, heat, galaxies).encode())
    return document


def open_heat(model: Any) -> Heat | None:  # noqa: ANN401 -- a keras.Model
    """The way to see where a model looks; None for an ensemble in one model.

    Attention rollout for a transformer whose tokens stay a square of patches, else Grad-CAM.
    """
    import keras

    from gztrain.models.body import unpack
    from gztrain.predict.explain.grad_cam import cut_at_maps
    from gztrain.predict.explain.rollout import is_square_of_patches, open_attention

    if not any(isinstance(layer, keras.Model) and layer.name == "body" for layer in model.layers):
        return None
    return open_attention(model) if is_square_of_patches(unpack(model).body) else cut_at_maps(model)


def _questions(scheme: Scheme, names: Sequence[str]) -> list[int]:
    known = [question.name for question in scheme.questions]
    for name in names:
        if name not in known:
            raise UsageError(f"The run answers no question {name!r}; its questions are {', '.join(known)}.")
    return [place for place, name in enumerate(known) if not names or name in names]


def _look(classify: Callable[[Pixels], Any], images: Pixels, progress: OnStage, *, patches: bool) -> Looked:
    """Give the network the galaxies and all copies of them."""
    cells = [(row, column) for row in range(steady.GRID) for column in range(steady.GRID)] if patches else []
    total, done = 12 + len(steady.RADII) + len(cells), 0

    def say(copy: Pixels) -> Floats:
        nonlocal done
        done += 1
        progress("Looking at changed copies", done, total)
        return np.asarray(classify(copy), np.float32)

    return Looked(
        say(images),
        [say(copy) for copy in steady.turned(images)],
        [say(copy) for copy in steady.shifted(images)],
        [say(steady.without_surroundings(images, radius)) for radius in steady.RADII],
        [say(steady.without_patch(images, *cell)) for cell in cells],
    )


def _steady(run: Run, looked: Looked, place: int) -> steady.Steadiness:
    before, turned, shifted, blanked = (
        [shares_of(copy, run.scheme, place) for copy in copies]
        for copies in ([looked.probabilities], looked.turned, looked.shifted, looked.blanked)
    )
    return steady.steadiness(before[0], turned, shifted, blanked)


def _views(scheme: Scheme, shown: list[int], looked: Looked, images: Pixels, heat: Heat | None) -> list[list[View]]:
    """For each galaxy, one view for each question."""
    shares = [shares_of(looked.probabilities, scheme, place) for place in range(len(scheme.questions))]
    answers = [chosen_answers(looked.probabilities[:, scheme.blocks[place]]) for place in shown]
    weights = np.stack([_weights(scheme, place, answer) for place, answer in zip(shown, answers, strict=True)])
    maps = None if heat is None else heat.heat(images, weights)
    asked = _asked(scheme, shares)
    views: list[list[View]] = [[] for _ in images]
    for at, (place, answer) in enumerate(zip(shown, answers, strict=True)):
        drops = _drops(scheme, looked, place, answer)
        for row in range(len(images)):
            name = classes(scheme.questions[place])[answer[row]]
            own = None if maps is None else maps[at if len(maps) > 1 else 0, row]
            chance = float(_share(shares[place], answer)[row])
            question = scheme.questions[place]
            likely = not asked[place][row] < _LIKELY  # true for NaN: not known
            drop = None if drops is None else drops[row]
            views[row].append(View(question.name, question.title, name, chance, likely, own, drop, _middle(own, heat)))
    return views


def _middle(own: Floats | None, heat: Heat | None) -> float | None:
    return None if own is None or heat is None else share_in_the_middle(own)


def _weights(scheme: Scheme, place: int, answer: Any) -> Floats:  # noqa: ANN401 -- int64 [N]
    """Weights of the labels that stand for the chosen answers: float32 [N, L]."""
    block = scheme.blocks[place]
    weights = np.zeros((len(answer), len(scheme.names)), np.float32)
    used = block.stop - block.start
    rows = np.arange(len(answer))
    twin = answer >= used  # the other answer of a question with one label
    weights[rows, block.start + np.minimum(answer, used - 1)] = np.where(twin, -1, 1)
    return weights


def _share(shares: Doubles, answer: Any) -> Doubles:  # noqa: ANN401 -- int64 [N]
    """Share of the chosen answer of each galaxy."""
    if shares.shape[1] == 1:
        return np.where(answer == 0, shares[:, 0], 1 - shares[:, 0])
    return np.asarray(shares[np.arange(len(shares)), answer])


def _asked(scheme: Scheme, shares: Sequence[Doubles]) -> list[Doubles]:
    fractions = {
        (question.name, answer): column
        for question, of_question in zip(scheme.questions, shares, strict=True)
        for answer, column in zip(classes(question), of_question.T, strict=False)
    }
    return chances(scheme.questions, fractions, len(shares[0]))


def _drops(scheme: Scheme, looked: Looked, place: int, answer: Any) -> Floats | None:  # noqa: ANN401 -- int64 [N]
    """How much of the answer's share each patch holds: what is lost when it is blanked, float32 [N, 7, 7]."""
    if not looked.patches:
        return None
    before = _share(shares_of(looked.probabilities, scheme, place), answer)
    after = np.stack([_share(shares_of(copy, scheme, place), answer) for copy in looked.patches], axis=1)
    return (before[:, None] - after).reshape(-1, steady.GRID, steady.GRID).astype(np.float32)
