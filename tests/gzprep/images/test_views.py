"""Views: what is drawn and how often, and that it is applied as albumentations and OpenCV do.

The draw is a function of (seed, id, view). Bounds on frequencies are five standard deviations of what chance gives.
"""

import itertools
import json
import math
import os
import random
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.images import Pixels, decode
from gzprep.config import Crop, from_mapping
from gzprep.config import Views as ViewRules
from gzprep.images.codec import encode
from gzprep.images.geometry import Geometry, warp
from gzprep.images.views import (
    DRAWS,
    Op,
    Rules,
    View,
    blur,
    denoise,
    describe,
    draw_view,
    draw_views,
    noise,
    render,
    whole_zoom,
)
from tests.golden.regenerate_records import draw_frame
from tests.pixels import centre_crop

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A  # noqa: N812 -- its own name for itself

RULES = Rules(ViewRules(), 224)
NAMES = ("none", "flip", "rotate", "zoom", "blur", "noise or denoise", "translate")
MANY = 1750

cv2.setNumThreads(1)


def kind(op: Op) -> str:
    """One of the seven: noise and denoise are two sides of one operation."""
    return "noise or denoise" if op.name in ("noise", "denoise") else op.name


@cache
def many_views() -> tuple[View, ...]:
    """21,000 drawn views of 1,750 galaxies."""
    return tuple(view for name in range(MANY) for view in draw_views(RULES, 1, str(name))[1:])


def drawn(name: str, views: Iterable[View] | None = None) -> list[dict[str, Any]]:
    """Parameters of every draw of an operation."""
    return [op.params for view in views or many_views() for op in view.ops if op.name == name]


def assert_even(counts: Iterable[int], cells: int) -> None:
    """Chi-square of counts against an even spread, within five standard deviations of what chance gives."""
    seen = [*counts]
    assert len(seen) == cells
    expected = sum(seen) / cells
    chi_square = sum((count - expected) ** 2 / expected for count in seen)
    assert chi_square < cells - 1 + 5 * math.sqrt(2 * (cells - 1))


def assert_uniform(values: Iterable[float], low: float, high: float) -> None:
    """Every value within the range, and all of the range used evenly."""
    numbers = np.array([*values])
    assert numbers.min() >= low
    assert numbers.max() <= high
    assert_even(np.histogram(numbers, bins=20, range=(low, high))[0].tolist(), 20)


def assert_half(part: int, whole: int) -> None:
    """A fair coin, within five standard deviations."""
    assert abs(part - whole / 2) < 2.5 * math.sqrt(whole)


# the draw is a function of (seed, id, view)


def test_a_draw_is_pinned() -> None:
    """These very numbers, on every machine: they come out of a hash."""
    rotate, zoom, translate = draw_view(RULES, 0, "587722981736120347", 12).ops
    assert rotate == Op("rotate", {"degrees": -179.94527958333492})
    assert zoom == Op("zoom", {"zoom": 224 / 238})
    assert translate == Op("translate", {"shift": [1, -2]})


def test_views_come_in_order_and_the_first_is_the_original() -> None:
    views = draw_views(RULES, 0, "a")
    assert [view.index for view in views] == list(range(13))
    assert views[0].ops == ()
    assert all(len(view.ops) == 3 for view in views[1:])


def test_a_draw_does_not_depend_on_what_was_drawn_before() -> None:
    names, indices = [f"galaxy {place}" for place in range(20)], range(1, 13)
    forward = {(name, index): draw_view(RULES, 3, name, index) for name in names for index in indices}
    shuffled = list(forward)
    random.Random(1).shuffle(shuffled)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002 -- the global generators must not matter
    assert {key: draw_view(RULES, 3, *key) for key in shuffled} == forward


def test_fewer_views_are_the_first_of_more() -> None:
    fewer = Rules(from_mapping({"views": {"count": 4}}).views, 224)
    assert draw_views(fewer, 3, "a") == draw_views(RULES, 3, "a")[:5]


@settings(deadline=None)
@given(seed=st.integers(), galaxy_id=st.text(min_size=1), index=st.integers(1, 99))
def test_seed_id_and_view_each_change_the_draw(seed: int, galaxy_id: str, index: int) -> None:
    view = draw_view(RULES, seed, galaxy_id, index)
    assert view == draw_view(RULES, seed, galaxy_id, index)
    if {op.name for op in view.ops} & {"rotate", "zoom", "translate", "noise"}:  # others may come twice
        assert view.ops != draw_view(RULES, seed + 1, galaxy_id, index).ops
        assert view.ops != draw_view(RULES, seed, galaxy_id + "'", index).ops
        assert view.ops != draw_view(RULES, seed, galaxy_id, index + 1).ops


# how often what is drawn


def test_there_are_seven_operations() -> None:
    assert len(DRAWS) == 7
    assert {kind(op) for view in many_views() for op in view.ops} == set(NAMES)


def test_three_of_seven_without_replacement() -> None:
    assert all(len({kind(op) for op in view.ops}) == len(view.ops) == 3 for view in many_views())


def test_each_operation_is_in_three_views_of_seven() -> None:
    counts = Counter(kind(op) for view in many_views() for op in view.ops)
    views = len(many_views())
    for name in NAMES:
        assert abs(counts[name] - views * 3 / 7) < 5 * math.sqrt(views * 3 / 7 * 4 / 7), name


def test_every_order_of_every_three_is_as_likely() -> None:
    assert_even(Counter(tuple(map(kind, view.ops)) for view in many_views()).values(), 7 * 6 * 5)


@pytest.mark.parametrize("number", [0, 1, 7])
def test_another_number_of_operations(number: int) -> None:
    rules = Rules(from_mapping({"views": {"ops": number}}).views, 224)
    for view in draw_views(rules, 0, "a")[1:]:
        assert len({kind(op) for op in view.ops}) == len(view.ops) == number


def test_noise_or_denoise_is_a_fair_coin() -> None:
    noisy, clean = drawn("noise"), drawn("denoise")
    assert_half(len(noisy), len(noisy) + len(clean))
    assert all(params == {"method": "median"} for params in clean)


def test_the_two_flips_are_a_fair_coin() -> None:
    counts = Counter(params["flip"] for params in drawn("flip"))
    assert set(counts) == {"horizontal", "vertical"}
    assert_half(counts["horizontal"], counts.total())


def test_kernels_are_even() -> None:
    counts = Counter(params["kernel"] for params in drawn("blur"))
    assert set(counts) == {3, 5, 7}
    assert_even(counts.values(), 3)


def test_degrees_are_uniform() -> None:
    assert_uniform((params["degrees"] for params in drawn("rotate")), -180, 180)


ROUNDED: dict[str, tuple[list[float], float, float, float]] = {
    "shift in x": ([params["shift"][0] for params in drawn("translate")], -8, 8, 1),
    "shift in y": ([params["shift"][1] for params in drawn("translate")], -8, 8, 1),
    "sigma": ([params["sigma"] for params in drawn("noise")], 1, 8, 0.5),
}


@pytest.mark.parametrize(("values", "low", "high", "step"), ROUNDED.values(), ids=ROUNDED.keys())
def test_shift_and_sigma_are_uniform_up_to_rounding(values: list[float], low: float, high: float, step: float) -> None:
    counts = Counter(values)
    steps = round((high - low) / step)
    assert set(counts) == {low + place * step for place in range(steps + 1)}
    inner = [count for value, count in counts.items() if low < value < high]
    assert_even(inner, steps - 1)
    for end in (low, high):  # half as often: only numbers from one side are rounded to it
        expected = len(values) / steps / 2
        assert abs(counts[end] - expected) < 5 * math.sqrt(expected)


def test_the_two_shifts_of_a_view_are_independent() -> None:
    shifts = np.array([params["shift"] for params in drawn("translate")])
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 5 / math.sqrt(len(shifts))


def test_zoom_is_log_uniform_up_to_whole_source_pixels() -> None:
    sides = Counter(round(224 / params["zoom"]) for params in drawn("zoom"))
    assert set(sides) == set(range(204, 250, 2))
    assert {params["zoom"] for params in drawn("zoom")} == {224 / side for side in sides}
    steps = np.log(224 / np.arange(203.0, 251.0, 2.0)).clip(math.log(0.9), math.log(1.1))  # where rounding changes
    expected = -np.diff(steps) / math.log(1.1 / 0.9) * sides.total()
    chi_square = sum((sides[side] - share) ** 2 / share for side, share in zip(sorted(sides), expected, strict=True))
    assert chi_square < 22 + 5 * math.sqrt(2 * 22)


@pytest.mark.parametrize(
    ("zoom", "crop", "side"),
    [(1.0, 224, 224), (1.1, 224, 204), (0.9, 224, 248), (1.1, 225, 205), (50.0, 4, 2), (9, 3, 1)],
)
def test_a_whole_zoom_shows_a_window_around_the_same_centre(zoom: float, crop: int, side: int) -> None:
    assert whole_zoom(zoom, crop) == crop / side
    assert Geometry(zoom=whole_zoom(zoom, crop)).window(crop) == side


def test_zoom_of_a_symmetric_range_neither_grows_nor_shrinks() -> None:
    rules = Rules(from_mapping({"views": {"zoom": [0.5, 2.0]}}).views, 224)
    zooms = [params["zoom"] for params in drawn("zoom", (draw_view(rules, 0, str(name), 1) for name in range(7000)))]
    assert_half(sum(zoom > 1 for zoom in zooms), len(zooms))


def test_the_reports_zoom_is_negative_in_37_percent() -> None:
    rules = Rules(from_mapping({"views": {"zoom": [-0.9, 1.5], "zoom_draw": "uniform"}}).views, 224)
    zooms = np.array([p["zoom"] for p in drawn("zoom", (draw_view(rules, 0, str(name), 1) for name in range(14000)))])
    assert zooms.min() >= -0.9
    assert zooms.max() <= 1.5
    assert abs(zooms).min() >= 0.05
    assert abs((zooms < 0).mean() - 0.9 / 2.4) < 5 * math.sqrt(0.375 * 0.625 / len(zooms))
    assert abs((abs(zooms) == 0.05).mean() - 0.1 / 2.4) < 5 * math.sqrt(0.1 / 2.4 / len(zooms))


def test_noise_of_different_views_starts_at_different_places() -> None:
    offsets = [params["lot"] for params in drawn("noise")]
    assert_uniform(offsets, 0, 1 << 19)
    assert len(set(offsets)) > 0.98 * len(offsets)


# what a view is


def test_geometry_gathers_what_was_drawn() -> None:
    ops = (Op("zoom", {"zoom": 1.1}), Op("translate", {"shift": [1.5, -2.0]}), Op("rotate", {"degrees": 30.0}))
    assert View(1, ops).geometry == Geometry((1.5, -2.0), 30.0, 1.1)
    assert View(1, (Op("flip", {"flip": "vertical"}), Op("none", {}))).geometry == Geometry(flip="vertical")


ALL_OPS = (
    Op("none", {}),
    Op("flip", {"flip": "horizontal"}),
    Op("rotate", {"degrees": 33.0}),
    Op("zoom", {"zoom": 1.07}),
    Op("blur", {"kernel": 5}),
    Op("noise", {"sigma": 4.0, "lot": 12345}),
    Op("translate", {"shift": [4.5, -3.25]}),
)


def test_the_order_of_the_draw_does_not_matter() -> None:
    frame = draw_frame(64, 1)
    for ops in itertools.combinations(ALL_OPS, 3):
        first = render(frame, View(1, ops), 32)
        for order in itertools.permutations(ops):
            np.testing.assert_array_equal(render(frame, View(1, order), 32), first)


def test_geometry_then_blur_then_noise_then_denoise() -> None:
    frame = draw_frame(64, 1)
    ops = (*ALL_OPS, Op("denoise", {"method": "median"}))
    crop = warp(frame, Geometry((4.5, -3.25), 33.0, 1.07, "horizontal"), 32)[..., :3]
    expected = denoise(noise(blur(np.ascontiguousarray(crop), 5), 4.0, 12345), "median")
    np.testing.assert_array_equal(render(frame, View(1, ops[::-1]), 32), expected)


def test_every_view_is_rgb_and_leaves_the_frame_alone() -> None:
    frame = draw_frame(64, 1)
    before = frame.copy()
    frame.flags.writeable = False
    for view in many_views()[:200]:
        image = render(frame, view, 32)
        assert (image.shape, image.dtype, image.flags.c_contiguous) == ((32, 32, 3), np.uint8, True)
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize("crop", [224, 256])
def test_view_0_is_the_centre_crop(crop: int) -> None:
    frame = draw_frame(424, 1)
    view = draw_view(RULES, 0, "a", 0)
    image = render(frame, view, crop)
    np.testing.assert_array_equal(image, centre_crop(frame, crop)[..., :3], strict=True)
    assert not np.shares_memory(image, frame)
    np.testing.assert_array_equal(decode(encode(image, Crop(size=crop, encoding="png"))), image)


def test_a_view_that_does_nothing_is_the_centre_crop() -> None:
    frame = draw_frame(64, 1)
    image = render(frame, View(1, (Op("none", {}),)), 32)
    np.testing.assert_array_equal(image, centre_crop(frame, 32)[..., :3])


def test_view_0_of_real_galaxies_survives_its_jpeg(real_data: Any) -> None:
    paths = sorted((real_data / "gz2" / "images").glob("*/*.jpg"))[::30]
    for path in paths:
        image = render(decode(path.read_bytes(), "RGBA"), View(0), 224)
        back = decode(encode(image, Crop()))
        error = back.astype(int) - image
        assert abs(error).mean() < 1.5, path  # quality 90: 0.9 on average, 1.27 at worst
        assert abs(error.mean(axis=(0, 1))).max() < 0.5, path  # and no channel brighter or darker


# blur


@pytest.mark.parametrize(("kernel", "bound"), [(3, 1), (5, 1), (7, 0)])
def test_blur_is_that_of_albumentations(kernel: int, bound: int) -> None:
    """Up to a rounding where OpenCV's own GaussianBlur is faster than the two passes of albumentations'."""
    image = np.ascontiguousarray(draw_frame(424, 2)[100:324, 100:324, :3])
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    theirs = A.GaussianBlur(blur_limit=(kernel, kernel), sigma_limit=(sigma, sigma), p=1)(image=image)["image"]
    assert abs(blur(image, kernel).astype(int) - theirs).max() <= bound
    assert abs(theirs.astype(int) - image).max() > 5


@pytest.mark.parametrize(("kernel", "bound"), [(3, 0), (5, 0), (7, 1)])
def test_blur_is_that_of_opencv_which_the_report_used(kernel: int, bound: int) -> None:
    image = np.ascontiguousarray(draw_frame(424, 2)[100:324, 100:324, :3])
    theirs = cv2.GaussianBlur(image, (kernel, kernel), 0).astype(int)
    assert abs(blur(image, kernel) - theirs).max() <= bound


def test_blur_keeps_a_constant_and_reflects_at_the_border() -> None:
    np.testing.assert_array_equal(blur(np.full((32, 32, 3), 77, np.uint8), 7), 77)
    image = np.ascontiguousarray(draw_frame(32, 2)[..., :3])
    mirrored = np.pad(image, ((8, 8), (8, 8), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(blur(image, 7), blur(mirrored, 7)[8:-8, 8:-8])


# noise


def grey(level: int, side: int = 224) -> Pixels:
    return np.full((side, side, 3), level, np.uint8)


@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0, 5.5, 8.0])
def test_noise_has_the_drawn_sigma_and_no_mean(sigma: float) -> None:
    noisy = noise(grey(128), sigma, 1234567) - 128.0
    expected = math.sqrt(sigma**2 + 1 / 12)  # rounding adds a twelfth to the variance
    number = noisy.size
    assert noisy.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * number))
    assert abs(noisy.mean()) < 5 * expected / math.sqrt(number)


def test_noise_is_independent_in_pixels_and_channels() -> None:
    noisy = noise(grey(128), 8.0, 99) - 128.0
    pairs = {
        "red and green": (noisy[..., 0], noisy[..., 1]),
        "green and blue": (noisy[..., 1], noisy[..., 2]),
        "red and blue": (noisy[..., 0], noisy[..., 2]),
        "right": (noisy[:, 1:], noisy[:, :-1]),
        "below": (noisy[1:], noisy[:-1]),
    }
    for name, (one, other) in pairs.items():
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / math.sqrt(one.size), name


def test_noise_is_gaussian() -> None:
    noisy = np.abs(noise(grey(128), 8.0, 7) - 128.0)
    for sigmas, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        limit = sigmas * 8.0
        within = ((noisy < limit) + 0.5 * (noisy == limit)).mean()  # a rounded value on the limit counts half
        assert within == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / noisy.size) + 0.001)


def test_noise_comes_again_from_its_offset_and_differs_between_offsets() -> None:
    offsets = (0, 1, 1000, (1 << 21) - 1)
    images = [noise(grey(128, 32), 5.0, offset) for offset in offsets]
    for offset, image in zip(offsets, images, strict=True):
        np.testing.assert_array_equal(noise(grey(128, 32), 5.0, offset), image)
    for one, other in itertools.combinations(images, 2):
        assert (one != other).mean() > 0.5


def test_noise_differs_between_views_and_galaxies() -> None:
    frame = np.full((64, 64, 4), 128, np.uint8)
    noisy = [view for view in many_views() if {op.name for op in view.ops} <= {"noise", "none", "flip", "rotate"}][:40]
    noisy = [view for view in noisy if drawn("noise", [view])]
    images = {render(frame, view, 32).tobytes() for view in noisy}
    assert len(images) == len(noisy) > 10


def test_noise_saturates_and_does_not_wrap() -> None:
    black, white = noise(grey(0), 8.0, 5), noise(grey(255), 8.0, 5)
    assert black.max() < 50
    assert white.min() > 205
    assert (black == 0).mean() == pytest.approx(0.525, abs=0.01)  # half of it, and what rounds to 0
    assert (white == 255).mean() == pytest.approx(0.525, abs=0.01)


def test_noise_is_added_to_the_image() -> None:
    image = np.clip(draw_frame(32, 3)[..., :3], 60, 190)
    difference = noise(image, 5.0, 42).astype(int) - image
    np.testing.assert_array_equal(difference, noise(grey(128, 32), 5.0, 42).astype(int) - 128)


def test_noise_of_an_image_larger_than_the_table() -> None:
    noisy = noise(np.full((1000, 1000, 3), 128, np.uint8), 4.0, 1999999) - 128.0
    assert noisy.std() == pytest.approx(math.sqrt(16 + 1 / 12), rel=0.005)


# denoise


def test_median_is_that_of_albumentations() -> None:
    image = np.ascontiguousarray(draw_frame(424, 2)[100:324, 100:324, :3])
    theirs = A.MedianBlur(blur_limit=(3, 3), p=1)(image=image)["image"]
    np.testing.assert_array_equal(denoise(image, "median"), theirs, strict=True)


def test_median_removes_salt_and_pepper() -> None:
    image = grey(100, 32)
    image[5, 5], image[20, 11] = 255, 0
    np.testing.assert_array_equal(denoise(image, "median"), 100)


def coloured_noise() -> Pixels:
    """A yellow-brown image with Gaussian noise: far from the grey on which channel order would not show."""
    return np.ascontiguousarray(noise(grey(0, 64) + np.array((200, 120, 40), np.uint8), 6.0, 31))


def test_non_local_means_smooths_and_keeps_the_colour() -> None:
    image = coloured_noise()
    cleaned = denoise(image, "non-local-means")
    assert (cleaned.shape, cleaned.dtype) == (image.shape, np.uint8)
    assert (cleaned.std(axis=(0, 1)) < image.std(axis=(0, 1)) / 3).all()
    np.testing.assert_allclose(cleaned.mean(axis=(0, 1)), (200, 120, 40), atol=1.5)


def test_non_local_means_knows_red_from_blue() -> None:
    """OpenCV's filter expects blue, green, red; fed red first it takes the wrong lightness (fault of F31)."""
    image = coloured_noise()
    blue_first = cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(image[..., ::-1]), None, 3, 3, 7, 21)
    np.testing.assert_array_equal(denoise(image, "non-local-means"), blue_first[..., ::-1])


# what a record says of a view


def test_description_holds_the_operations_in_the_order_of_the_draw() -> None:
    for view in many_views()[:50]:
        ops = json.loads(describe(view, 424, 424, 224))
        assert [op["op"] for op in ops] == [op.name for op in view.ops]
        assert [{**op.params, "op": op.name} for op in view.ops] == ops


def test_description_notes_the_fill() -> None:
    turned = View(3, (Op("rotate", {"degrees": 45.0}), Op("none", {})))
    assert json.loads(describe(turned, 424, 424, 424)) == [
        {"op": "rotate", "degrees": 45.0},
        {"op": "none"},
        {"op": "fill", "border": "reflect-101"},
    ]
    assert json.loads(describe(turned, 424, 424, 256)) == [{"op": "rotate", "degrees": 45.0}, {"op": "none"}]


def test_no_fill_at_the_default_ranges() -> None:
    for crop in (224, 256):
        assert not any(b"fill" in describe(view, 424, 424, crop) for view in many_views()[:5000])


def test_description_of_the_original_is_an_empty_list() -> None:
    assert describe(View(0), 424, 424, 224) == b"[]"


def test_a_described_view_can_be_made_again() -> None:
    frame = draw_frame(64, 1)
    for view in many_views()[:30]:
        ops = [Op(op.pop("op"), op) for op in json.loads(describe(view, 424, 424, 32))]
        np.testing.assert_array_equal(render(frame, View(1, tuple(ops)), 32), render(frame, view, 32))
