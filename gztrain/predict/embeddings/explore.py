"""``gztrain similar``, ``outliers`` and ``map``: what a file of embeddings shows, as numbers and as pages."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.errors import GzError, UsageError
from gzcore.hashing import identity_hash
from gzcore.storage.atomic import write_output
from gztrain.data.labels import Floats
from gztrain.predict.embeddings.appearance import appearance, combined, oddness
from gztrain.predict.embeddings.file import Embeddings
from gztrain.predict.embeddings.pages import Point, Tile, map_page, sheet_page
from gztrain.predict.embeddings.search import find_axes, nearest, strangeness

Json = dict[str, Any]
MOST_TILES = 500
"""Galaxies on a sheet."""
MOST_POINTS = 3_000
"""Thumbnails on a map; of a larger file so many are chosen, one a cell of a grid."""


def similar(  # noqa: PLR0913 -- what the command takes
    path: Path,
    *,
    name: str | None = None,
    image: Path | None = None,
    number: int = 24,
    html: Path | None = None,
    run: Path | None = None,
) -> Json:
    """Find the galaxies that are most like one.

    Args:
        path: file of embeddings.
        name: id of a galaxy of the file; or
        image: an image file, which the run of the embeddings is given.
        number: how many to find.
        html: page to write.
        run: the run folder, if it has moved.

    Returns:
        ``of``, the id or the path; ``nearest``, a list of ``id`` and ``distance``, the nearest first.

    Raises:
        UsageError: neither an id nor an image is given, or the id is not in the file.
    """
    if (name is None) == (image is None):
        raise UsageError("Name a galaxy of the file with --id, or an image with --image; one of them.")
    with Embeddings(path) as file:
        axes = find_axes(file.features())
        wanted, picture, own = _wanted(file, name, image, run)
        places, distances = nearest(file, axes, wanted, number + 1)
        pairs = [(int(place), float(far)) for place, far in zip(places[0], distances[0], strict=True) if place != own]
        rows = file.rows([place for place, _ in pairs[:number]])
    found = [{"id": row["id"], "distance": round(far, 4)} for row, (_, far) in zip(rows, pairs, strict=False)]
    if html is not None:
        tiles = [_tile(row, f"distance {entry['distance']:.2f}") for row, entry in zip(rows, found, strict=True)]
        first = Tile(name or str(image), "this galaxy", picture)
        write_output(html, sheet_page(f"Galaxies like {first.id}", _SIMILAR, [first, *tiles]).encode())
    return {"of": name or str(image), "nearest": found}


_SIMILAR = (
    "The galaxy that was asked for, then those that the network sees as most like it, the nearest first. A distance is "
    "measured between features that were scaled to variance 1."
)


def _wanted(
    file: Embeddings, name: str | None, image: Path | None, run: Path | None
) -> tuple[Floats, bytes | None, int | None]:
    """Features, thumbnail and place in the file of the galaxy that is asked for."""
    if image is not None:
        from gztrain.predict.embeddings.embed import embed_image

        features, picture = embed_image(run or Path(file.origin.run), image, file.origin)
        return features, picture, None
    ids = file.ids()
    if name not in ids:
        raise UsageError(f"There is no galaxy {name!r} in {file.path}; ids look like {ids[0]!r}.")
    place = ids.index(name)
    (row,) = file.rows([place])
    return np.asarray([row["features"]], np.float32), row["thumbnail"], place


def _tile(row: Json, note: str) -> Tile:
    return Tile(row["id"], note, row["thumbnail"])


def unlikeness(file: Embeddings) -> npt.NDArray[np.float64]:
    """How unlike all others each row is, to the network and in its picture; float64 [N]."""
    looks = np.array([appearance(picture or b"") for picture in file.thumbnails()])
    return combined(strangeness(file, find_axes(file.features())), oddness(looks))


def outliers(path: Path, *, number: int = 48, html: Path | None = None) -> Json:
    """Order galaxies by how unlike all others they are.

    Args:
        path: file of embeddings.
        number: how many to give.
        html: page to write.

    Returns:
        ``galaxies``, how many there are; ``strangest``, a list of ``id``, ``distance`` (0: usual in
        everything; 1: as far out in everything as one galaxy of ten) and ``share``, the share of galaxies that are as
        strange or stranger.
    """
    with Embeddings(path) as file:
        if len(file) < 3:
            raise GzError(f"{path} has {len(file)} galaxies; three are needed to tell which is strange.")
        distances = unlikeness(file)
        order = np.argsort(-distances, kind="stable")[: min(number, MOST_TILES)]
        rows = file.rows([int(place) for place in order])
        total = len(file)
    found = [
        {"id": row["id"], "distance": round(float(distances[place]), 4), "share": round((rank + 1) / total, 6)}
        for rank, (row, place) in enumerate(zip(rows, order, strict=True))
    ]
    if html is not None:
        tiles = [_tile(row, f"distance {entry['distance']:.2f}") for row, entry in zip(rows, found, strict=True)]
        write_output(html, sheet_page(f"The strangest of {total:,} galaxies", _STRANGE, tiles).encode())
    return {"galaxies": total, "strangest": found}


_STRANGE = (
    "Galaxies whose features or pictures are far from those of most others, the strangest first. Look for mergers, "
    "rings and lenses here, and for defects of images."
)


def draw_map(path: Path, html: Path, *, umap: bool = False) -> Json:
    """Draw all galaxies in a plane, alike ones close together, as a page that one can zoom.

    Args:
        path: file of embeddings.
        html: page to write.
        umap: use UMAP (McInnes 2018) instead of the first two principal axes.

    Returns:
        ``galaxies``, ``shown``, and ``variance``: the share of the variance that the plane holds, None for UMAP.

    Raises:
        GzError: umap-learn is not installed.
    """
    with Embeddings(path) as file:
        axes = find_axes(file.features())
        plane = _umap(np.concatenate([axes.whiten(chunk) for chunk in file.features()])) if umap else None
        if plane is None:
            plane = np.concatenate([axes.project(chunk)[:, :2] for chunk in file.features()])
        shown = spread_out(plane, file.ids())
        rows = file.rows(shown)
        total = len(file)
    points = [Point(row["id"], *_place(plane, place), row["thumbnail"]) for row, place in zip(rows, shown, strict=True)]
    share = None if umap else float((axes.spread[:2] ** 2).sum() / (axes.spread**2).sum())
    write_output(html, map_page(f"A map of {total:,} galaxies", _how(share), points).encode())
    return {"galaxies": total, "shown": len(points), "variance": share}


def _how(share: float | None) -> str:
    if share is None:
        return (
            "Galaxies that the network sees as alike are close together (UMAP). Distances across the map mean little."
        )
    return f"The two directions in which the features differ most hold {100 * share:.0f} % of their variance."


def _umap(features: Floats) -> Floats:
    try:
        from umap import UMAP  # type: ignore[import-not-found]
    except ImportError:
        raise GzError(
            "--umap needs umap-learn; install it with: pip install umap-learn. Or leave --umap out."
        ) from None
    plane: Floats = UMAP(random_state=0).fit_transform(features)
    return plane


def _place(plane: Floats, place: int) -> tuple[float, float]:
    """Where a galaxy stands, 0 to 1 in both directions."""
    low, high = plane.min(0), plane.max(0)
    x, y = (plane[place] - low) / np.where(high > low, high - low, 1)
    return round(float(x), 4), round(float(y), 4)


def spread_out(plane: Floats, ids: list[str], most: int = MOST_POINTS) -> list[int]:
    """Choose galaxies that cover the plane: one a cell of a grid, as fine as the number allows.

    Args:
        plane: float32 [N, 2].
        ids: of the N galaxies; a hash of them decides which galaxy of a cell is taken.
        most: how many may be chosen.

    Returns:
        Places of the chosen galaxies, in their order.
    """
    if len(plane) <= most:
        return list(range(len(plane)))
    rank = np.array([identity_hash("map", 0, name) for name in ids], np.uint64)
    for side in range(int(np.sqrt(most)) * 4, 0, -1):
        cells = _cells(plane, side)
        order = np.lexsort((rank, cells))
        first: npt.NDArray[np.int64] = order[np.unique(cells[order], return_index=True)[1]]
        if len(first) <= most:
            return sorted(int(place) for place in first)
    return [0]


def _cells(plane: Floats, side: int) -> npt.NDArray[np.int64]:
    low, high = plane.min(0), plane.max(0)
    scaled = (plane - low) / np.where(high > low, high - low, 1)
    grid = np.minimum((scaled * side).astype(np.int64), side - 1)
    cells: npt.NDArray[np.int64] = grid[:, 0] * side + grid[:, 1]
    return cells
