"""The true properties of a simulated galaxy. Its pixels and its votes are both made from them.

Angles are in degrees, lengths in cutout pixels unless a name says arcseconds.
"""

from dataclasses import dataclass

import numpy as np

from gzcore.hashing import identity_hash

KINDS = ("smooth", "disc", "edge-on", "artifact")
ODDITIES = ("", "ring", "merger", "irregular", "disturbed")
WINDINGS = {"tight": (7.0, 12.0), "medium": (14.0, 21.0), "loose": (25.0, 38.0)}
"""Pitch angle of the arms, degrees, lowest and highest (Hart et al. 2017, MNRAS 472, 2263: roughly 10 to 40)."""
BULGE_SHARES = {"dominant": (0.55, 0.75), "obvious": (0.28, 0.42), "just-noticeable": (0.08, 0.16), "no": (0.0, 0.02)}
"""Share of the light that is in the bulge, lowest and highest."""
ROUNDNESS = {"round": (0.86, 1.0), "in-between": (0.45, 0.78), "cigar": (0.17, 0.33)}
"""Axis ratio of a smooth galaxy, lowest and highest."""


@dataclass(frozen=True)
class GalaxyTruth:
    """The true properties of one galaxy. An empty string means that a property does not apply.

    Attributes:
        kind: smooth, disc (seen more or less face-on), edge-on, or artifact (a star in the middle).
        roundness: round, in-between or cigar; of a smooth galaxy.
        bulge: dominant, obvious, just-noticeable or no; of a disc.
        bulge_shape: round, boxy or no-bulge; of an edge-on disc.
        arms: number of spiral arms, 0 to 7; 0 is no spiral.
        winding: tight, medium or loose; of a spiral.
        pitch: pitch angle of the arms, degrees.
        arm_strength: contrast of the arms, 0 to 1.
        bar: whether there is a bar.
        bar_length: half its length, cutout pixels.
        odd: "", ring, merger, irregular or disturbed.
        separation: distance to the other galaxy of a merger, cutout pixels.
        axis_ratio: apparent, 0 to 1.
        angle: position angle, degrees.
        sersic: Sersic index of a smooth galaxy or of the bulge.
        bulge_share: share of the light that is in the bulge.
        dust: strength of dust lanes, 0 to 1.
        blueness: 0 an old, red population, 1 a young, blue one.
        r90: radius of 90 % of the light, arcseconds.
        fill: r90 in the cutout, in units of 50 pixels. It is not exactly 1, because the survey scales each cutout by a
            measured size, and the measurement scatters.
        brightness: mean surface brightness within r90 in the r band, magnitudes a square arcsecond.
        seeing: full width at half maximum of a star in the r band, arcseconds.
        clarity: how well a volunteer can see what it is, 0 to 1.
    """

    kind: str
    roundness: str = ""
    bulge: str = ""
    bulge_shape: str = ""
    arms: int = 0
    winding: str = ""
    pitch: float = 0.0
    arm_strength: float = 0.0
    bar: bool = False
    bar_length: float = 0.0
    odd: str = ""
    separation: float = 0.0
    axis_ratio: float = 1.0
    angle: float = 0.0
    sersic: float = 1.0
    bulge_share: float = 0.0
    dust: float = 0.0
    blueness: float = 0.0
    r90: float = 8.0
    fill: float = 1.0
    brightness: float = 22.0
    seeing: float = 1.3
    clarity: float = 0.5

    def __post_init__(self) -> None:
        """Check the words and the ranges."""
        _require("kind", self.kind, KINDS)
        _require("roundness", self.roundness, ("", *ROUNDNESS))
        _require("bulge", self.bulge, ("", *BULGE_SHARES))
        _require("bulge_shape", self.bulge_shape, ("", "round", "boxy", "no-bulge"))
        _require("winding", self.winding, tuple(WINDINGS) if self.arms else ("",))
        _require("odd", self.odd, ODDITIES)
        for name in ("axis_ratio", "clarity", "dust", "blueness", "arm_strength", "bulge_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, not within 0 to 1")

    @property
    def scale(self) -> float:
        """Size of a cutout pixel, arcseconds: 0.02 r90 as the survey measured it (Willett et al. 2013, section 2)."""
        return 0.02 * self.r90 / self.fill

    def answers(self) -> dict[str, str]:
        """Return the right answer to each question that this galaxy leads to, by question name."""
        right = {"smooth-or-featured-gz2": _FIRST[self.kind], "something-odd-gz2": "yes" if self.odd else "no"}
        if self.kind == "artifact":
            return {"smooth-or-featured-gz2": "artifact"}
        if self.kind == "smooth":
            return {**right, "how-rounded-gz2": self.roundness}
        if self.kind == "edge-on":
            return {**right, "disk-edge-on-gz2": "yes", "bulge-shape-gz2": self.bulge_shape}
        return {**right, **self._disc_answers()}

    def _disc_answers(self) -> dict[str, str]:
        right = {
            "disk-edge-on-gz2": "no",
            "has-spiral-arms-gz2": "yes" if self.arms else "no",
            "bar-gz2": "yes" if self.bar else "no",
            "bulge-size-gz2": self.bulge,
        }
        count = {"spiral-arm-count-gz2": str(self.arms) if self.arms <= 4 else "more-than-4"}
        return {**right, "spiral-winding-gz2": self.winding, **count} if self.arms else right


_FIRST = {"smooth": "smooth", "disc": "featured-or-disk", "edge-on": "featured-or-disk", "artifact": "artifact"}


def generator(purpose: str, seed: int, index: int) -> np.random.Generator:
    """Return the numpy generator of one galaxy for one purpose."""
    return np.random.Generator(np.random.PCG64(identity_hash(f"simulate-{purpose}", seed, index)))


def _require(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, not one of {allowed}")
