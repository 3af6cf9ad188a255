"""Neighbours of the galaxy in the middle are found and replaced by sky; the galaxy stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.images import Pixels
from gzcore.images.neighbours import Surroundings, blank_neighbours, find_neighbours

SIDE = 212


def blob(x: float, y: float, size: float, peak: float, ratio: float = 1.0, side: int = SIDE) -> np.ndarray:
    """Light of a source: a Gaussian with its longer axis along x."""
    rows, columns = np.mgrid[:side, :side]
    return peak * np.exp(-0.5 * (((columns - x) / size) ** 2 + ((rows - y) / (size * ratio)) ** 2))


def image_of(*light: np.ndarray, side: int = SIDE) -> Pixels:
    """An image of some sources with a noisy sky of 10 grey levels."""
    noise = np.random.default_rng(1).normal(10, 2, (side, side, 3))
    return np.clip(noise + sum(light)[..., None], 0, 255).astype(np.uint8)


GALAXY = blob(106, 106, 12, 150, 0.6)
STAR = (170, 60)
SOURCES = {
    "a star": (blob(*STAR, 3, 240), STAR, True),
    "a faint galaxy": (blob(50, 150, 5, 40), (50, 150), True),
    "a star at the edge of the galaxy": (blob(130, 106, 3, 240), (130, 106), True),
    "a lopsided disc": (blob(110, 108, 16, 60, 0.6), (116, 110), False),
    "an arm": (blob(106, 128, 30, 60, 0.06), (130, 128), False),
    "a companion with a tail": (
        blob(136, 120, 4, 200) + blob(142, 126, 14, 40, 0.6),
        (136, 120),
        False,
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_neighbours_are_told_from_parts_of_the_galaxy(name: str) -> None:
    light, (x, y), neighbour = SOURCES[name]
    found = find_neighbours(image_of(GALAXY, light))
    assert found.found
    assert found.mask[y, x] == neighbour
    assert not found.mask[104:109, 104:109].any()


@pytest.mark.parametrize("side", [64, 212, 424, 501])
def test_images_of_any_size_have_a_mask_of_their_own_size(side: int) -> None:
    middle = side / 2
    star = blob(middle + side / 4, middle, side / 60, 250, side=side)
    found = find_neighbours(image_of(blob(middle, middle, side / 18, 150, side=side), star, side=side))
    assert found.mask.shape == (side, side)
    assert found.mask[round(middle), round(middle + side / 4)]


@pytest.mark.parametrize(
    "image",
    [np.zeros((64, 64, 3), np.uint8), np.full((64, 80, 4), 255, np.uint8), image_of(blob(*STAR, 3, 240))],
    ids=["black", "white", "a star alone, far from the middle"],
)
def test_without_a_galaxy_nothing_is_blanked(image: Pixels) -> None:
    found = find_neighbours(image)
    assert (found.found, found.sources, found.mask.any()) == (False, 0, False)
    assert blank_neighbours(image, found, 0, "a") is image


def test_only_neighbours_change_and_become_sky() -> None:
    image = image_of(GALAXY, blob(*STAR, 3, 240))
    found = find_neighbours(image)
    blanked = blank_neighbours(image, found, 0, "a")
    assert np.array_equal(blanked[~found.mask], image[~found.mask])
    assert abs(blanked[found.mask].mean() - 10) < 1
    assert 1 < blanked[found.mask].std() < 4  # as grainy as the sky


def test_a_star_in_front_of_the_galaxy_leaves_no_hole() -> None:
    smooth = image_of(GALAXY)
    found = find_neighbours(image_of(GALAXY, blob(130, 106, 3, 240)))
    blanked = blank_neighbours(image_of(GALAXY, blob(130, 106, 3, 240)), found, 0, "a")
    inside = found.mask[:, :128].nonzero()
    assert len(inside[0])
    assert np.abs(blanked[inside].mean(1) - smooth[inside].mean(1)).max() < 25


def test_without_any_sky_the_neighbour_gets_the_darkest_value() -> None:
    image = np.full((32, 32, 3), 200, np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[2:5, 2:5] = True
    image[10:22, 10:22] = 250
    assert blank_neighbours(image, Surroundings(mask, 1, found=True), 0, "a").dtype == np.uint8


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9), name=st.text(max_size=5))
def test_chance_is_a_function_of_seed_and_identity(seed: int, name: str) -> None:
    image = image_of(GALAXY, blob(*STAR, 3, 240))
    found = find_neighbours(image)
    one, again, other = (blank_neighbours(image, found, seed, key) for key in (name, name, f"{name}+"))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
