"""How well the galaxy in the middle is told from its neighbours, on simulated galaxies whose truth is known.

Usage: python benchmarks/neighbours.py [--galaxies 500] [--seed 1]

Prints one JSON document. Of each galaxy it is known which light of a pixel is its own and which that of neighbours:

- ``target_kept``: share of galaxies of which at least 90 % of the light stays, over pixels where it is brighter than
  the noise of the sky and than any neighbour;
- ``neighbours_blanked``: share of galaxies beside which at least 90 % of the light of neighbours is blanked, over the
  pixels where a neighbour is brighter than twice the noise and than the galaxy; a pixel counts as 200 times the noise
  at most, so that one bright star does not outweigh all others. ``beside``: where the galaxy is fainter than half the
  noise. ``all``: in front of the galaxy, too;
- ``both``: share of galaxies of which both hold.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

from gzcore.images import Pixels
from gzcore.images.neighbours import Mask, find_neighbours
from gzprep.simulate import starfield
from gzprep.simulate.galaxy import paint_galaxy
from gzprep.simulate.profiles import FRAME, Map
from gzprep.simulate.render import CAMERA_PIXEL, SKY_NOISE, add_noise, blur, develop, encode, expose
from gzprep.simulate.sky import draw_galaxy
from gzprep.simulate.truth import GalaxyTruth, generator

BAND = 1
"""r."""
NOISE = SKY_NOISE[BAND]
ENOUGH = 0.9
"""Share of light from which on a galaxy counts as kept, or its neighbours as blanked."""
MOST = 200 * NOISE
FEWEST = 20
"""px; fewer are no neighbour."""


class Scene(NamedTuple):
    """An image (uint8 [424, 424, 3]), and the light in r of the galaxy and of its neighbours (float32 [424, 424])."""

    image: Pixels
    own: Map
    other: Map


class Shares(NamedTuple):
    """Share of the galaxy's light that is kept, and of that of neighbours that is blanked: all, and those beside it."""

    kept: float
    blanked: float
    blanked_beside: float


def scenes(seed: int, number: int) -> Iterator[Scene]:
    """Simulated galaxies without defects; stars in the middle (artifacts) are left out."""
    index = 0
    while number:
        truth = draw_galaxy(seed, index).truth
        if truth.kind != "artifact":
            yield scene(truth, seed, index)
            number -= 1
        index += 1


def scene(truth: GalaxyTruth, seed: int, index: int) -> Scene:
    """One galaxy: its light is painted again from the same numbers, and the rest is that of neighbours."""
    rng = generator("light", seed, index)
    flux = expose(truth, rng)
    own = _own_light(truth, seed, index)
    image = simplejpeg.decode_jpeg(encode(develop(add_noise(flux, rng))))
    return Scene(image, _enlarged(own), _enlarged(flux[BAND] - own))


def _own_light(truth: GalaxyTruth, seed: int, index: int) -> Map:
    points = round(FRAME * truth.scale / CAMERA_PIXEL)
    finer = 2 if points < 260 else 1  # as the simulator does
    painted = paint_galaxy(truth, finer * points, generator("light", seed, index))[BAND]
    own = painted.reshape(points, finer, points, finer).sum(axis=(1, 3), dtype=np.float32)
    own *= np.float32(starfield.flux_of(truth.brightness) * np.pi * truth.r90**2)
    return blur(own, truth.seeing / CAMERA_PIXEL * starfield.SEEING_BY_BAND[BAND])


def _enlarged(light: Map) -> Map:
    return np.asarray(cv2.resize(light, (FRAME, FRAME), interpolation=cv2.INTER_LINEAR), np.float32)


def judge(scene: Scene, mask: Mask) -> Shares:
    """Compare a mask with the truth."""
    visible = (scene.own > NOISE) & (scene.own > scene.other)
    neighbours = (scene.other > 2 * NOISE) & (scene.other > scene.own)
    kept = float(scene.own[visible & ~mask].sum() / max(scene.own[visible].sum(), 1e-9))
    beside = neighbours & (scene.own < NOISE / 2)
    return Shares(kept, _blanked(scene, neighbours, mask), _blanked(scene, beside, mask))


def _blanked(scene: Scene, where: Mask, mask: Mask) -> float:
    if where.sum() <= FEWEST:
        return 1.0
    light = np.minimum(scene.other, MOST)
    return float(light[where & mask].sum() / light[where].sum())


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--galaxies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found, seconds = [], 0.0
    for one in scenes(options.seed, options.galaxies):
        began = time.process_time()
        mask = find_neighbours(one.image).mask
        seconds += time.process_time() - began
        found.append(judge(one, mask))
    kept, every, beside = (np.array(column) >= ENOUGH for column in zip(*found, strict=True))
    document = {
        "galaxies": options.galaxies,
        "seed": options.seed,
        "target_kept": float(kept.mean()),
        "neighbours_blanked": {"beside": float(beside.mean()), "all": float(every.mean())},
        "both": {"beside": float((kept & beside).mean()), "all": float((kept & every).mean())},
        "milliseconds_a_galaxy": round(1000 * seconds / options.galaxies, 1),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
