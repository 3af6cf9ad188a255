"""How many training galaxies the catalogue's doubts need to compare with.

Usage: python benchmarks/references.py RUN IMAGES [IMAGES ...] [--numbers 29 58 116 232 464] [--draws 12]

RUN is a trained run whose data set has test galaxies; each IMAGES is a folder of images of another kind
(`gzprep simulate`). For each number, so many training galaxies are drawn, the validation fold says which distance 95 %
of galaxies stay within, and told is the share beyond it, by features and by picture: of the test galaxies (5 % is
expected), then of each folder.
Prints one JSON document: means over the draws.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pictures import LIMIT

from gzcore.images import Pixels
from gztrain.data import open_reader, select
from gztrain.data.dataset import open_dataset
from gztrain.data.stream import in_order
from gztrain.environment import start_keras
from gztrain.predict.catalogue.doubt import Familiar, find_familiar
from gztrain.predict.catalogue.picture import find_usual, measure, statistics_of
from gztrain.predict.crops import Cut, find_files
from gztrain.predict.galaxies import Counts, from_files
from gztrain.predict.images import BATCH


class Seen(NamedTuple):
    """Features [N, D] and statistics of the picture [N, 6] of some galaxies."""

    features: np.ndarray[Any, np.dtype[np.float32]]
    pictures: np.ndarray[Any, np.dtype[np.float64]]


def seen(look: Any, batches: Iterable[Pixels]) -> Seen:  # noqa: ANN401 -- a network
    """What a network and the look at pictures find."""
    features, measured = [], []
    for images in batches:
        features.append(look(images, BATCH).features)
        measured.append(measure(images))
    return Seen(np.concatenate(features), statistics_of(measured))


def beyond(usual: Familiar, some: Any) -> float:  # noqa: ANN401 -- features or statistics
    """The share of images beyond the limit."""
    return float((usual.quantiles(usual.distances(some)) > LIMIT).mean())


def shares(training: Seen, validation: Seen, judged: list[Seen], number: int, draws: int) -> dict[str, list[float]]:
    """Mean shares, by features and by picture."""
    told: dict[str, list[list[float]]] = {"features": [], "pictures": []}
    for seed in range(draws):
        chosen = np.random.default_rng(seed).permutation(len(training.features))[:number]
        by_features = find_familiar([training.features[chosen]], validation.features)
        by_picture = find_usual(training.pictures[chosen], validation.pictures)
        told["features"].append([beyond(by_features, one.features) for one in judged])
        told["pictures"].append([beyond(by_picture, one.pictures) for one in judged])
    return {name: np.mean(found, axis=0).round(3).tolist() for name, found in told.items()}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--numbers", type=int, nargs="+", default=[29, 58, 116, 232, 464])
    parser.add_argument("--draws", type=int, default=12)
    options = parser.parse_args()
    start_keras()
    from gztrain.predict.catalogue.network import Network
    from gztrain.runs.folder import open_run

    run = open_run(options.run)
    network, dataset, fold = Network(run.model()), open_dataset(run.dataset), run.config.fold
    others = [each for each in dataset.folds if each != fold]
    selections = [select(dataset, "train", others), select(dataset, "train", [fold]), select(dataset, "test")]
    training, validation, test = (
        seen(network, (batch.images for batch in in_order(open_reader(), selection, BATCH))) for selection in selections
    )
    cut = Cut(run.crop)
    skies = [
        seen(network, (pixels for _, pixels in from_files(find_files([place]).images, cut, Counts())))
        for place in options.images
    ]
    told = {number: shares(training, validation, [test, *skies], number, options.draws) for number in options.numbers}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
