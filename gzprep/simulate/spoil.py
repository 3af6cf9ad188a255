"""Draws planted defects: into the flux, into the finished cutout, or into the bytes of the file.

Each defect is added at the step where the real one arises: a satellite or a star's glow to the flux, before the colour
stretch; a black gap to the finished cutout; damage of a file to its bytes.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from gzprep.simulate.blemishes import Blemish, beside
from gzprep.simulate.profiles import FRAME, Map


def spoil_flux(flux: Map, blemish: Blemish, rng: np.random.Generator) -> None:
    """Draw a defect of the sky into `flux` (float32 [3, n, n], i, r, g in nanomaggies a pixel; changed in geometry)."""
    painter = {"colour_line": _trail, "saturated_background": _glare, "frame_edge": _edge}.get(blemish.kind)
    if painter is not None:
        painter(flux, blemish, rng)


def _trail(flux: Map, blemish: Blemish, rng: np.random.Generator) -> None:
    """The trail of a satellite or an asteroid. It crossed the field while one filter was exposed: it has one colour."""
    geometry = blemish.geometry
    pixel = FRAME / flux.shape[1]
    across, beyond = _distances(flux, geometry)
    half = max(geometry["width"], 1.5 * pixel) / 2
    profile = np.exp(-np.log(2) * np.abs(across / half) ** 2.6) * np.exp(-((beyond / (2 * half)) ** 2))
    band = {"red": 0, "green": 1, "blue": 2}[blemish.variant]
    flux[band] += np.float32(np.exp(rng.uniform(np.log(0.6), np.log(6)))) * profile


def _distances(flux: Map, geometry: dict[str, float]) -> tuple[Map, Map]:
    """Distance of every pixel from the line through two points, and how far it lies beyond their ends."""
    x, y = _pixels(flux)
    length = max(float(np.hypot(geometry["x1"] - geometry["x0"], geometry["y1"] - geometry["y0"])), 1.0)
    ux, uy = (geometry["x1"] - geometry["x0"]) / length, (geometry["y1"] - geometry["y0"]) / length
    dx, dy = x - np.float32(geometry["x0"]), y - np.float32(geometry["y0"])
    along = dx * np.float32(ux) + dy * np.float32(uy)
    inner = _is_inside(geometry["x0"], geometry["y0"]), _is_inside(geometry["x1"], geometry["y1"])
    # A line that reaches the border of the frame continues outside it, so it has no end there.
    before = (-along).clip(0) if inner[0] else np.zeros_like(along)
    after = (along - np.float32(length)).clip(0) if inner[1] else np.zeros_like(along)
    return dy * np.float32(ux) - dx * np.float32(uy), before + after


def _is_inside(x: float, y: float) -> bool:
    return 2 < x < FRAME - 3 and 2 < y < FRAME - 3


def _pixels(flux: Map) -> tuple[Map, Map]:
    """Positions of the pixels of `flux` in the cutout, x and y."""
    points = flux.shape[1]
    line = ((np.arange(points, dtype=np.float32) + 0.5) * np.float32(FRAME / points)).astype(np.float32)
    x, y = np.meshgrid(line, line)
    return x, y


def _glare(flux: Map, blemish: Blemish, rng: np.random.Generator) -> None:
    """A star that is far too bright, in the frame or just outside, or stray light over the whole frame."""
    x, y = _pixels(flux)
    geometry = blemish.geometry
    colour = _glow_colour(rng)
    away = np.hypot(x - np.float32(geometry["x"]), y - np.float32(geometry["y"]))
    if blemish.variant == "flood":
        light = np.float32(rng.uniform(0.15, 0.9)) * (1 - 0.35 * away / np.float32(FRAME))
    else:
        light = np.float32(14) / (1 + (away / np.float32(0.5 * geometry["radius"])) ** 2) ** np.float32(1.5)
        light += _spikes(x, y, geometry, rng.uniform(0, 90))
        flux += np.float32(40) * np.exp(-((away / np.float32(0.4 * geometry["radius"])) ** 4))  # the star itself: white
    flux += light.clip(0) * _column(colour)


def _column(colour: Sequence[float]) -> Map:
    """A colour as float32 [3, 1, 1], to multiply a light map with."""
    return np.asarray(colour, np.float32)[:, None, None]


def _spikes(x: Map, y: Map, geometry: dict[str, float], angle: float) -> Map:
    """Two crossed diffraction spikes through a point, fading over the frame."""
    turn = np.deg2rad(angle)
    dx, dy = x - np.float32(geometry["x"]), y - np.float32(geometry["y"])
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    cross = np.exp(-((u / 4) ** 2)) + np.exp(-((v / 4) ** 2))
    spikes: Map = (0.8 * cross * np.exp(-np.hypot(dx, dy) / 150)).astype(np.float32)
    return spikes


def _glow_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the colour of stray light: red most often (a reflection in one band), sometimes blue or brown."""
    colours = ((1.0, 0.1, 0.03), (1.0, 0.1, 0.03), (1.0, 0.3, 0.1), (0.2, 0.35, 1.0), (1.0, 0.6, 0.3))
    return colours[rng.integers(len(colours))]


def _edge(flux: Map, blemish: Blemish, rng: np.random.Generator) -> None:
    """Two exposures meet in a straight line: beyond it the sky has another level and colour."""
    x, y = _pixels(flux)
    geometry = blemish.geometry
    across = (x - np.float32(geometry["x0"])) * np.float32(geometry["y1"] - geometry["y0"])
    across -= (y - np.float32(geometry["y0"])) * np.float32(geometry["x1"] - geometry["x0"])
    other = across * across[len(x) // 2, len(x) // 2] < 0  # the side that the galaxy is not on
    level = np.full_like(x, rng.uniform(0.12, 0.5))
    if blemish.variant == "glow":
        turn = beside(rng.uniform(180, 300), rng)
        level += np.float32(rng.uniform(1, 6)) / (1 + ((x - turn["x"]) ** 2 + (y - turn["y"]) ** 2) / np.float32(2500))
    colour = [rng.uniform(low, high) for low, high in ((0.35, 1.0), (0.1, 0.8), (0.05, 0.6))]
    flux += np.where(other, level, np.float32(0)) * _column(colour)


def spoil_frame(frame: np.ndarray, blemish: Blemish) -> np.ndarray:
    """Draw a defect of the finished cutout, uint8 [424, 424, 3]; returns a new array, perhaps of another shape."""
    painters = {"black_line": _seam, "error_image": _message, "wrong_shape": _misshape}
    return painters[blemish.kind](frame.copy(), blemish) if blemish.kind in painters else frame


def _seam(frame: np.ndarray, blemish: Blemish) -> np.ndarray:
    """A gap between two strips of the survey: black, not smoothed."""
    geometry = blemish.geometry
    ends = (round(geometry["x0"]), round(geometry["y0"])), (round(geometry["x1"]), round(geometry["y1"]))
    cv2.line(frame, *ends, (0, 0, 0), thickness=round(geometry["width"]), lineType=cv2.LINE_8)
    return frame


def _message(frame: np.ndarray, blemish: Blemish) -> np.ndarray:
    """The error image of the image server: a message on a light upper half, and a black lower half."""
    frame[:] = 0
    frame[: FRAME // 2] = 255 if blemish.variant == "white" else 128
    for row, words in enumerate(("Error: cannot open file", "The requested area is", "outside the survey footprint.")):
        cv2.putText(frame, words, (24, 60 + 44 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (0, 0, 0), 1, cv2.LINE_AA)
    return frame


def _misshape(frame: np.ndarray, blemish: Blemish) -> np.ndarray:
    """A cutout of another height, or without colour (then uint8 [424, 424, 1])."""
    if blemish.variant == "grey":
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))[..., None]
    return frame[(FRAME - 300) // 2 : (FRAME + 300) // 2]


def spoil_bytes(encoded: bytes, blemish: Blemish, rng: np.random.Generator) -> bytes:
    """Break a file: cut it off, empty it, or put something else in its geometry."""
    if blemish.kind != "unreadable":
        return encoded
    page = b"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head><body>Try later.</body></html>\n"
    return {
        "truncated": encoded[: int(len(encoded) * rng.uniform(0.2, 0.7))],
        "empty": b"",
        "html": page,
        "random": b"\x00" + rng.bytes(int(rng.integers(6_000, 14_000))),
    }[blemish.variant]
