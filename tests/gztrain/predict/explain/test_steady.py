"""Copies of images, and how far answers move, on numbers worked out by hand."""

import numpy as np
import pytest

from gztrain.predict.explain import steady
from gztrain.predict.explain.page import verdict


def images(size: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)


def mean_red(copies: np.ndarray) -> np.ndarray:
    """A network that does not see where things are: shares of two answers, float64 [N, 2]."""
    red = copies[..., 0].mean(axis=(1, 2)) / 255
    return np.stack([red, 1 - red], axis=1)


def left_half(copies: np.ndarray) -> np.ndarray:
    """A network that sees the left half alone."""
    return mean_red(copies[:, :, : copies.shape[2] // 2])


def test_the_seven_other_symmetries_differ_and_are_turned_copies() -> None:
    some = images()
    copies = [some, *steady.turned(some)]
    assert len({copy.tobytes() for copy in copies}) == 8
    assert {np.sort(copy[0].ravel()).tobytes() for copy in copies} == {np.sort(some[0].ravel()).tobytes()}


def test_shifts_go_to_four_sides_and_lose_nothing_in_the_middle() -> None:
    some = images(50)  # 2 % of it is one pixel
    up, down, left, right = steady.shifted(some)
    np.testing.assert_array_equal(up[:, 1:], some[:, :-1])
    np.testing.assert_array_equal(down[:, :-1], some[:, 1:])
    np.testing.assert_array_equal(left[:, :, 1:], some[:, :, :-1])
    np.testing.assert_array_equal(right[:, :, :-1], some[:, :, 1:])


def test_a_network_that_does_not_see_places_has_score_0_and_one_that_sees_a_half_has_not() -> None:
    some = images()
    some[:, :, :14, 0] //= 4
    some[1] //= 2
    copies = steady.turned(some)
    found = {
        name: steady.steadiness(
            network(some), list(map(network, copies)), list(map(network, copies)), [network(some)] * 3
        )
        for name, network in (("no places", mean_red), ("left half", left_half))
    }
    assert found["no places"].score == pytest.approx(0, abs=1e-12)
    assert found["no places"].flipped == 0
    assert found["left half"].turned > 0.1
    assert (found["left half"].score or 0) > 0.3


def test_the_score_by_hand() -> None:
    before = np.array([[0.9, 0.1], [0.4, 0.6]])  # 0.5 apart
    turned = [np.array([[0.8, 0.2], [0.6, 0.4]])]  # moves by 0.1 and 0.2, and the second answer changes
    shifted = [np.array([[0.9, 0.1], [0.5, 0.5]])]  # moves by 0 and 0.1
    blanked = [before, before, np.array([[0.5, 0.5], [0.4, 0.6]])]
    found = steady.steadiness(before, turned, shifted, blanked)
    assert found.turned == pytest.approx(0.15)
    assert found.shifted == pytest.approx(0.05)
    assert found.others == pytest.approx(0.5)
    assert found.score == pytest.approx(0.1 / 0.5)
    assert found.flipped == 0.5
    assert found.blanked == {"0.75": 0, "0.5": 0, "0.25": pytest.approx(0.2)}


def test_the_same_answer_for_all_galaxies_has_no_score() -> None:
    same = np.full((3, 2), 0.5)
    assert steady.steadiness(same, [same], [same], [same] * 3).score is None


def test_one_galaxy_alone_is_not_said_to_be_like_all_others() -> None:
    one, turned = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]])
    found = steady.steadiness(one, [turned], [one], [one] * 3)
    assert (found.others, found.score, found.flipped) == (None, None, 1)
    assert verdict(found.score, found.others) == "no other galaxy to compare with"
    assert verdict(None, 0.0) == "the same answer for all"


def test_surroundings_become_sky_and_the_middle_stays() -> None:
    some = np.full((1, 100, 100, 3), 10, np.uint8)
    some[0, 45:55, 45:55] = 200
    some[0, 15:20, 45:55] = 150  # a neighbour, more than half of half the side away
    cut = steady.without_surroundings(some, 0.5)
    assert (cut[0, 45:55, 45:55] == 200).all()
    assert (cut[0, 15:20] == 10).all()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 3), (2, 6)], ids=["corner", "middle", "edge"])
def test_blanking_patches_finds_the_square_that_a_network_looks_at(row: int, column: int) -> None:
    some = np.full((1, 28, 28, 3), 10, np.uint8)
    some[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 250
    drops = np.array(
        [[mean_red(some)[0, 0] - mean_red(steady.without_patch(some, r, c))[0, 0] for c in range(7)] for r in range(7)]
    )
    assert np.unravel_index(drops.argmax(), drops.shape) == (row, column)
    assert (np.delete(drops.ravel(), 7 * row + column) == 0).all()
