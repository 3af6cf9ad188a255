"""Galaxies that are one galaxy under several ids: the recipe's ``group_by = "duplicates"``.

Two ids are of one group if their image files have the same bytes, or if their positions are at most 2 arcsec apart; and
so are all that such pairs connect. The launcher finds the groups before anything is made: it reads each row and each
image once. Without the setting nothing is read, and every galaxy is a group of its own.

All galaxies of a group are in the fold of the smallest id. Training galaxies of a group that has a test galaxy are
rejected, whether or not that test galaxy is rejected itself: this is known before any image is judged.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gzcore.errors import GzError
from gzprep.catalogue.galaxy import Galaxy, Rejection, Split
from gzprep.catalogue.names import EXTRAS
from gzprep.dataset.leaks import CHORD, NO_PARTNER, Indexes, Points, first_with, near_another, on_sphere
from gzprep.images.sources import ImageSource, read_images

_RA, _DEC = EXTRAS.index("ra"), EXTRAS.index("dec")
MOST_PAIRS = 20_000_000
"""Pairs of close positions that are looked at; they take 320 MB."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of two or more ids.

    Attributes:
        first: by id, the smallest id of its group: it decides the fold of all of them.
        in_test: by the id of a training galaxy, a test galaxy of its group.
    """

    first: Mapping[str, str] = field(default_factory=dict)
    in_test: Mapping[str, str] = field(default_factory=dict)

    def fold_id(self, galaxy_id: str) -> str:
        """The id that decides the fold of a galaxy: its own, unless it has duplicates."""
        return self.first.get(galaxy_id, galaxy_id)


def find_groups(galaxies: Iterable[Galaxy], images: ImageSource) -> Groups:
    """Find the groups among galaxies.

    Args:
        galaxies: all that will be prepared.
        images: of them.

    Raises:
        GzError: so many positions are the same within 2 arcsec that they cannot be those of galaxies.
    """
    ids, splits, codes, positions = [], [], [], []
    known: dict[str, int] = {}
    for galaxy, digest in _digests(galaxies, images):
        ids.append(galaxy.id)
        splits.append(galaxy.split)
        codes.append(known.setdefault(digest, len(known)) if digest else NO_PARTNER)
        positions.append([_degrees(galaxy.extras[index : index + 1]) for index in (_RA, _DEC)])
    ra, dec = np.array(positions, np.float64).reshape(-1, 2).T
    return groups_of(ids, splits, connected(np.array(codes, np.int64), on_sphere(ra, dec)))


def _digests(galaxies: Iterable[Galaxy], images: ImageSource) -> Iterator[tuple[Galaxy, str]]:
    """Yield galaxies and the digests of their images, empty where there is none."""
    from gzprep.prepare.galaxy import image_digest  # here, for it loads OpenCV

    own, to_read = itertools.tee(galaxies)
    for galaxy, data in zip(own, read_images(to_read, images), strict=True):
        yield galaxy, "" if isinstance(data, Rejection) else image_digest(data)


def _degrees(extra: tuple[str | float | None, ...]) -> float:
    return extra[0] if extra and isinstance(extra[0], float) else math.nan


def connected(images: Indexes, points: Points) -> Indexes:
    """Number the groups of galaxies.

    Args:
        images: a number for each image, -1 where there is none.
        points: positions on the unit sphere, float64 [galaxies, 3]; NaN where there is none.

    Returns:
        The number of each galaxy's group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known = np.flatnonzero(images >= 0)
    pairs = np.concatenate([np.stack([known, first_with(images, known)[images[known]]], axis=1), _close_pairs(points)])
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    groups: Indexes = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _close_pairs(points: Points) -> Indexes:
    """Pairs of galaxies that are close, int64 [pairs, 2]; each galaxy of equal positions is paired with the first."""
    from scipy.spatial import cKDTree

    near = near_another(points)
    distinct, first, which = np.unique(points[near], axis=0, return_index=True, return_inverse=True)
    same = np.stack([near, near[first[which.reshape(-1)]]], axis=1)
    if not len(distinct):
        return same
    tree = cKDTree(distinct)
    count = int(tree.count_neighbors(tree, CHORD))
    if count > MOST_PAIRS:
        raise GzError(
            f"{len(distinct)} positions form {count // 2} pairs at most 2 arcsec apart; those cannot be galaxies. "
            "Correct ra and dec in the catalogue or leave them out, or do not use --group-by duplicates."
        )
    close = tree.query_pairs(CHORD, output_type="ndarray")
    return np.concatenate([same, near[first[close]]])


def groups_of(ids: list[str], splits: list[Split], numbers: Indexes) -> Groups:
    """Turn numbers of groups into what is asked of them.

    Args:
        ids: of the galaxies.
        splits: of the same galaxies.
        numbers: of their groups.
    """
    order = np.argsort(numbers, kind="stable").tolist()
    first: dict[str, str] = {}
    in_test: dict[str, str] = {}
    for _, group in itertools.groupby(order, key=numbers.__getitem__):
        members = sorted(group, key=ids.__getitem__)
        if len(members) > 1:
            first.update((ids[member], ids[members[0]]) for member in members)
            test = [ids[member] for member in members if splits[member] is Split.TEST]
            train = [ids[member] for member in members if splits[member] is Split.TRAIN]
            in_test.update((galaxy, test[0]) for galaxy in train if test)
    return Groups(first, in_test)
