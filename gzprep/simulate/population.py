"""Draws galaxies: their kinds, how frequent each kind is, and what they look like.

Proportions follow Galaxy Zoo 2 (Willett et al. 2013, MNRAS 435, 2835) loosely: enough of each class for a sample of
200 to show nearly all of them.
"""

from dataclasses import replace

import numpy as np

from gzprep.simulate.truth import BULGE_SHARES, ROUNDNESS, WINDINGS, GalaxyTruth, generator


def draw(seed: int, index: int) -> GalaxyTruth:
    """Draw the galaxy number `index` of the sky `seed`."""
    rng = generator("truth", seed, index)
    kind = _choose(rng, {"smooth": 0.37, "disc": 0.47, "edge-on": 0.15, "artifact": 0.01})
    galaxy = {"smooth": _smooth, "disc": _disc, "edge-on": _edge_on, "artifact": _artifact}[kind](rng)
    return _seen(_oddity(galaxy, rng), rng)


def _smooth(rng: np.random.Generator) -> GalaxyTruth:
    roundness = _choose(rng, {"round": 0.37, "in-between": 0.43, "cigar": 0.2})
    sersic = rng.uniform(1.0, 2.0) if roundness == "cigar" else rng.uniform(2.0, 4.2)
    return GalaxyTruth(
        "smooth",
        roundness=roundness,
        axis_ratio=rng.uniform(*ROUNDNESS[roundness]),
        sersic=sersic,
        blueness=float(rng.beta(1.2, 7)),
        brightness=rng.normal(21.3, 0.4),
    )


def _edge_on(rng: np.random.Generator) -> GalaxyTruth:
    shape = _choose(rng, {"round": 0.58, "boxy": 0.14, "no-bulge": 0.28})
    return GalaxyTruth(
        "edge-on",
        bulge_shape=shape,
        bulge_share=0.0 if shape == "no-bulge" else rng.uniform(0.15, 0.4),
        axis_ratio=rng.uniform(0.09, 0.2),
        sersic=rng.uniform(1.2, 2.5),
        dust=rng.uniform(0.4, 1.0) if rng.random() < 0.4 else 0.0,
        blueness=float(rng.beta(2, 3)) if shape != "no-bulge" else rng.uniform(0.4, 0.9),
        brightness=rng.normal(21.8, 0.42),
    )


def _disc(rng: np.random.Generator) -> GalaxyTruth:
    arms = int(_choose(rng, {"0": 0.3, "1": 0.05, "2": 0.4, "3": 0.09, "4": 0.06, "5": 0.05, "6": 0.03, "7": 0.02}))
    bulge = _choose(rng, {"dominant": 0.13, "obvious": 0.41, "just-noticeable": 0.35, "no": 0.11})
    galaxy = GalaxyTruth(
        "disc",
        bulge=bulge,
        bulge_share=rng.uniform(*BULGE_SHARES[bulge]),
        sersic=rng.uniform(1.2, 3.0),
        axis_ratio=rng.uniform(0.42, 1.0),
        blueness=float(rng.beta(2.8, 1.8)) * (1.0 if arms else 0.45),
        brightness=rng.normal(21.8, 0.42),
    )
    return _barred(_spiral(galaxy, arms, rng), rng)


def _spiral(galaxy: GalaxyTruth, arms: int, rng: np.random.Generator) -> GalaxyTruth:
    if not arms:
        return galaxy
    # Big bulges go with tight arms: that is Hubble's sequence.
    tight = {"dominant": 0.7, "obvious": 0.45, "just-noticeable": 0.25, "no": 0.12}[galaxy.bulge]
    winding = _choose(rng, {"tight": tight, "medium": 0.65 * (1 - tight), "loose": 0.35 * (1 - tight)})
    pitch = rng.uniform(*WINDINGS[winding])
    strength = rng.uniform(0.45, 1.0)
    return replace(galaxy, arms=arms, winding=winding, pitch=pitch, arm_strength=strength, dust=rng.uniform(0.1, 0.8))


def _barred(galaxy: GalaxyTruth, rng: np.random.Generator) -> GalaxyTruth:
    length = rng.uniform(13.0, 26.0)
    return replace(galaxy, bar=True, bar_length=length) if rng.random() < 0.34 else galaxy


def _artifact(rng: np.random.Generator) -> GalaxyTruth:
    return GalaxyTruth("artifact", brightness=rng.normal(19.5, 0.8), blueness=rng.uniform(0, 1))


def _oddity(galaxy: GalaxyTruth, rng: np.random.Generator) -> GalaxyTruth:
    """Make about one galaxy in eight odd."""
    shares = {
        "smooth": {"merger": 0.06, "disturbed": 0.02},
        "edge-on": {"merger": 0.05, "disturbed": 0.04},
        "disc": {"ring": 0.05, "merger": 0.07, "irregular": 0.04, "disturbed": 0.03},
        "artifact": {},
    }[galaxy.kind]
    odd = _choose(rng, {**shares, "": 1 - sum(shares.values())})
    separation = rng.uniform(26.0, 80.0) if odd == "merger" else 0.0
    if odd == "irregular":  # no bar, no arms, hardly a bulge: nothing is regular
        galaxy = GalaxyTruth(
            "disc", bulge="no", axis_ratio=galaxy.axis_ratio, blueness=rng.uniform(0.6, 1), brightness=22.1
        )
    return replace(galaxy, odd=odd, separation=separation)


def _seen(galaxy: GalaxyTruth, rng: np.random.Generator) -> GalaxyTruth:
    """Give the galaxy its size on the sky, its orientation and the night's seeing, and from these its clarity."""
    r90 = float(np.clip(np.exp(rng.normal(np.log(7.4), 0.4)), 4.2, 30.0))
    seeing = float(np.clip(rng.normal(1.32, 0.13), 1.0, 1.8))
    resolved = 1 / (1 + np.exp(-(r90 / seeing - 4.8) / 1.4))
    bright = 1 / (1 + np.exp((galaxy.brightness - 22.6) / 0.4))
    clarity = float(np.clip(resolved * bright * rng.uniform(0.75, 1.05), 0.05, 1.0))
    # The smallest cutouts are 32 arcseconds wide: a galaxy is never enlarged more than five times.
    fill = min(float(np.clip(np.exp(rng.normal(0.04, 0.2)), 0.65, 1.6)), 0.02 * r90 / 0.075)
    angle = rng.uniform(0.0, 180.0)
    return replace(galaxy, r90=r90, fill=fill, seeing=seeing, angle=angle, clarity=clarity)


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """Draw a key, each as likely as its share of the sum."""
    point = rng.random() * sum(shares.values())
    for key, share in shares.items():
        point -= share
        if point < 0:
            return key
    return key
