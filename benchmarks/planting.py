"""Plants defects into clean cutouts, drawn the way the real ones look, and saves them as the originals were saved.

Widths, lengths, angles and contrasts are spread around those of the 34 real cases in ../shared/data/defects and of the
lines found since: seams of 1 px (2 and 3 px now and then), mostly upright, black; trails of one filter, 3 to 60 px
wide, 60 to 220 grey levels above the other colours, two in three from border to border. What is drawn goes through a
JPEG of quality 75, 4:2:0, as all of Galaxy Zoo 2 did.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import simplejpeg

from gzcore.images import Pixels

_QUALITY = 75
_MEDIAN = 15
"""Px over which a local median is taken."""
VISIBLE, ALONG = 20, 40
"""A black line counts as visible where it is 20 grey levels below the local median along 40 px."""


@dataclass(frozen=True, slots=True)
class Planted:
    """An image with a defect in it.

    Attributes:
        image: uint8 [H, W, 4], after JPEG.
        facts: what was drawn: for a line its width, its visible length and its depth.
    """

    image: Pixels
    facts: dict[str, float] = field(default_factory=dict)


def through_jpeg(rgb: Pixels) -> Pixels:
    """Save uint8 [H, W, 3] as Galaxy Zoo 2 did, and read it again as uint8 [H, W, 4]."""
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), _QUALITY, "RGB", "420")
    image: Pixels = simplejpeg.decode_jpeg(data, "RGBA")
    return image


def plant_error_image(image: Pixels, rng: np.random.Generator) -> Planted:
    """A light page with words above, or what there was of the galaxy; nothing at all below."""
    rgb, half = image[..., :3].copy(), image.shape[0] // 2
    if rng.random() < 0.7:
        rgb[:half] = rng.integers(90, 256)
        for row, words in enumerate(("Error: cannot open file", "The requested area is", "outside the survey.")):
            place = (int(rng.integers(10, 60)), 60 + 44 * row)
            cv2.putText(rgb, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 1, cv2.LINE_AA)
    rgb[half:] = 0
    return Planted(through_jpeg(rgb))


def plant_black_line(image: Pixels, rng: np.random.Generator) -> Planted:
    """A seam, drawn again until 40 px of it are visible; see :func:`plant_any_black_line`."""
    while True:
        planted = plant_any_black_line(image, rng)
        if planted.facts["visible"] >= ALONG:
            return planted


def plant_any_black_line(image: Pixels, rng: np.random.Generator) -> Planted:
    """A black line, not smoothed, anywhere near the galaxy. Facts: width, depth where seen, px that are visible."""
    upright = rng.random() < 0.7  # seams between the survey's strips run nearly upright
    angle = rng.normal(90, 8) if upright else rng.uniform(0, 180)
    length = 1300.0 if rng.random() < 0.4 else rng.uniform(45, 330)
    start, end = _ends(image, angle, length, rng.normal(0, 35), rng)
    width, level = int(rng.choice((1, 2, 3), p=(0.75, 0.17, 0.08))), int(rng.choice((0, 0, 0, 2, 5, 8)))
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY))
    drawn = np.zeros_like(grey)
    cv2.line(drawn, start, end, 255, 1, cv2.LINE_8)
    depth = cv2.medianBlur(grey, _MEDIAN)[drawn > 0].astype(float) - level
    longest = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    stretch = float(np.hypot(end[0] - start[0], end[1] - start[1])) / longest
    visible = depth[depth >= VISIBLE]
    facts = {"width": width, "visible": len(visible) * stretch, "length": len(depth) * stretch}
    facts["depth"] = float(np.median(np.sort(depth)[-ALONG:])) if len(depth) else 0.0
    facts |= _ends_as_facts(start, end)
    rgb = np.ascontiguousarray(image[..., :3])
    black = np.zeros_like(grey)
    cv2.line(black, start, end, 255, width, cv2.LINE_8)
    rgb = np.where(black[..., None] > 0, np.minimum(rgb, level), rgb).astype(np.uint8)
    return Planted(through_jpeg(rgb), facts)


def plant_colour_line(image: Pixels, rng: np.random.Generator) -> Planted:
    """The trail of a satellite in one filter. Facts: width, length in the frame, peak above the other colours."""
    width = float(np.exp(rng.uniform(np.log(3), np.log(60))))
    whole = rng.random() < 0.65
    length = 1300.0 if whole else max(rng.uniform(120, 400), 2.5 * width)
    start, end = _ends(image, rng.uniform(0, 180), length, rng.uniform(-150, 150), rng)
    across, beyond = _distances(image, start, end)
    profile = np.exp(-np.log(2) * np.abs(across / (width / 2)) ** rng.uniform(2, 6)) * np.exp(-((beyond / width) ** 2))
    peak = float(np.exp(rng.uniform(np.log(60), np.log(220))))
    colour = np.full(3, rng.uniform(0, 0.12))
    colour[rng.choice(3, p=(0.45, 0.35, 0.2))] = 1
    rgb = np.clip(image[..., :3] + peak * profile[..., None] * colour, 0, 255).astype(np.uint8)
    inside = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    facts = {"width": width, "length": inside, "peak": peak} | _ends_as_facts(start, end)
    return Planted(through_jpeg(rgb), facts)


def plant_saturated_background(image: Pixels, rng: np.random.Generator) -> Planted:
    """The glow of a bright star in or out of the frame, or light all over it. Facts: share of the frame that glows."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    colour = np.array(((1, 0.22, 0.12), (1, 0.45, 0.2), (0.35, 0.5, 1), (1, 0.4, 0.5))[rng.integers(4)])
    if rng.random() < 0.3:
        light = rng.uniform(50, 200) * (1 - 0.5 * x / width)
    else:
        away = np.hypot(x - rng.uniform(-60, width + 60), y - rng.uniform(-60, height + 60))
        light = 900 / (1 + (away / rng.uniform(25, 90)) ** 2) ** 1.1
    light *= 1 + rng.normal(0, 0.05, light.shape)
    rgb = np.clip(image[..., :3] + light[..., None] * colour, 0, 255).astype(np.uint8)
    return Planted(through_jpeg(rgb), {"share": float((light > 40).mean())})


def plant_frame_edge(image: Pixels, rng: np.random.Generator) -> Planted:
    """A straight border beyond which the sky has another level and colour. Facts: step, length of the border."""
    start, end = _ends(image, rng.uniform(0, 180), 1300.0, rng.choice((-1, 1)) * rng.uniform(20, 150), rng)
    x, y = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    beyond = (x - start[0]) * (end[1] - start[1]) - (y - start[1]) * (end[0] - start[0])
    far = beyond * beyond[image.shape[0] // 2, image.shape[1] // 2] < 0
    step = float(np.exp(rng.uniform(np.log(25), np.log(180))))
    colour = np.array([rng.uniform(low, high) for low, high in ((0.5, 1), (0.2, 0.8), (0.1, 0.6))])
    colour = rng.permutation(colour / colour.max())
    level = step * (1 + rng.uniform(-0.3, 0.3) * x / image.shape[1]) * (1 + rng.normal(0, 0.06, x.shape))
    rgb = np.clip(image[..., :3] + np.where(far, level, 0)[..., None] * colour, 0, 255).astype(np.uint8)
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    return Planted(through_jpeg(rgb), {"step": step, "length": length})


PLANTERS: dict[str, Callable[[Pixels, np.random.Generator], Planted]] = {
    "error_image": plant_error_image,
    "black_line": plant_black_line,
    "colour_line": plant_colour_line,
    "saturated_background": plant_saturated_background,
    "frame_edge": plant_frame_edge,
}
"""Detector to what plants its defect."""
Point = tuple[int, int]


def _ends(image: Pixels, angle: float, length: float, offset: float, rng: np.random.Generator) -> tuple[Point, Point]:
    """End points, inside the frame, of a line at ``angle`` degrees that passes its centre at ``offset`` px."""
    height, width = image.shape[:2]
    turn, along = np.deg2rad(angle), rng.uniform(-50, 50)
    x = width / 2 - offset * np.sin(turn) + along * np.cos(turn)
    y = height / 2 + offset * np.cos(turn) + along * np.sin(turn)
    dx, dy = length / 2 * np.cos(turn), length / 2 * np.sin(turn)
    _, start, end = cv2.clipLine((0, 0, width, height), (round(x - dx), round(y - dy)), (round(x + dx), round(y + dy)))
    return (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))


def _ends_as_facts(start: Point, end: Point) -> dict[str, float]:
    return {"x0": start[0], "y0": start[1], "x1": end[0], "y1": end[1]}


def _distances(image: Pixels, start: Point, end: Point) -> tuple[np.ndarray, np.ndarray]:
    """Distance of every pixel from a line, and how far it lies beyond an end that is not at the border."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    length = max(float(np.hypot(end[0] - start[0], end[1] - start[1])), 1.0)
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    along = (x - start[0]) * ux + (y - start[1]) * uy
    before, after = ((-along).clip(0), start), ((along - length).clip(0), end)
    free = [part for part, (px, py) in (before, after) if 2 < px < width - 3 and 2 < py < height - 3]
    return (y - start[1]) * ux - (x - start[0]) * uy, np.sum(free, axis=0) if free else np.zeros(x.shape)
