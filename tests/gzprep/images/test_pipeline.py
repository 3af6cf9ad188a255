"""A user's own pipeline: chance, what is noted of it, and what is refused."""

import itertools
import os
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.errors import GzError, UsageError
from gzcore.images import Pixels
from gzprep.images.drawn import from_json
from gzprep.images.pipeline import apply_pipeline, build, check_pipeline, cut, seed_of
from tests.golden.regenerate_records import draw_frame

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A  # noqa: N812 -- its own name for itself

SIDE, CROP = 64, 32
Json = dict[str, Any]


def serialized(*transforms: Any, **options: Any) -> Json:
    return dict(A.to_dict(A.Compose(list(transforms), **options)))


def several() -> Json:
    """Transforms of many kinds, some of them chosen by chance."""
    return serialized(
        A.HorizontalFlip(p=0.5),
        A.VerticalFlip(p=0.5),
        A.Affine(rotate=(-180, 180), scale=(0.9, 1.1), border_mode=4, p=0.9),
        A.OneOf([A.GaussNoise(p=1), A.GaussianBlur(p=1), A.MedianBlur(p=1)], p=0.8),
        A.RandomOrder([A.RandomBrightnessContrast(p=1), A.CoarseDropout(p=1), A.RandomGamma(p=1)], n=2),
        A.CenterCrop(CROP, CROP),
    )


def frame() -> Pixels:
    return np.ascontiguousarray(draw_frame(SIDE, 1)[..., :3])


def view(document: Json, seed: int = 0, galaxy: str = "a", index: int = 1) -> tuple[Pixels, list[Json]]:
    return apply_pipeline(build(document), frame(), seed_of(seed, galaxy, index), CROP)


# chance


def test_the_same_seed_id_and_view_give_the_same_image_whatever_came_before() -> None:
    keys = [(seed, galaxy, index) for seed in (0, 1) for galaxy in ("a", "b") for index in (1, 2, 3)]
    first = {key: view(several(), *key) for key in keys}
    for key in reversed(keys):
        image, drawn = view(several(), *key)
        np.testing.assert_array_equal(image, first[key][0])
        assert drawn == first[key][1]
    assert len({image.tobytes() for image, _ in first.values()}) == len(keys)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(-(1 << 63), (1 << 63) - 1), galaxy=st.text(max_size=20), index=st.integers(1, 99))
def test_any_seed_and_id_give_an_image(seed: int, galaxy: str, index: int) -> None:
    image, _ = view(several(), seed, galaxy, index)
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((CROP, CROP, 3), np.uint8, True)


def test_transforms_draw_independently() -> None:
    """With one seed for each, two flips would always come together."""
    flips = serialized(A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5))
    seen = {tuple(op["op"] for op in view(flips, seed)[1]) for seed in range(40)}
    assert seen == {(), ("HorizontalFlip",), ("VerticalFlip",), ("HorizontalFlip", "VerticalFlip")}


def test_the_frame_is_left_as_it_is() -> None:
    image = frame()
    image.flags.writeable = False
    apply_pipeline(build(several()), image, 1, CROP)


# what is noted


@pytest.mark.parametrize("seed", range(12))
def test_what_was_noted_gives_the_same_image_through_replay_compose(seed: int) -> None:
    """ReplayCompose is albumentations' own; it knows nothing of ours."""
    document = serialized(
        A.HorizontalFlip(p=0.5),
        A.Affine(rotate=(-180, 180), scale=(0.9, 1.1), translate_px=(-4, 4), p=0.8),
        A.OneOf([A.RandomBrightnessContrast(p=1), A.GaussianBlur(p=1)], p=0.7),
        A.CenterCrop(CROP, CROP),
    )
    image, drawn = view(document, seed)
    tree = deepcopy(document["transform"])
    noted = {tuple(op["at"]): op for op in drawn}
    assert fill(tree, (), noted) is True
    np.testing.assert_array_equal(A.ReplayCompose.replay(tree, image=frame())["image"], image)


def fill(node: Json, place: tuple[int, ...], noted: dict[tuple[int, ...], Json]) -> bool:
    """Write into a serialized pipeline what ReplayCompose writes there."""
    if "transforms" in node:
        applied = [fill(below, (*place, index), noted) for index, below in enumerate(node["transforms"])]
        node["applied"], node["params"] = any(applied), None
    else:
        node["applied"] = place in noted
        node["params"] = from_json(noted[place]["params"]) if place in noted else None
    return bool(node["applied"])


def test_operations_are_noted_in_the_order_they_were_applied() -> None:
    """ReplayCompose would give the order of the file."""
    document = serialized(A.RandomOrder([A.HorizontalFlip(p=1), A.Transpose(p=1), A.VerticalFlip(p=1)], n=3))
    orders = set()
    for seed in range(30):
        image, drawn = view(document, seed)
        again = frame()
        for op in drawn:
            again = getattr(A, op["op"])(p=1)(image=again)["image"]
        np.testing.assert_array_equal(cut(again, again.shape, CROP), image)
        orders.add(tuple(op["op"] for op in drawn))
    assert orders == set(itertools.permutations(("HorizontalFlip", "Transpose", "VerticalFlip")))


def test_a_transform_that_is_applied_twice_is_noted_twice() -> None:
    document = serialized(A.SomeOf([A.RandomGamma(p=1)], n=2, replace=True))
    _, drawn = view(document)
    assert [op["at"] for op in drawn] == [[0, 0], [0, 0]]
    assert drawn[0]["params"]["gamma"] != drawn[1]["params"]["gamma"]


def test_a_transform_of_some_channels_is_noted() -> None:
    document = serialized(A.SelectiveChannelTransform([A.GaussianBlur(p=1)], channels=[0], p=1))
    assert [op["op"] for op in view(document)[1]] == ["GaussianBlur"]


# size


@pytest.mark.parametrize("keep", [[], [A.CenterCrop(CROP, CROP)]], ids=["frame", "crop"])
def test_the_middle_of_a_whole_frame_is_cut_out(keep: list[Any]) -> None:
    image, _ = view(serialized(A.NoOp(), *keep))
    np.testing.assert_array_equal(image, frame()[16:48, 16:48])


# what is refused


def document_of(name: str, /, **arguments: Any) -> Json:
    return {"transform": {"__class_fullname__": "Compose", "transforms": [{"__class_fullname__": name, **arguments}]}}


REFUSED: dict[str, tuple[Json, str]] = {
    "another library's class": (document_of("os.system", p=1), r"class 'os\.system'; only albumentations' own"),
    "another library's class, hidden": (document_of("albumentationsx.Blur", p=1), "only albumentations' own"),
    "a function": (document_of("Lambda", name="a", p=1), "holds a function"),
    "reads files": (document_of("FDA", reference_images=["/etc/passwd"], p=1), "reads other files"),
    "a slip": (document_of("HorizontalFlop", p=1), "did you mean HorizontalFlip"),
    "no class": ({"transform": {"transforms": []}}, "__class_fullname__"),
    "no name": (document_of("", p=1), "__class_fullname__"),
    "an unknown argument": (document_of("GaussianBlur", blurr=3, p=1), "blurr"),
    "an argument that does not fit": (document_of("GaussianBlur", blur_limit="much", p=1), "blur_limit"),
    "another size": (serialized(A.Resize(50, 40)), "40 x 50 px; expected 32 x 32, the crop, or 64 x 64, the frame"),
    "a size by chance": (serialized(A.RandomScale(p=0.9)), "End it with a CenterCrop of 32 px"),
    "too large a crop": (serialized(A.RandomCrop(99, 99)), "fails on an image of 64 x 64 px"),
    "floats": (serialized(A.Normalize()), "leave out Normalize"),
    "a mask": (serialized(A.MaskDropout(p=1)), "mask"),
    "transforms that are no list": (
        {"transform": {"__class_fullname__": "Compose", "transforms": "HorizontalFlip"}},
        "cannot be built",
    ),
    "a base class": (document_of("BasicTransform", p=1), "views.pipeline"),
}


@pytest.mark.parametrize(("document", "part"), REFUSED.values(), ids=REFUSED.keys())
def test_a_pipeline_that_cannot_be_used_is_refused_in_a_sentence(document: Json, part: str) -> None:
    with pytest.raises(UsageError, match=part) as caught:
        check_pipeline(document, (SIDE, SIDE), CROP)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("views.pipeline")
    assert text.endswith((".", "?"))


def test_a_pipeline_that_fails_on_one_image_stops_the_run_in_a_sentence() -> None:
    pipeline = build(serialized(A.CenterCrop(40, 40)))
    with pytest.raises(GzError, match="fails on an image of 33 x 33 px"):
        apply_pipeline(pipeline, np.zeros((33, 33, 3), np.uint8), 0, CROP)


def test_several_transforms_pass() -> None:
    check_pipeline(several(), (SIDE, SIDE), CROP)
