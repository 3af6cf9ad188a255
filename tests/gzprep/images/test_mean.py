"""The mean image and its box against numpy and brute force."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gzprep.images import frame_sum
from gzprep.images.frame_sum import FrameSum
from gzprep.images.mean import MeanImage, box_side, brightness, read_mean, sum_of, write_mean


def test_the_mean_is_that_of_numpy_however_it_is_merged() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (70, 9, 9, 3)).astype(np.uint8)
    whole = sum_of(list(frames))
    merged = sum_of(list(frames[:1])).merged(sum_of(list(frames[1:40]))).merged(sum_of(list(frames[40:])))
    np.testing.assert_array_equal(whole.total, merged.total)
    np.testing.assert_allclose(merged.mean(), frames.mean(axis=0), rtol=1e-14)
    assert merged.images == 70


def added(frames: np.ndarray) -> MeanImage:
    total = FrameSum(frames.shape[1])
    for frame in frames:
        total.add(frame)
    return total.mean_image()


@pytest.mark.parametrize("exact", [1, 2, 3, 5, 6])
def test_sums_in_single_precision_are_carried_before_they_round(exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert np.float32(frame_sum.EXACT * 255) + np.float32(1) > np.float32(frame_sum.EXACT * 255)
    monkeypatch.setattr(frame_sum, "EXACT", exact)
    frames = np.random.default_rng(2).integers(0, 256, (5, 7, 7, 4)).astype(np.uint8)
    assert added(frames).images == 5
    np.testing.assert_array_equal(added(frames).total, frames[..., :3].sum(axis=0))


def test_a_sum_can_go_on_after_it_was_looked_at() -> None:
    total, white = FrameSum(4), np.full((4, 4, 4), 255, np.uint8)
    total.add(white)
    first = total.mean_image()
    total.add(white)
    assert (first.images, first.total.max()) == (1, 255)
    assert (total.mean_image().images, total.mean_image().total.min()) == (2, 510)


def test_images_one_by_one_and_a_file(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 4)).astype(np.uint8)
    write_mean(tmp_path / "mean.npz", added(frames), tmp_path)
    stored = read_mean(tmp_path / "mean.npz")
    assert stored is not None
    assert stored.images == 5
    np.testing.assert_array_equal(stored.total, frames[..., :3].sum(axis=0))


DAMAGED = {
    "nothing there": None,
    "no archive": b"PK nothing",
    "empty": b"",
    "another archive": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_no_mean(data: bytes | None, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "mean.npz").write_bytes(data)
    assert read_mean(tmp_path / "mean.npz") is None


def test_a_file_that_would_take_much_memory_is_no_mean(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", images=1, total=np.zeros((1100, 1100, 3), np.uint32))
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    assert read_mean(tmp_path / "bomb.npz") is None


def test_a_sum_of_another_shape_is_no_mean(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", images=1, total=np.zeros((8, 9, 3), np.uint32))
    assert read_mean(tmp_path / "flat.npz") is None


def test_two_thousand_white_images_do_not_overflow() -> None:
    white = sum_of([np.full((4, 4, 3), 255, np.uint8)] * 2000)
    assert (white.mean() == 255).all()


def test_brightness_is_of_the_full_range() -> None:
    mean = np.array([[(255.0, 0.0, 0.0)]])
    assert brightness(mean, "maximum") == pytest.approx(100)
    assert brightness(mean, "grey") == pytest.approx(100 / 3)


BOXES = {
    "nothing above": ((6, 6), [], 0),
    "the four pixels at the centre": ((6, 6), [(2, 2), (3, 3)], 2),
    "a corner": ((6, 6), [(0, 5)], 6),
    "one side only still counts on both": ((6, 6), [(1, 3)], 4),
    "an odd image has one pixel at its centre": ((5, 5), [(2, 2)], 1),
    "an odd image": ((5, 5), [(1, 2)], 3),
}


@pytest.mark.parametrize(("shape", "bright", "side"), BOXES.values(), ids=BOXES)
def test_boxes(shape: tuple[int, int], bright: list[tuple[int, int]], side: int) -> None:
    image = np.zeros(shape)
    for place in bright:
        image[place] = 9.0
    assert box_side(image, 8.5) == side


@settings(deadline=None, derandomize=True, max_examples=200)
@given(arrays.arrays(np.float64, st.sampled_from([(6, 6), (7, 7), (1, 1)]), elements=st.floats(0, 20)))
def test_the_box_is_the_smallest_that_holds_all_light(image: np.ndarray) -> None:
    size = len(image)
    sides = [0, *range(size % 2 or 2, size + 1, 2)]
    outside = {side: image.copy() for side in sides}
    for side, copy in outside.items():
        start = (size - side) // 2
        copy[start : start + side, start : start + side] = 0
    assert box_side(image, 8.5) == next(side for side in sides if (outside[side] <= 8.5).all())
