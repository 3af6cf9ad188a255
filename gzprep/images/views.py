"""The augmented views of a galaxy: what is drawn, and how it is applied.

Chance is a function of (seed, galaxy id, view index) alone. Order of application, whatever the order of the draw:
geometry (shift, rotation and zoom, flip: one warp from the full frame into the crop), then blur, then noise or
denoise, on the crop. Row ids such as F26 are those of the report's requirements.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gzcore.hashing import uniforms
from gzcore.images import Pixels
from gzcore.recipe.overlay import Range
from gzprep.config import Views as ViewRules
from gzprep.images.codec import to_rgb
from gzprep.images.geometry import FLIPS, Geometry, leaves_frame, warp

ORDER_OF_APPLICATION = ("translate", "rotate", "zoom", "flip", "blur", "noise", "denoise")
_NOISE_LENGTH = 1 << 19
_SIGMA_STEP = 0.5  # grey levels; so that the noise of each sigma can be kept ready
_NOISE_SEED = 20240501
_LARGEST_FIXED_POINT = 5  # px: up to here GaussianBlur is faster than sepFilter2D, then slower
SMALLEST_ZOOM = 0.05  # the report's range reaches through 0, where a view shows nothing

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Op:
    """One drawn operation.

    Attributes:
        name: what is done.
        params: how; not to be changed, for galaxies share operations.
        json: both as a record holds them: what ``json`` would write, at a tenth of the time.
    """

    name: str
    params: Params
    json: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        params = "".join([f',"{key}":{_json_value(value)}' for key, value in self.params.items()])
        object.__setattr__(self, "json", f'{{"op":"{self.name}"{params}}}')


def _json_value(value: str | float | list[int]) -> str:
    """Names, numbers and lists of numbers: Python writes the last two as JSON does, but for the spaces."""
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value).replace(" ", "") if isinstance(value, list) else repr(value)


@lru_cache(maxsize=1 << 10)
def _shared(name: str, param: str, value: str | float) -> Op:
    """An operation with one parameter that takes few values."""
    return Op(name, {param: value})


@dataclass(frozen=True, slots=True)
class View:
    """What is done to a frame to make one view; view 0 has no operations.

    Attributes:
        index: 0 to the number of augmented views.
        ops: in the order they were drawn.
        geometry: the geometric ones as one.
        pixel_ops: the others, in the order they are applied.
    """

    index: int
    ops: tuple[Op, ...] = ()
    geometry: Geometry = field(init=False, compare=False, repr=False)
    pixel_ops: tuple[Op, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        pixel_ops = [op for op in self.ops if op.name in _PIXEL_OPS]
        if len(pixel_ops) > 1:
            pixel_ops.sort(key=_order_of_application)
        object.__setattr__(self, "pixel_ops", tuple(pixel_ops))
        object.__setattr__(self, "geometry", _fused(self.ops))


def _fused(ops: tuple[Op, ...]) -> Geometry:
    parts: Params = {}
    for op in ops:
        if op.name in _GEOMETRIC:
            parts |= op.params
    if "shift" in parts:
        parts["shift"] = tuple(parts["shift"])
    return Geometry(**parts)


Draw = Callable[[], float]
"""Gives the next number in [0, 1) of a view: 7 operations take 16 at most."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What views are drawn by: the ranges of the recipe, and the size of the crop in px, which rounds the zoom."""

    ranges: ViewRules
    crop: int


def _between(draw: Draw, bounds: Range) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draw()


def _pick(draw: Draw, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 -- one of what came
    return choices[int(draw() * len(choices))]


_NONE = Op("none", {})


def _draw_none(_draw: Draw, _rules: Rules) -> Op:
    return _NONE


def _draw_flip(draw: Draw, _rules: Rules) -> Op:
    return _shared("flip", "flip", _pick(draw, FLIPS))


def _draw_rotate(draw: Draw, rules: Rules) -> Op:
    return Op("rotate", {"degrees": _between(draw, rules.ranges.rotate)})


def _draw_zoom(draw: Draw, rules: Rules) -> Op:
    if rules.ranges.zoom_draw == "log-uniform":
        low, high = rules.ranges.zoom
        return _shared("zoom", "zoom", whole_zoom(low * (high / low) ** draw(), rules.crop))
    drawn = _between(draw, rules.ranges.zoom)
    size = max(abs(drawn), SMALLEST_ZOOM)
    return Op("zoom", {"zoom": -size if drawn < 0 else size})


def whole_zoom(zoom: float, crop: int) -> float:
    """Round a zoom so that the crop shows a whole number of source pixels around the same centre.

    A zoom alone is then a slice, resized: two thirds of the time of a warp. Steps are 0.9 % at 224 px.
    """
    odd = crop % 2
    return crop / max(2 * round((crop / zoom - odd) / 2) + odd, 2 - odd)


def _draw_blur(draw: Draw, rules: Rules) -> Op:
    return _shared("blur", "kernel", _pick(draw, rules.ranges.blur))


def _draw_noise(draw: Draw, rules: Rules) -> Op:
    if draw() < 0.5:
        return _shared("denoise", "method", rules.ranges.denoise)
    sigma = round(_between(draw, rules.ranges.noise_sigma) / _SIGMA_STEP) * _SIGMA_STEP
    return Op("noise", {"sigma": sigma, "lot": int(draw() * _NOISE_LENGTH)})


def _draw_translate(draw: Draw, rules: Rules) -> Op:
    # Whole pixels: a shift alone then moves pixels without smoothing them.
    bounds = rules.ranges.translate
    return Op("translate", {"shift": [round(_between(draw, bounds)), round(_between(draw, bounds))]})


_GEOMETRIC = frozenset(("translate", "rotate", "zoom", "flip"))
DRAWS: tuple[Callable[[Draw, Rules], Op], ...] = (
    _draw_none,
    _draw_flip,
    _draw_rotate,
    _draw_zoom,
    _draw_blur,
    _draw_noise,
    _draw_translate,
)
"""The seven operations of the report (F23), one of which does nothing (F24)."""


def draw_view(rules: Rules, seed: int, galaxy_id: str, index: int) -> View:
    """Draw the operations of one view; view 0 is the original."""
    if index == 0:
        return View(0)
    draw = uniforms("view", seed, galaxy_id, index)
    bag = list(DRAWS)
    drawn = [bag.pop(int(draw() * len(bag))) for _ in range(rules.ranges.ops)]
    return View(index, tuple([one(draw, rules) for one in drawn]))


def draw_views(rules: Rules, seed: int, galaxy_id: str) -> tuple[View, ...]:
    """Draw view 0 and the ``count`` augmented views of a galaxy."""
    return tuple([draw_view(rules, seed, galaxy_id, index) for index in range(rules.ranges.count + 1)])


def render(frame: Pixels, view: View, crop: int) -> Pixels:
    """Make one view.

    Args:
        frame: uint8 [H, W, 4], the whole source image.
        view: what to do.
        crop: size, px.

    Returns:
        uint8 [crop, crop, 3], RGB.
    """
    image = to_rgb(warp(frame, view.geometry, crop))
    for op in view.pixel_ops:
        image = _PIXEL_OPS[op.name](image, **op.params)
    return image


def _order_of_application(op: Op) -> int:
    return ORDER_OF_APPLICATION.index(op.name)


def describe(view: View, height: int, width: int, crop: int, repairs: tuple[Op, ...] = ()) -> bytes:
    """What was done to a view, as the JSON that a record holds.

    Args:
        view: its operations come in the order they are applied.
        height: of the frame, px.
        width: of the frame, px; a note says where pixels beyond it were filled in.
        crop: px.
        repairs: what was done to the frame before.
    """
    if not view.ops and not repairs:
        return b"[]"
    ops = [op.json for op in (*repairs, *view.ops)]
    if leaves_frame(view.geometry, height, width, crop):
        ops.append(_shared("fill", "border", "reflect-101").json)
    return f"[{','.join(ops)}]".encode()


@cache
def _gaussian(kernel: int) -> npt.NDArray[np.float64]:
    """Weights of a Gaussian, float64 [kernel, 1]: albumentations' own, but for the last bit of a double."""
    # Without a sigma, OpenCV takes rounded weights from a table for kernels of up to 9 px.
    return np.asarray(cv2.getGaussianKernel(kernel, sigma_of(kernel)), np.float64)


def sigma_of(kernel: int) -> float:
    """Sigma of a Gaussian blur by its kernel size, px: OpenCV's rule."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def blur(image: Pixels, kernel: int) -> Pixels:
    """Gaussian blur with an odd kernel size in px; sigma follows as in OpenCV, border reflect-101 (F29)."""
    if kernel <= _LARGEST_FIXED_POINT:
        return cv2.GaussianBlur(image, (kernel, kernel), 0)  # type: ignore[return-value]
    weights = _gaussian(kernel)
    # What albumentations' GaussianBlur comes down to; its wrappers cost 20 us an image (a test holds the two equal).
    return cv2.sepFilter2D(image, -1, weights, weights)  # type: ignore[return-value]


@cache
def _normal_table() -> npt.NDArray[np.float32]:
    return np.random.default_rng(_NOISE_SEED).standard_normal(_NOISE_LENGTH, dtype=np.float32)


@lru_cache(maxsize=32)
def _noise_tables(sigma: float, length: int) -> tuple[Pixels, Pixels]:
    """What noise adds and what it takes away, rounded to grey levels: made once a process and sigma."""
    levels = np.rint(np.float32(sigma) * np.resize(_normal_table(), length))
    return levels.clip(0, 255).astype(np.uint8), (-levels).clip(0, 255).astype(np.uint8)


def noise_map(shape: tuple[int, ...], sigma: float, noise_offset: int) -> npt.NDArray[np.float32]:
    """What :func:`noise` adds to an image before the sum is held to 0..255: whole grey levels, float32 of its shape."""
    size = math.prod(shape)
    more, less = _noise_tables(sigma, max(_NOISE_LENGTH, 2 * size))
    start = noise_offset % (more.size - size + 1)
    stretch = slice(start, start + size)
    return (more[stretch].astype(np.float32) - less[stretch]).reshape(shape)


def noise(image: Pixels, sigma: float, noise_offset: int) -> Pixels:
    """Add Gaussian noise, rounded and held to 0..255 (F30).

    Two saturating operations on stretches of prepared tables: far quicker than to draw new numbers for each view.

    Args:
        image: uint8 [H, W, 3].
        sigma: standard deviation, grey levels.
        noise_offset: where in the tables the view's stretch begins.
    """
    more, less = _noise_tables(sigma, max(_NOISE_LENGTH, 2 * image.size))
    start = noise_offset % (more.size - image.size + 1)
    shape, stretch = image.shape, slice(start, start + image.size)
    return cv2.subtract(cv2.add(image, more[stretch].reshape(shape)), less[stretch].reshape(shape))  # type: ignore[return-value]


def denoise(image: Pixels, method: str) -> Pixels:
    """Remove salt and pepper by a 3x3 median, or smooth by non-local means, about 0.1 s an image (F31)."""
    if method == "median":
        return cv2.medianBlur(image, 3)  # type: ignore[return-value]
    swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # it goes through CIELAB, and takes the first channel for blue
    cleaned = cv2.fastNlMeansDenoisingColored(swapped, None, 3, 3, 7, 21)
    return cv2.cvtColor(cleaned, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


NOTES = frozenset(("inpaint", "mask", "fill"))
"""Operations of a record that no view draws: what was done to its frame before, and where an edge was filled."""


def _stored_noise(image: Pixels, sigma: float, lot: int) -> Pixels:
    return noise(image, sigma, noise_offset=lot)  # ``lot`` is its name in the ``ops`` of format 1


_PIXEL_OPS: dict[str, Callable[..., Pixels]] = {"blur": blur, "noise": _stored_noise, "denoise": denoise}
