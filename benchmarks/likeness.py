"""Whether likeness is what one expects: copies of a galaxy are its nearest neighbours, and planted oddities stand out.

Usage: python benchmarks/likeness.py RUN OUT [--galaxies 200] [--one-side] [--seeds 8]

RUN is a trained run, OUT the dataset folder whose galaxies are looked at. Prints one JSON document:

- ``neighbours``: of so many galaxies, the share whose seven turned and mirrored copies and noisy copy (noise of 3 grey
  levels) are their eight nearest among all galaxies and all copies;
- ``top_share``: of oddities planted into 5 % of the galaxies, the share among the strangest 5 % and 10 %, by kind: the
  mean over so many draws of the galaxies;
- ``mergers_alone``: the same where all that is planted are mergers.
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
from gztrain.data.labels import Floats
from gztrain.environment import start_keras

Shares = dict[str, dict[str, float]]
"""By the part of the galaxies that is looked at, and by kind."""

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


class Embedder:
    """Embeds images that are in memory, into a file or into an open table."""

    def __init__(self, run: Path, *, all_sides: bool) -> None:
        from gztrain.predict.embeddings.features import feature_model
        from gztrain.predict.embeddings.file import Origin
        from gztrain.runs.folder import open_run

        chosen = open_run(run)
        self._model = feature_model(chosen.model(), all_sides=all_sides)
        width = int(self._model.output_shape[-1])
        self._origin = Origin(str(run), chosen.config.model.name, width, chosen.crop, all_sides)

    def features(self, images: Pixels) -> Floats:
        """Features of N images, float32 [N, D]."""
        from gztrain.predict.embeddings.features import embed_batch
        from gztrain.predict.images import BATCH

        starts = range(0, len(images), BATCH)
        return np.concatenate([embed_batch(self._model, images[start : start + BATCH], BATCH) for start in starts])

    def write(self, path: Path, names: list[str], images: Pixels, features: Floats) -> None:
        """Write a file of embeddings."""
        from gztrain.predict.embeddings.embed import thumbnail
        from gztrain.predict.embeddings.file import as_table

        pq.write_table(as_table(self._origin, names, features, [thumbnail(image) for image in images]), path)


def neighbours(path: Path, number: int) -> float:
    """Share of galaxies whose eight copies are their eight nearest."""
    from gztrain.predict.embeddings.explore import similar

    right = 0
    for place in range(number):
        found = similar(path, name=f"{place}/0", number=8)["nearest"]
        right += {entry["id"] for entry in found} == {f"{place}/{copy}" for copy in range(1, 9)}
    return right / number


def top_share(path: Path, planted: dict[str, list[str]]) -> Shares:
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
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    start_keras()
    _, images = read_images(options.out)
    number = min(options.galaxies, len(images))
    embedder = Embedder(options.run, all_sides=not options.one_side)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "embeddings.parquet"
        found: dict[str, object] = {"galaxies": len(images), "tried": number, "seeds": options.seeds}
        if number:
            names, whole = with_copies(images, number)
            embedder.write(path, names, whole, embedder.features(whole))
            found["neighbours"] = neighbours(path, number)
        usual = embedder.features(images)
        for title, kinds in (("top_share", list(ODDITIES)), ("mergers_alone", ["merger"])):
            shares = [planted_share(path, embedder, images, usual, kinds, seed) for seed in range(options.seeds)]
            found[title] = mean_of(shares)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def with_copies(images: Pixels, number: int) -> tuple[list[str], Pixels]:
    """Names and images: so many galaxies with their copies, then the others."""
    several = [[image, *copies(image, place)] for place, image in enumerate(images[:number])]
    names = [f"{place}/{copy}" for place in range(number) for copy in range(9)]
    names += [str(place) for place in range(number, len(images))]
    return names, np.concatenate([np.stack([image for group in several for image in group]), images[number:]])


def planted_share(  # noqa: PLR0913, PLR0917 -- a script
    path: Path, embedder: Embedder, images: Pixels, usual: Floats, kinds: list[str], seed: int
) -> Shares:
    """Plant, embed what has changed, and see where it stands."""
    planted, changed = plant(images, kinds, seed)
    places = [int(name) for names in planted.values() for name in names]
    features = usual.copy()
    features[places] = embedder.features(changed[places])
    embedder.write(path, [str(place) for place in range(len(images))], changed, features)
    return top_share(path, planted)


def mean_of(shares: list[Shares]) -> Shares:
    """The mean of several draws, entry by entry."""
    return {
        top: {kind: round(float(np.mean([share[top][kind] for share in shares])), 3) for kind in kinds}
        for top, kinds in shares[0].items()
    }


def plant(images: Pixels, kinds: list[str], seed: int) -> tuple[dict[str, list[str]], Pixels]:
    """Plant oddities into 5 % of the galaxies, each kind as often."""
    changed, rng = images.copy(), np.random.default_rng(seed)
    chosen = rng.permutation(len(images))[: max(len(kinds), int(PLANTED * len(images)))]
    planted: dict[str, list[str]] = {kind: [] for kind in kinds}
    for turn, place in enumerate(chosen):
        kind = kinds[turn % len(kinds)]
        changed[place] = ODDITIES[kind](images[place], images[(place + 1) % len(images)])
        planted[kind].append(str(place))
    return planted, changed


if __name__ == "__main__":
    main()
