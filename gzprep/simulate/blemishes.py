"""Decides which simulated galaxies get a defect, which kind, and exactly where.

The kinds are those found in Galaxy Zoo 2. Ten of every 200 galaxies get a defect, so that a default run, which allows
10 % rejects, does not stop. Which galaxies depends on seed and index alone. Every 20 galaxies hold one defect, among
their second ten: so the first n galaxies never hold more than a tenth. Every 200 hold each kind at least once.
"""

import json
from dataclasses import dataclass, field

import cv2
import numpy as np

from gzcore.hashing import identity_hash
from gzprep.simulate.profiles import FRAME
from gzprep.simulate.truth import generator

PLANTED = (
    "missing_file",
    "unreadable",
    "wrong_shape",
    "error_image",
    "black_line",
    "black_line",
    "colour_line",
    "colour_line",
    "saturated_background",
    "frame_edge",
)
"""The ten defects in every 200 galaxies."""
KINDS = tuple(dict.fromkeys(PLANTED))
EVERY = 20
"""One galaxy in this many gets a defect."""

VARIANTS = {
    "missing_file": ("",),
    "unreadable": ("truncated", "empty", "html", "random"),
    "wrong_shape": ("300x424", "grey"),
    "error_image": ("white", "grey"),
    "black_line": ("across", "part"),
    "colour_line": ("red", "green", "blue"),
    "saturated_background": ("star", "flood"),
    "frame_edge": ("level", "glow"),
}


@dataclass(frozen=True)
class Blemish:
    """A planted defect.

    Attributes:
        kind: one of KINDS.
        variant: one of VARIANTS of that kind.
        geometry: where it lies: points and widths in cutout pixels, x to the right, y down.
    """

    kind: str
    variant: str = ""
    geometry: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check kind and variant."""
        if self.variant not in VARIANTS.get(self.kind, ()):
            raise ValueError(f"There is no defect {self.kind!r} of variant {self.variant!r}")

    @property
    def geometry_json(self) -> str:
        """The geometry as one line of JSON, keys sorted."""
        return json.dumps(self.geometry, sort_keys=True)


def plan(seed: int, index: int) -> Blemish | None:
    """Decide which defect a galaxy gets; None for the 95 % without one."""
    stratum = index // EVERY
    if index % EVERY != EVERY // 2 + identity_hash("simulate-planted-place", seed, stratum) % (EVERY // 2):
        return None
    block, position = divmod(stratum, len(PLANTED))
    order = sorted(range(len(PLANTED)), key=lambda kind: identity_hash("simulate-planted-kind", seed, block, kind))
    kind = PLANTED[order[position]]
    rng = generator("blemish", seed, index)
    variants = VARIANTS[kind]
    variant = variants[
        (identity_hash("simulate-variant", seed, kind) + block) % len(variants)
    ]  # so that every variant is used
    if kind in {"colour_line", "black_line"}:
        variant = variants[rng.integers(len(variants))]
    return Blemish(kind, variant, _geometry(kind, variant, rng))


def _geometry(kind: str, variant: str, rng: np.random.Generator) -> dict[str, float]:
    if kind == "black_line":
        upright = rng.random() < 0.7  # the seams between the survey's strips run nearly upright
        angle = rng.normal(90, 6) if upright else rng.uniform(0, 180)
        length = 1300.0 if variant == "across" else rng.uniform(60, 330)
        return _line(angle, length, rng.normal(0, 35), float(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])), rng)
    if kind == "colour_line":
        length = 1300.0 if rng.random() < 0.65 else rng.uniform(140, 400)
        width = float(np.exp(rng.uniform(np.log(4), np.log(58))))
        return _line(rng.uniform(0, 180), length, rng.uniform(-100, 100), width, rng)
    if kind == "saturated_background":
        return beside(rng.uniform(150, 260), rng) | {"radius": rng.uniform(40, 110)}
    if kind == "frame_edge":
        return _line(rng.uniform(0, 180), 1300.0, rng.choice([-1, 1]) * rng.uniform(25, 130), 0.0, rng)
    return {}


def _line(angle: float, length: float, offset: float, width: float, rng: np.random.Generator) -> dict[str, float]:
    """End points of a line at `angle` degrees that passes the frame's centre at a distance of `offset`."""
    turn = np.deg2rad(angle)
    along = rng.uniform(-50, 50)
    x = FRAME / 2 - offset * np.sin(turn) + along * np.cos(turn)
    y = FRAME / 2 + offset * np.cos(turn) + along * np.sin(turn)
    dx, dy = length / 2 * np.cos(turn), length / 2 * np.sin(turn)
    _, start, end = cv2.clipLine((0, 0, FRAME, FRAME), (round(x - dx), round(y - dy)), (round(x + dx), round(y + dy)))
    ends = {"x0": float(start[0]), "y0": float(start[1]), "x1": float(end[0]), "y1": float(end[1])}
    return ends | {"width": round(width, 2)}


def beside(distance: float, rng: np.random.Generator) -> dict[str, float]:
    """A point `distance` cutout pixels from the centre of the frame, in any direction."""
    turn = rng.uniform(0, 2 * np.pi)
    return {"x": FRAME / 2 + distance * float(np.cos(turn)), "y": FRAME / 2 + distance * float(np.sin(turn))}
