"""What a user asks of a model and of the images it is trained on. Importing this loads no Keras."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from gzcore.recipe.overlay import CHECKED

Head = Literal["report", "plain"]
Pixels = Annotated[int, Field(strict=True, ge=1, le=8192)]
Range = tuple[float, float]


@dataclass(frozen=True, config=CHECKED)
class ModelSpec:
    """One model; None leaves a choice to the model.

    Whether the choices go together, and with the crop, is judged by :func:`gztrain.models.plan.make_model_plan`.
    """

    name: str = "small"
    """One of ``gztrain models``."""
    weights: str | None = None
    """``imagenet``, ``none`` or a file; None: ``imagenet`` for the backbones that have them, else ``none``."""
    size: Pixels | None = None
    """Height and width the network sees, px, at most the crop; None: 64 for ``small``, the crop for all others."""
    patch: Pixels | None = None
    """Side of a patch, px: for ViT any divisor of the size, for CCT the stride of its tokenizer, 4, 8 or 16."""
    head: Head | None = None
    """``report``: the report's dense layers (F40 to F42); ``plain``: a global mean and the logits."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the features dropped before the dense layers of the head."""


@dataclass(frozen=True, config=CHECKED)
class Augment:
    """What is done to a training image on the device, each time it is seen; see :mod:`gztrain.models.augment`."""

    symmetries: bool = True
    """The eight symmetries of the square, each as likely (F36)."""
    affine: bool = False
    """Rotation, zoom and shift (F37)."""
    rotate: Range = (-180.0, 180.0)
    """Degrees, counter-clockwise, uniform; used by ``affine``, like the two below."""
    zoom: Range = (0.9, 1.1)
    """Magnification, log-uniform."""
    shift: Range = (-0.036, 0.036)
    """In x and in y, as a share of the side, uniform: 8 px of 224."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Alpha of MixUp, which averages two images and their losses; 0: no MixUp, usual: 0.2."""
    cutmix: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Alpha of CutMix, which puts a box of one image into another; 0: no CutMix, usual: 1. With both, half of the steps
    use the one and half the other."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, least, most in (("rotate", -360, 360), ("zoom", 0.01, 100), ("shift", -0.5, 0.5)):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"augment.{name} goes from {low} to {high}; put the smaller number first")
            if low < least or high > most:
                raise ValueError(f"augment.{name} goes from {low} to {high}; it must stay within {least} and {most}")
        return self
