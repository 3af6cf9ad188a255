"""What a user asks of a model: a name, and the few choices that go with it."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from gzcore.recipe import CHECKED

Head = Literal["report", "plain"]
Pixels = Annotated[int, Field(strict=True, ge=1, le=8192)]


@dataclass(frozen=True, config=CHECKED)
class ModelSpec:
    """One model; None leaves a choice to the model.

    Whether the choices go together, and with the crop, is judged by :func:`gztrain.models.plan.make_plan`.
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
