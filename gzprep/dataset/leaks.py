"""Leaks: one galaxy under two ids, in train and in test or in two folds. It makes figures look better than they are.

Two ids are taken for one galaxy if their image files have the same bytes, or if their positions are at most 2 arcsec
apart. Rejected galaxies are in no shard and are left out. The counts are exact. For each galaxy one partner is looked
for, never all of them: so memory grows with the number of galaxies only, however many of them are in one place.

Positions are compared as points on the unit sphere, so right ascension may wrap at 0/360 degrees and poles need no
special case. SciPy's k-d tree is in the base install; astropy, which also compares positions, is not.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gzcore.dataset.layout import TEST_FOLD

Json = dict[str, Any]
Indexes = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]

RADIUS = 2.0
"""Arcseconds: galaxies this close, or closer, are taken for one."""
EXAMPLES = 5
"""Pairs of ids that are shown at most."""
COLUMNS = pa.schema(
    [
        ("id_str", pa.string()),
        ("fold", pa.int8()),
        ("verdict", pa.string()),
        ("image_digest", pa.string()),
        ("ra", pa.float64()),
        ("dec", pa.float64()),
    ]
)
"""What of ``catalogue.parquet`` is compared."""
CHORD = 2 * math.sin(math.radians(RADIUS / 3600) / 2) * (1 + 1e-9)
"""The radius as the distance of two points on the unit sphere."""
_CELL = 2.02 * CHORD
NO_PARTNER = -1
"""Stands for a galaxy that is not there."""


@dataclass(frozen=True)
class Leaks:
    """Galaxies that are in two places at once.

    Attributes:
        compared: galaxies that could be compared.
        test: test galaxies that are in train as well.
        folds: training galaxies that are in another fold as well.
        examples: pairs of ids, at most ``EXAMPLES``.
    """

    compared: int
    test: int
    folds: int
    examples: list[list[str]]


def find_leaks(table: pa.Table) -> Json:
    """Look for leaks in a data set.

    Args:
        table: the rows of its catalogue, with the columns of ``COLUMNS``.

    Returns:
        ``same_image`` and ``same_position``, each as :class:`Leaks` has it; and ``galaxies``, those in the shards.
    """
    table = table.filter(pc.not_equal(table["verdict"], "rejected")).sort_by("id_str")
    folds = table["fold"].to_numpy().astype(np.int8)
    images, positions = _images(table), _positions(table)
    compared = {"same_image": images >= 0, "same_position": np.isfinite(positions[:, 0])}
    partners = {"same_image": same_image(images, folds), "same_position": same_position(positions, folds)}
    leaks = {name: _describe(table["id_str"], folds, compared[name], partners[name]) for name in partners}
    return {"galaxies": len(table), **{name: asdict(leak) for name, leak in leaks.items()}}


def _describe(ids: pa.ChunkedArray, folds: npt.NDArray[np.int8], compared: Any, partners: Indexes) -> Leaks:  # noqa: ANN401 -- a mask
    leaking = partners != NO_PARTNER
    test, train = (np.flatnonzero(leaking & mask) for mask in (folds == TEST_FOLD, folds != TEST_FOLD))
    examples = list(itertools.islice(_pairs(ids, partners, itertools.chain(test, train)), EXAMPLES))
    return Leaks(int(compared.sum()), len(test), len(train), examples)


def _pairs(ids: pa.ChunkedArray, partners: Indexes, galaxies: Iterable[int]) -> Iterator[list[str]]:
    """Yield the ids of galaxies and of their partners, each pair once."""
    shown = set()
    for index in galaxies:
        pair = ids[int(index)].as_py(), ids[int(partners[index])].as_py()
        if pair[::-1] not in shown:
            shown.add(pair)
            yield list(pair)


def _images(table: pa.Table) -> Indexes:
    """A number for each image: equal for equal digests, -1 where there is none."""
    codes = table["image_digest"].combine_chunks().dictionary_encode().indices
    return np.asarray(pc.fill_null(codes, NO_PARTNER)).astype(np.int64)


def _positions(table: pa.Table) -> Points:
    """Points on the unit sphere, float64 [galaxies, 3]; NaN where a galaxy has no position."""
    ra, dec = (np.asarray(pc.fill_null(table[name], math.nan), np.float64) for name in ("ra", "dec"))
    return on_sphere(ra, dec)


def on_sphere(ra: npt.NDArray[np.float64], dec: npt.NDArray[np.float64]) -> Points:
    """Positions in degrees as points on the unit sphere, float64 [galaxies, 3]; NaN where there is none."""
    dec = np.radians(np.where(np.abs(dec) <= 90, dec, math.nan))
    ra = np.radians(np.where(np.isfinite(ra), ra, math.nan))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec) + 0 * ra], axis=1)


def same_image(images: Indexes, folds: npt.NDArray[np.int8]) -> Indexes:
    """For each test galaxy a training galaxy, for each training galaxy one of another fold, with the same image.

    Args:
        images: a number for each image, -1 where there is none.
        folds: of the same galaxies; -1 in test.

    Returns:
        Their indexes; -1 where there is no such galaxy.
    """
    known = np.flatnonzero(images >= 0)
    train = known[folds[known] != TEST_FOLD]
    first = first_with(images, train)
    other = first_with(images, train[folds[train] != folds[first[images[train]]]])
    partners = np.full(len(images), NO_PARTNER)
    test = known[folds[known] == TEST_FOLD]
    partners[test] = first[images[test]]
    of_first = folds[train] == folds[first[images[train]]]
    partners[train] = np.where(of_first, other[images[train]], first[images[train]])
    return partners


def first_with(images: Indexes, chosen: Indexes) -> Indexes:
    """For each image the first of the chosen galaxies that has it; -1 where none has."""
    first = np.full(images.max(initial=-1) + 1, NO_PARTNER)
    first[images[chosen[::-1]]] = chosen[::-1]
    return first


def same_position(points: Points, folds: npt.NDArray[np.int8]) -> Indexes:
    """The same as :func:`same_image`, of galaxies that are close to each other.

    Args:
        points: on the unit sphere, float64 [galaxies, 3]; NaN where there is no position.
        folds: of the same galaxies; -1 in test.
    """
    partners = np.full(len(points), NO_PARTNER)
    near = near_another(points)
    if not len(near):  # nearly always: SciPy takes 0.2 s to import
        return partners
    test, train = near[folds[near] == TEST_FOLD], near[folds[near] != TEST_FOLD]
    partners[test] = _nearest(points, test, train)
    for fold in np.unique(folds[train]):
        others = train[folds[train] != fold]
        others = others[partners[others] == NO_PARTNER]
        partners[others] = _nearest(points, others, train[folds[train] == fold])
    return partners


def near_another(points: Points) -> Indexes:
    """Galaxies that may have another within the radius: all that do, and a few that do not.

    Two points within the radius share a cell in at least one of eight grids that are half a cell apart.
    """
    known = np.flatnonzero(np.isfinite(points[:, 0]))
    cells, near = (points[known] + 1) / _CELL, np.zeros(len(known), bool)
    for shift in itertools.product((0.0, 0.5), repeat=3):
        x, y, z = np.floor(cells + shift).astype(np.int64).T
        _, cell, counts = np.unique((x << 40) + (y << 20) + z, return_inverse=True, return_counts=True)
        near |= counts[cell] > 1
    return known[near]


def _nearest(points: Points, galaxies: Indexes, among: Indexes) -> Indexes:
    """The nearest of some galaxies to each of others; -1 where it is beyond the radius."""
    if not len(galaxies) or not len(among):
        return np.full(len(galaxies), NO_PARTNER)
    from scipy.spatial import cKDTree

    distinct, first = np.unique(points[among], axis=0, return_index=True)  # a tree of equal points would be slow
    distances, at = cKDTree(distinct).query(points[galaxies], distance_upper_bound=CHORD)
    found = np.isfinite(distances)
    return np.where(found, among[first[np.where(found, at, 0)]], NO_PARTNER)


# ---------------------------------------------------------------- in words

_WORDS = {
    "same_image": ("the same image file", "Images"),
    "same_position": (f"a position at most {RADIUS:g} arcsec away", "Positions"),
}


def leak_sentences(leaks: Json) -> list[str]:
    """What a person should know of the leaks of a data set; what could not be compared is told as well."""
    lines = [line for name in _WORDS for line in _sentences(name, leaks[name], leaks["galaxies"])]
    return lines or ["No galaxy is in train and in test, or in two folds, by its image or its position."]


def _sentences(name: str, leak: Json, galaxies: int) -> list[str]:
    words, subject = _WORDS[name]
    lines = []
    if leak["test"]:
        lines.append(f"Of the test galaxies, {leak['test']} share {words} with a training galaxy.")
    if leak["folds"]:
        lines.append(f"Of the training galaxies, {leak['folds']} share {words} with a galaxy of another fold.")
    if leak["examples"]:
        lines.append("For example: " + ", ".join(f"{one} and {other}" for one, other in leak["examples"]) + ".")
    if leak["compared"] < galaxies:
        missing = galaxies - leak["compared"]
        lines.append(f"{subject} of {missing} of {galaxies} galaxies are not known and were not compared.")
    return lines
