"""Whether likeness is what one expects: copies of a galaxy are its nearest neighbours, and planted oddities stand out.

Usage: python benchmarks/likeness.py RUN OUT [--galaxies 200] [--one-side]

RUN is a trained run, OUT the dataset folder whose galaxies are looked at. Prints one JSON document:

- ``neighbours``: of so many galaxies, the share whose seven turned and mirrored copies and noisy copy (noise of 3 grey
  levels) are their eight nearest among all galaxies and all copies;
- ``top_share``: of oddities planted into 5 % of the galaxies, the share among the strangest 5 % and 10 %, by kind.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from gzcore.images import Pixels
from gztrain.environment import start_keras

NOISE = 3.0
"""Standard deviation of the noise of a copy, grey levels."""
PLANTED = 0.05
TOP = (0.05, 0.1)


def copies(image: Pixels, number: int) -> list[Pixels]:
    """The seven other symmetries of an image, and one with noise."""
    turned = [np.rot90(side, turns) for side in (image, image[:, ::-1]) for turns in range(4)][1:]
    noise = np.random.default_rng(number).normal(0, NOISE, image.shape)
    return [*turned, np.clip(image + noise, 0, 255).round().astype(np.uint8)]


def merger(image: Pixels, other: Pixels) -> Pixels:
    """Two galaxies in contact: the other one is added a seventh of the side away."""
    return np.clip(image.astype(int) + np.roll(other, image.shape[0] // 7, axis=(0, 1)), 0, 255).astype(np.uint8)


def black_band(image: Pixels, _: Pixels) -> Pixels:
    """A black band through the galaxy, a tenth of the side high."""
    side = len(image)
    changed = image.copy()
    changed[side // 2 - side // 20 : side // 2 + side // 20] = 0
    return changed


def coloured_line(image: Pixels, _: Pixels) -> Pixels:
    """A bright green line from corner to corner."""
    changed, side = image.copy(), len(image)
    places = np.arange(side)
    for shift in range(-2, 3):
        changed[places, np.clip(places + shift, 0, side - 1)] = (40, 255, 40)
    return changed


def error_image(image: Pixels, _: Pixels) -> Pixels:
    """The lower half is grey, as where a download broke off."""
    changed = image.copy()
    changed[len(image) // 2 :] = 128
    return changed


ODDITIES: dict[str, Callable[[Pixels, Pixels], Pixels]] = {
    "merger": merger,
    "black band": black_band,
    "coloured line": coloured_line,
    "half missing": error_image,
}


def read_images(out: Path) -> tuple[list[str], Pixels]:
    """All galaxies of a dataset folder."""
    from gztrain.data.dataset import open_dataset
    from gztrain.predict.crops import Cut
    from gztrain.predict.galaxies import Counts, galaxies_of

    parts = list(galaxies_of([out], Cut(open_dataset(out).crop), Counts()))
    return [name for names, _ in parts for name in names], np.concatenate([pixels for _, pixels in parts])


def write(path: Path, run: Path, names: list[str], images: Pixels, *, all_sides: bool) -> None:
    """Embed images that are in memory."""
    from gztrain.predict.embeddings.embed import BATCH, thumbnail
    from gztrain.predict.embeddings.features import embed_batch, feature_model
    from gztrain.predict.embeddings.file import Origin, as_table
    from gztrain.runs.folder import open_run

    chosen = open_run(run)
    model = feature_model(chosen.model(), all_sides=all_sides)
    parts = [embed_batch(model, images[start : start + BATCH], BATCH) for start in range(0, len(images), BATCH)]
    features = np.concatenate(parts)
    origin = Origin(str(run), chosen.config.model.name, features.shape[1], chosen.crop, all_sides)
    pq.write_table(as_table(origin, names, features, [thumbnail(image) for image in images]), path)


def neighbours(path: Path, number: int) -> float:
    """Share of galaxies whose eight copies are their eight nearest."""
    from gztrain.predict.embeddings.explore import similar

    right = 0
    for place in range(number):
        found = similar(path, name=f"{place}/0", number=8)["nearest"]
        right += {entry["id"] for entry in found} == {f"{place}/{copy}" for copy in range(1, 9)}
    return right / number


def top_share(path: Path, planted: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Share of planted oddities among the strangest, by kind and of all kinds together."""
    from gztrain.predict.embeddings.explore import unlikeness
    from gztrain.predict.embeddings.file import Embeddings

    with Embeddings(path) as file:
        strange, ids = unlikeness(file), file.ids()
    order = [ids[place] for place in np.argsort(-strange)]
    whole = planted | {"all": [name for names in planted.values() for name in names]}
    tops = {f"strangest {share:.0%}": set(order[: int(np.ceil(share * len(order)))]) for share in TOP}
    return {
        title: {kind: round(sum(name in top for name in names) / len(names), 3) for kind, names in whole.items()}
        for title, top in tops.items()
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--galaxies", type=int, default=200)
    parser.add_argument("--one-side", action="store_true")
    options = parser.parse_args()
    start_keras()
    _, images = read_images(options.out)
    number = min(options.galaxies, len(images))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copies.parquet"
        several = [[image, *copies(image, place)] for place, image in enumerate(images[:number])]
        names = [f"{place}/{copy}" for place in range(number) for copy in range(9)]
        names += [str(place) for place in range(number, len(images))]
        whole = np.concatenate([np.stack([image for group in several for image in group]), images[number:]])
        write(path, options.run, names, whole, all_sides=not options.one_side)
        near = neighbours(path, number)
        planted, changed = plant(images)
        path = Path(folder) / "planted.parquet"
        write(path, options.run, [str(place) for place in range(len(images))], changed, all_sides=not options.one_side)
        shares = top_share(path, planted)
    sys.stdout.write(
        json.dumps({"galaxies": len(images), "tried": number, "neighbours": near, "top_share": shares}, indent=2) + "\n"
    )


def plant(images: Pixels) -> tuple[dict[str, list[str]], Pixels]:
    """Plant oddities into 5 % of the galaxies, each kind as often."""
    changed, rng = images.copy(), np.random.default_rng(0)
    chosen = rng.permutation(len(images))[: max(len(ODDITIES), int(PLANTED * len(images)))]
    planted: dict[str, list[str]] = {kind: [] for kind in ODDITIES}
    for turn, place in enumerate(chosen):
        kind = list(ODDITIES)[turn % len(ODDITIES)]
        changed[place] = ODDITIES[kind](images[place], images[(place + 1) % len(images)])
        planted[kind].append(str(place))
    return planted, changed


if __name__ == "__main__":
    main()
