"""The fused warp against slices, against algebra and against albumentations; nothing beyond the frame gets in."""

import itertools
import math
import os
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.images import Pixels, decode
from gzprep.images.geometry import Geometry, crop_offset, flipped, leaves_frame, matrix, warp
from tests.golden.regenerate_records import draw_frame
from tests.pixels import centre_crop

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A  # noqa: N812 -- its own name for itself

FRAME = 424
ANGLES = range(-180, 181, 5)  # 45 degrees is where a square reaches furthest
CORNERS = [
    Geometry((x, y), float(degrees), zoom)
    for degrees, zoom, x, y in itertools.product(ANGLES, (0.9, 1.0, 1.1), (-8.0, 8.0), (-8.0, 8.0))
]
"""The extremes of the default ranges."""

cv2.setNumThreads(1)


def drawn_geometries(number: int, seed: int) -> list[Geometry]:
    """Geometries of the default ranges whose shift, once turned and magnified, is whole: as albumentations needs it."""
    rng = random.Random(seed)
    geometries = []
    for place in range(number):
        degrees, zoom = rng.uniform(-180, 180), rng.uniform(0.9, 1.1)
        after = complex(rng.randint(-5, 5), rng.randint(-5, 5))
        before = after / (zoom * turn(degrees))
        geometries.append(
            Geometry((before.real, before.imag), degrees, zoom, (None, "horizontal", "vertical")[place % 3])
        )
    return geometries


def turn(degrees: float) -> complex:
    """A counter-clockwise turn, as a factor of x + iy where y points down."""
    return complex(math.cos(math.radians(degrees)), -math.sin(math.radians(degrees)))


def by_albumentations(frame: Pixels, geometry: Geometry, crop: int) -> Pixels:
    """The same by one Affine, whose translation comes last and is rounded to whole pixels, and a centre crop."""
    after = complex(*geometry.shift) * geometry.zoom * turn(geometry.degrees)
    steps: list[Any] = [
        A.Affine(
            scale=(geometry.zoom, geometry.zoom),
            rotate=(geometry.degrees, geometry.degrees),
            translate_px={"x": round(after.real), "y": round(after.imag)},
            interpolation=cv2.INTER_LINEAR,
            border_mode=cv2.BORDER_REFLECT_101,
            p=1,
        ),
        A.CenterCrop(crop, crop, p=1),
    ]
    if geometry.flip is not None:
        steps.append((A.HorizontalFlip if geometry.flip == "horizontal" else A.VerticalFlip)(p=1))
    for step in steps:
        frame = step(image=frame)["image"]
    return frame


def assert_like_albumentations(frame: Pixels, geometry: Geometry, crop: int) -> None:
    ours = warp(frame, geometry, crop)[..., :3].astype(int)
    theirs = by_albumentations(np.ascontiguousarray(frame[..., :3]), geometry, crop)
    assert ours.shape == theirs.shape
    assert (abs(ours - theirs) <= 2).mean() >= 0.995, geometry


# crops


@pytest.mark.parametrize(
    ("frame", "crop", "offset"),
    [(424, 224, 100), (424, 256, 84), (424, 424, 0), (425, 224, 100), (424, 223, 100), (9, 8, 0)],
)
def test_centre_crop_is_a_slice(frame: int, crop: int, offset: int) -> None:
    image = draw_frame(frame, 1)
    assert crop_offset(frame, crop) == offset
    np.testing.assert_array_equal(
        centre_crop(image, crop), image[offset : offset + crop, offset : offset + crop], strict=True
    )


def test_an_oblong_frame_is_cropped_in_its_middle() -> None:
    image = draw_frame(64, 1)[:40]
    np.testing.assert_array_equal(centre_crop(image, 32), image[4:36, 16:48])


# the matrix


def finite(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


@settings(deadline=None)
@given(
    geometry=st.builds(
        Geometry,
        shift=st.tuples(finite(-50, 50), finite(-50, 50)),
        degrees=finite(-360, 360),
        zoom=st.one_of(finite(0.05, 4), finite(-4, -0.05)),
        flip=st.sampled_from((None, "horizontal", "vertical")),
    ),
    sides=st.tuples(st.integers(16, 500), st.integers(16, 500)),
    crop=st.integers(8, 16),
    point=st.tuples(finite(-100, 600), finite(-100, 600)),
)
def test_matrix_is_shift_then_turn_then_zoom_then_flip_then_crop(
    geometry: Geometry, sides: tuple[int, int], crop: int, point: tuple[float, float]
) -> None:
    height, width = sides
    centre = complex((width - 1) / 2, (height - 1) / 2)
    place = (complex(*point) + complex(*geometry.shift) - centre) * turn(geometry.degrees) * geometry.zoom
    if geometry.flip == "horizontal":
        place = -place.conjugate()
    elif geometry.flip == "vertical":
        place = place.conjugate()
    place += centre - complex((width - crop) // 2, (height - crop) // 2)
    got = matrix(geometry, height, width, crop) @ (*point, 1)
    np.testing.assert_allclose(got, (place.real, place.imag), rtol=0, atol=1e-9)


def test_zoom_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="zoom is 0"):
        Geometry(zoom=0.0)


# one warp against albumentations


@pytest.mark.parametrize("crop", [224, 256])
def test_fused_geometry_is_one_albumentations_affine_on_a_drawn_galaxy(crop: int) -> None:
    frame = draw_frame(FRAME, 5)
    for geometry in drawn_geometries(30, seed=crop):
        assert_like_albumentations(frame, geometry, crop)


@pytest.mark.parametrize("crop", [224, 256])
def test_fused_geometry_is_one_albumentations_affine_on_real_galaxies(real_data: Path, crop: int) -> None:
    paths = sorted((real_data / "gz2" / "images").glob("*/*.jpg"))[::100]
    assert paths
    for seed, path in enumerate(paths):
        frame = decode(path.read_bytes(), "RGBA")
        for geometry in drawn_geometries(6, seed):
            assert_like_albumentations(frame, geometry, crop)


def test_the_comparison_would_see_a_wrong_sign() -> None:
    frame, geometry = draw_frame(FRAME, 5), Geometry((0.0, 0.0), 30.0, 1.05)
    ours = warp(frame, Geometry((0.0, 0.0), -30.0, 1.05), 224)[..., :3].astype(int)
    theirs = by_albumentations(np.ascontiguousarray(frame[..., :3]), geometry, 224)
    assert (abs(ours - theirs) <= 2).mean() < 0.5


# golden pixels: which way is which


@pytest.mark.parametrize("shift", list(itertools.product((-8, -3, 0, 5), (-8, 0, 1, 7))))
def test_a_whole_shift_is_an_exact_slice(shift: tuple[int, int]) -> None:
    frame, (x, y) = draw_frame(64, 2), shift
    np.testing.assert_array_equal(warp(frame, Geometry((x, y)), 32), frame[16 - y : 48 - y, 16 - x : 48 - x])


@pytest.mark.parametrize(("flip", "step"), [("horizontal", (1, -1)), ("vertical", (-1, 1)), (None, (1, 1))])
def test_a_flip_alone_is_exact(flip: Any, step: tuple[int, int]) -> None:
    frame = draw_frame(64, 2)
    expected = frame[16:48, 16:48][:: step[0], :: step[1]]
    np.testing.assert_array_equal(warp(frame, Geometry(flip=flip), 32), expected)
    np.testing.assert_array_equal(flipped(frame[16:48, 16:48], flip), expected)
    assert not leaves_frame(Geometry(flip=flip), 64, 64, 64)


def dot(x: int, y: int) -> Pixels:
    """A dark 65 px frame with one bright pixel; its centre is (32, 32)."""
    frame = np.zeros((65, 65, 4), np.uint8)
    frame[y, x] = 255
    return frame


@pytest.mark.parametrize(
    ("geometry", "start", "end"),
    [
        pytest.param(Geometry((5, 0)), (32, 32), (37, 32), id="positive x moves content right"),
        pytest.param(Geometry((0, 5)), (32, 32), (32, 37), id="positive y moves content down"),
        pytest.param(Geometry(degrees=90), (42, 32), (32, 22), id="+90 takes the right to the top"),
        pytest.param(Geometry(degrees=90), (32, 22), (22, 32), id="+90 takes the top to the left"),
        pytest.param(Geometry(degrees=-90), (42, 32), (32, 42), id="-90 takes the right to the bottom"),
        pytest.param(Geometry(degrees=180), (42, 35), (22, 29), id="180 goes through the centre"),
        pytest.param(Geometry(zoom=2), (32, 32), (32, 32), id="zoom keeps the centre"),
        pytest.param(Geometry(zoom=2), (37, 30), (42, 28), id="zoom 2 doubles the distance"),
        pytest.param(Geometry(zoom=-1), (42, 35), (22, 29), id="a negative zoom turns by 180"),
        pytest.param(Geometry(flip="horizontal"), (42, 35), (22, 35), id="horizontal is left-right"),
        pytest.param(Geometry(flip="vertical"), (42, 35), (42, 29), id="vertical is up-down"),
        pytest.param(Geometry((5, 0), degrees=90), (32, 32), (32, 27), id="the shift comes before the turn"),
        pytest.param(Geometry((5, 0), zoom=2), (32, 32), (42, 32), id="the shift comes before the zoom"),
        pytest.param(Geometry(degrees=90, flip="vertical"), (42, 32), (32, 42), id="the flip comes after the turn"),
        pytest.param(Geometry((5, 0), flip="horizontal"), (32, 32), (27, 32), id="the flip comes after the shift"),
    ],
)
def test_a_bright_pixel_lands_where_it_should(geometry: Geometry, start: tuple[int, int], end: tuple[int, int]) -> None:
    for crop in (65, 41):
        image = warp(dot(*start), geometry, crop)[..., 0]
        offset = (65 - crop) // 2
        brightest = np.unravel_index(int(image.argmax()), image.shape)
        assert image.max() == 255
        assert (brightest[1] + offset, brightest[0] + offset) == end


def test_plus_90_is_a_counter_clockwise_quarter_turn_of_every_pixel() -> None:
    frame = draw_frame(64, 3)
    np.testing.assert_array_equal(warp(frame, Geometry(degrees=90.0), 32), np.rot90(centre_crop(frame, 32)))


def test_zoom_two_shows_the_middle_half() -> None:
    frame = draw_frame(65, 4)
    zoomed = warp(frame, Geometry(zoom=2.0), 33)
    np.testing.assert_array_equal(zoomed[::2, ::2], frame[24:41, 24:41])


# the edge of the frame


@pytest.mark.parametrize(("crop", "reach"), [(224, 183.20), (256, 208.35)])
def test_default_ranges_stay_inside_the_frame(crop: int, reach: float) -> None:
    furthest = 0.0
    last = crop - 1
    corners = np.array(((0, last, 0, last), (0, 0, last, last), (1, 1, 1, 1)))
    for geometry in CORNERS:
        assert not leaves_frame(geometry, FRAME, FRAME, crop), geometry
        whole = np.vstack((matrix(geometry, FRAME, FRAME, crop), (0, 0, 1)))
        source = (np.linalg.inv(whole) @ corners)[:2]
        furthest = max(furthest, float(abs(source - (FRAME - 1) / 2).max()))
    assert furthest == pytest.approx(reach, abs=0.1)
    assert furthest < 211.5


@pytest.mark.parametrize(
    ("geometry", "crop", "leaves"),
    [
        (Geometry(), 424, False),
        (Geometry(flip="vertical"), 424, False),
        (Geometry(zoom=1.1), 424, False),
        (Geometry(zoom=-1.0), 424, False),
        (Geometry(degrees=1.0), 424, True),
        (Geometry(degrees=45.0), 424, True),
        (Geometry(zoom=0.99), 424, True),
        (Geometry(shift=(0.5, 0.0)), 424, True),
        (Geometry(shift=(0.0, -0.5)), 424, True),
        (Geometry(shift=(100.0, -100.0)), 224, False),
        (Geometry(shift=(100.5, 0.0)), 224, True),
        (Geometry(shift=(0.0, 100.5)), 224, True),
        (Geometry(shift=(-100.5, 0.0)), 224, True),
        (Geometry(zoom=0.5), 224, True),
        (Geometry(degrees=45.0, zoom=0.9), 270, False),
        (Geometry(degrees=45.0, zoom=0.9), 271, True),
    ],
)
def test_leaves_frame(geometry: Geometry, crop: int, leaves: bool) -> None:  # noqa: FBT001
    assert leaves_frame(geometry, FRAME, FRAME, crop) is leaves


def ringed(thickness: int) -> Pixels:
    """A black frame within a white ring."""
    frame = np.full((FRAME, FRAME, 4), 255, np.uint8)
    frame[thickness:-thickness, thickness:-thickness] = 0
    return frame


@pytest.mark.parametrize(("crop", "thickness"), [(256, 3), (224, 28)])
def test_pixels_beyond_the_reach_never_enter_a_crop(crop: int, thickness: int) -> None:
    frame = ringed(thickness)
    rng = random.Random(crop)
    drawn = [
        Geometry((rng.uniform(-8, 8), rng.uniform(-8, 8)), rng.uniform(-180, 180), rng.uniform(0.9, 1.1), flip)
        for flip in (None, "horizontal", "vertical")
        for _ in range(100)
    ]
    for geometry in (*CORNERS[::2], *drawn):
        assert not warp(frame, geometry, crop).any(), geometry


def test_pixels_within_the_reach_do_enter_a_crop() -> None:
    assert any(warp(ringed(6), geometry, 256).any() for geometry in CORNERS)


@pytest.mark.parametrize("shift", [(20, 0), (0, -20), (-17, 13)])
def test_beyond_the_frame_lies_its_mirror_image(shift: tuple[int, int]) -> None:
    frame, (x, y) = draw_frame(64, 6), shift
    mirrored = np.pad(frame, ((32, 32), (32, 32), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(warp(frame, Geometry((x, y)), 64), mirrored[32 - y : 96 - y, 32 - x : 96 - x])
    assert leaves_frame(Geometry((x, y)), 64, 64, 64)


def test_a_turned_frame_is_filled_with_its_mirror_image() -> None:
    frame = draw_frame(64, 6)
    mirrored = np.pad(frame, ((32, 32), (32, 32), (0, 0)), mode="reflect")
    geometry = Geometry(degrees=30.0, zoom=0.9)
    np.testing.assert_allclose(
        warp(frame, geometry, 64).astype(int), warp(mirrored, geometry, 64).astype(int), rtol=0, atol=1
    )


WINDOWS: dict[str, tuple[Geometry, int, int | None]] = {
    "nothing": (Geometry(), 224, 224),
    "whole shift and flip": (Geometry((3, -8.0), flip="vertical"), 224, 224),
    "magnified to 204 px": (Geometry(zoom=224 / 204), 224, 204),
    "another parity: half a pixel off the centre": (Geometry(zoom=224 / 205), 224, None),
    "odd crop": (Geometry(zoom=225 / 205), 225, 205),
    "part of a pixel": (Geometry(zoom=1.1), 224, None),
    "shift by part of a pixel": (Geometry((0.5, 0)), 224, None),
    "turned": (Geometry(degrees=1.0), 224, None),
    "turned by a negative zoom": (Geometry(zoom=-1.0), 224, None),
}


@pytest.mark.parametrize(("geometry", "crop", "side"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_is_upright_and_whole(geometry: Geometry, crop: int, side: int | None) -> None:
    assert geometry.window(crop) == side


@pytest.mark.parametrize("flip", [None, "horizontal", "vertical"])
@pytest.mark.parametrize(("frame", "crop", "side"), [(64, 32, 28), (64, 32, 36), (65, 32, 30), (64, 31, 35)])
def test_a_resized_window_is_what_a_warp_makes(flip: Any, frame: int, crop: int, side: int) -> None:
    """Within a rounding; the outermost pixels of the window have no neighbours to be mixed with."""
    image = cv2.GaussianBlur(draw_frame(frame, 8), (5, 5), 0)
    geometry = Geometry((3, -2), 0.0, crop / side, flip)
    fused = matrix(geometry, frame, frame, crop)
    warped = cv2.warpAffine(image, fused, (crop, crop), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    difference = abs(warp(image, geometry, crop).astype(int) - warped)
    assert difference[1:-1, 1:-1].max() <= 2  # a warp knows 32 places between two pixels
    assert difference.mean() < 0.5


@pytest.mark.parametrize("flip", ["horizontal", "vertical"])
@pytest.mark.parametrize(("frame", "crop"), [(40, 20), (40, 21), (41, 20), (41, 21)])
def test_a_flip_alone_is_the_centre_crop_of_the_flipped_frame(flip: Any, frame: int, crop: int) -> None:
    image = np.random.default_rng(frame + crop).integers(0, 256, (frame, frame, 4), np.uint8)
    mirrored = image[:, ::-1] if flip == "horizontal" else image[::-1]
    assert np.array_equal(warp(image, Geometry(flip=flip), crop), centre_crop(mirrored, crop))
