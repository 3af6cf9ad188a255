"""The file ``catalogue.npz`` of a run folder: what was learned for a catalogue. It is not trusted, like every file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from gzcore.storage.atomic import appearing, writing
from gzcore.storage.documents import fit
from gztrain.data.dataset import Scheme
from gztrain.predict.catalogue.doubt import Familiar
from gztrain.predict.catalogue.intervals import LEVEL, Scaling
from gztrain.predict.catalogue.picture import LOOK, STATISTICS
from gztrain.predict.embeddings.search import Axes
from gztrain.runs.arrays import DAMAGE, read_arrays
from gztrain.runs.folder import Json

FORMAT = 1
NAME = "catalogue.npz"
_KEY = "told"
_ARRAYS = ("mean", "axes", "spread", "points", "usual")
"""Names of the arrays of a :class:`Familiar`."""
_PICTURE = "picture_"
"""Begins the names of the arrays about pictures. A file of an older version has none of them."""
_STEEPEST = 100.0
_DAMAGES = (*DAMAGE, KeyError, TypeError, IndexError, AttributeError, RecursionError)
"""What a damaged file may raise, and arrays and JSON that are not what they should be."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a run needs to make a catalogue.

    Attributes:
        scalings: one for each question; None where votes follow from concentrations by formula.
        familiar: what the training set looks like; None where the model has no features.
        usual: how many volunteers see a galaxy: the median over the validation fold.
        told: what the catalogue says about it: level, number of galaxies, coverage.
        picture: what pictures of the training set look like; None where an older version wrote the file, or where
            images are too small.
    """

    scalings: tuple[Scaling, ...] | None
    familiar: Familiar | None
    usual: float
    told: Json
    picture: Familiar | None = None


def write_fitted(path: Path, fitted: Fitted) -> None:
    """Keep it in the run folder."""
    arrays: dict[str, Any] = {_KEY: np.frombuffer(json.dumps(fitted.told).encode(), np.uint8)}
    for place, scaling in enumerate(fitted.scalings or ()):
        numbers = np.array([scaling.slope, scaling.galaxies])
        arrays |= {f"q{place}": numbers, f"q{place}_shifts": scaling.shifts, f"q{place}_reach": scaling.reach}
    for prefix, familiar in (("", fitted.familiar), (_PICTURE, fitted.picture)):
        if familiar is not None:
            axes = familiar.axes
            kept = (axes.mean, axes.axes, axes.spread, familiar.points, familiar.usual)
            arrays |= {prefix + name: array for name, array in zip(_ARRAYS, kept, strict=True)}
    with writing(path.parent), appearing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_fitted(path: Path, model: str, scheme: Scheme) -> Fitted | None:
    """Read what was learned for a run.

    Args:
        path: the file.
        model: SHA-256 of the run's model.
        scheme: the run's questions.

    Returns:
        None where the file is not there, is damaged, or belongs to another model: then it is learned again.
    """
    try:
        arrays = read_arrays(path)
        told = json.loads(arrays[_KEY].tobytes())  # it may hold NaN
        known = fit(_Told, told)
        if (known.format, known.model, known.level) != (FORMAT, model, LEVEL):
            return None
        familiar, picture = _read_familiar(arrays, ""), _read_familiar(arrays, _PICTURE)
        fitted = Fitted(_read_scalings(arrays), familiar, known.usual_votes, told, picture)
        return fitted if _fits(fitted, scheme) else None
    except _DAMAGES:
        return None


class _Coverage(BaseModel):
    held: Annotated[float, Field(ge=0, le=1)] | None
    votes: Annotated[int, Field(ge=0)]
    galaxies: Annotated[int, Field(ge=0)]


class _Told(BaseModel):
    """What is told of the intervals, as far as it is used."""

    format: int
    model: str
    level: float
    method: Literal["dirichlet", "conformal"]
    usual_votes: float
    coverage: _Coverage | None


def _fits(fitted: Fitted, scheme: Scheme) -> bool:
    """Whether the arrays have the sizes that the questions and each other ask for."""
    sizes = [(block.stop - block.start,) for block in scheme.fraction_blocks]
    fit = all(
        [array.shape for array in arrays] == sizes
        for arrays in zip(*((scaling.shifts, scaling.reach) for scaling in fitted.scalings or ()), strict=True)
    )
    by_formula = fitted.told["method"] == "dirichlet"
    fit = fit and by_formula == (fitted.scalings is None) and all(map(_is_usual, fitted.scalings or ()))
    fit = fit and (fitted.picture is None or _is_this_look(fitted.picture, fitted.told))
    return fit and all(one is None or _is_whole(one) for one in (fitted.familiar, fitted.picture))


def _is_this_look(picture: Familiar, told: Json) -> bool:
    """Whether pictures were measured as they are now; an older version wrote True."""
    return told.get("pictures") == LOOK and picture.axes.mean.shape == (STATISTICS,)


def _is_usual(scaling: Scaling) -> bool:
    """Whether a scaling can have been fitted: its numbers stay small under the prior."""
    return abs(scaling.slope) < _STEEPEST and not bool((np.abs(scaling.shifts) > _STEEPEST).any())


def _is_whole(familiar: Familiar) -> bool:
    axes, points = familiar.axes, familiar.points
    width, kept = axes.axes.shape if axes.axes.ndim == 2 else (-1, -1)
    sized = axes.mean.shape == (width,) and axes.spread.shape == (kept,) and points.shape == (len(points), kept)
    numbers = (axes.mean, axes.axes, axes.spread, points, familiar.usual)
    return sized and len(points) > 0 and familiar.usual.ndim == 1 and all(np.isfinite(one).all() for one in numbers)


def _read_scalings(arrays: Mapping[str, Any]) -> tuple[Scaling, ...] | None:
    count = sum(f"q{place}" in arrays for place in range(len(arrays)))
    found = (
        Scaling(float(arrays[f"q{n}"][0]), arrays[f"q{n}_shifts"], arrays[f"q{n}_reach"], int(arrays[f"q{n}"][1]))
        for n in range(count)
    )
    return tuple(found) or None


def _read_familiar(arrays: Mapping[str, Any], prefix: str) -> Familiar | None:
    if f"{prefix}points" not in arrays:
        return None
    mean, axes, spread, points, usual = (arrays[prefix + name] for name in _ARRAYS)
    return Familiar(Axes(mean, axes, spread), points, usual)
