"""The page of ``gztrain explain``: one file, without a request to a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gzcore.console.colours import data_address
from gzcore.console.page import render
from gzcore.images import Pixels
from gztrain.data.labels import Floats
from gztrain.predict.explain.overlay import heated, picture
from gztrain.predict.explain.steady import RADII
from gztrain.runs.folder import Json, Run

_NO_HEAT = "no part makes this answer more probable, or the network is too sure of it to tell"
_LEAST_DROP = 0.05
"""A patch that holds less than this of an answer is not shown in the hottest colour."""
STEADY, UNSTEADY = 0.1, 0.3
"""Scores below the first are steady, those above the second are not."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, eq=False)
class View:
    """One answer for one galaxy.

    Attributes:
        question: its name.
        title: the question as a person asks it.
        answer: the one that the network gives.
        share: its share, 0 to 1.
        likely: whether a volunteer would probably be asked.
        heat: float32 [H, W], 0 or more; None where there is none.
        drops: what is lost of the share where a patch is blanked, float32 [7, 7]; None if that was left out.
        middle: share of the heat in the middle; None where there is no heat.
    """

    question: str
    title: str
    answer: str
    share: float
    likely: bool
    heat: Floats | None
    drops: Floats | None
    middle: float | None

    def document(self) -> Json:
        """What ``--json`` says of it."""
        drop = None if self.drops is None else float(self.drops.max())
        at = None if self.drops is None else [int(place) for place in np.unravel_index(self.drops.argmax(), (7, 7))]
        return {
            "answer": self.answer,
            "share": round(self.share, 4),
            "heat_in_the_middle": None if self.middle is None else round(self.middle, 4),
            "largest_drop": None if drop is None else round(drop, 4),
            "patch": at,
        }


@dataclass(frozen=True, eq=False)
class Shown:
    """A galaxy on the page: its id, its crop and its views."""

    id: str
    image: Pixels
    views: Sequence[View]


def explain_page(run: Run, document: Json, heat: _Named | None, galaxies: Sequence[Shown]) -> str:
    """The page.

    Args:
        run: the run.
        document: what the command found.
        heat: how the heat maps were made; None: there are none.
        galaxies: those to show.
    """
    titles = {question.name: question.title for question in run.scheme.questions}
    return render(
        __package__,
        "explain.html",
        title=f"What the network {run.config.model.name} looks at",
        run=run.folder.root.name,
        method=None if heat is None else heat.name,
        radii=[f"{100 * radius:.0f} %" for radius in RADII],
        rows=[_row(titles[name], found) for name, found in document["steadiness"].items()],
        galaxies=[_galaxy(galaxy, heat) for galaxy in galaxies],
        patches=any(view.drops is not None for galaxy in galaxies for view in galaxy.views),
    )


def verdict(score: float | None, others: float | None) -> str:
    """A score of steadiness in a word.

    Args:
        score: of the answers to a question; None: there is nothing to measure it by.
        others: how much two different galaxies differ; None: there is one galaxy alone.
    """
    if score is None:
        return "no other galaxy to compare with" if others is None else "the same answer for all"
    return "steady" if score < STEADY else "fair" if score <= UNSTEADY else "unsteady"


def _row(title: str, found: Json) -> Json:
    keys = ("turned", "shifted", "others", "flipped")
    percent = {key: "" if found[key] is None else f"{100 * found[key]:.1f} %" for key in keys}
    blanked = [f"{100 * value:.1f} %" for value in found["blanked"].values()]
    score = "" if found["score"] is None else f"{found['score']:.2f}"
    return {
        "title": title,
        "score": score,
        "verdict": verdict(found["score"], found["others"]),
        "blanked": blanked,
        **percent,
    }


def _galaxy(galaxy: Shown, heat: _Named | None) -> Json:
    views = [_view(galaxy.image, view, by_answer=getattr(heat, "by_answer", False)) for view in galaxy.views]
    common = None
    if heat is not None and not getattr(heat, "by_answer", False) and galaxy.views:
        common = _spread(galaxy.image, galaxy.views[0].heat)
    return {"id": galaxy.id, "picture": _address(picture(galaxy.image)), "views": views, "common": common}


def _spread(image: Pixels, heat: Floats | None) -> Json | None:
    """A map that is the same for all answers, between its least and its largest value."""
    if heat is None:
        return None
    low, high = float(heat.min()), float(heat.max())
    scaled = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    return {"picture": _address(heated(image, scaled)), "most": f"{high / max(float(heat.mean()), 1e-9):.1f}"}


def _view(image: Pixels, view: View, *, by_answer: bool) -> Json:
    shown: dict[str, Any] = {
        "title": view.title,
        "answer": view.answer,
        "share": f"{100 * view.share:.0f} %",
        "heat": None,
        "heat_note": "",
        "drops": None,
        "drop_note": "",
    }
    if by_answer and view.heat is not None:
        most = float(view.heat.max())
        shown["heat"] = _address(heated(image, view.heat / most if most > 0 else view.heat))
        shown["heat_note"] = _NO_HEAT if view.middle is None else f"{100 * view.middle:.0f} % in the middle"
    if view.drops is not None:
        most = float(view.drops.max())
        shown["drops"] = _address(heated(image, np.clip(view.drops / max(most, _LEAST_DROP), 0, 1)))
        shown["drop_note"] = f"at most {100 * most:.0f} points" if most >= 0.005 else "no patch matters"
    return shown


def _address(jpeg: bytes) -> str:
    return data_address(jpeg, "image/jpeg")
