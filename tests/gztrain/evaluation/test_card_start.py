"""What a model card says of the weights before the first step."""

import pytest

from gztrain.evaluation.model_card import _start

CASES = {
    "no weights are known": ("small", None, "random numbers, drawn from the seed"),
    "ImageNet is usual": ("resnet50", None, "weights imagenet"),
    "none were wanted": ("resnet50", "none", "random numbers, drawn from the seed"),
    "a hub": ("convnextnano", "hf://user/name", "weights hf://user/name"),
    "a model of a newer version": ("later", None, "not known: a model of another version"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_start_is_told(name: str) -> None:
    model, weights, expected = CASES[name]
    assert _start({"name": model, "weights": weights}) == expected
