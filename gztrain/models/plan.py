"""From the user's options to a complete, checked plan of a model. Keras is not loaded."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gzcore.errors import UsageError
from gztrain.models.registry import MODELS, PATCHES_A_SIDE, Entry
from gztrain.models.spec import Head, ModelSpec

HUB = "hf://"
"""How an address on the Hugging Face hub begins."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
CCT_STRIDES = (4, 8, 16)
"""Strides that the tokenizer of CCT can have, px."""
_REPORT_DROPOUT = {"cnn": 0.0, "vit": 0.5}  # that of vit is from the ViT example of Keras
_PLAIN_DROPOUT = 0.2


@dataclass(frozen=True)
class ModelPlan:
    """A model to build, with every option decided.

    Attributes:
        entry: the model's entry in the registry.
        size: height and width of the input, px.
        outputs: number of logits.
        head: the layers between features and logits, ``report`` or ``plain``.
        dropout: share of the features dropped before the dense layers of the head.
        patch: side of a patch or stride of the tokenizer, px; None for a model without patches.
        weights: ``imagenet``, or None for random weights.
        file: weights to load after the model is built: a file, a folder of an encoder, or None.
        hub: name of an encoder on the Hugging Face hub, such as ``user/name``, to be fetched and loaded; or None.
    """

    entry: Entry
    size: int
    outputs: int
    head: Head
    dropout: float
    patch: int | None
    weights: str | None
    file: Path | None
    hub: str | None = None


def make_model_plan(spec: ModelSpec, crop: int, outputs: int) -> ModelPlan:
    """Decide the options that a spec leaves open, and check them all.

    Args:
        spec: name and options of the model.
        crop: height and width of the images of the data set, px.
        outputs: number of logits.

    Raises:
        UsageError: the model is unknown, or its options do not go together.
    """
    entry = _entry(spec.name)
    size = _size(entry, spec.size, crop)
    head = _head(entry, spec.head)
    usual = _REPORT_DROPOUT[entry.family] if head == "report" else _PLAIN_DROPOUT
    weights, file, hub = _weights(entry, spec.weights)
    dropout = usual if spec.dropout is None else spec.dropout
    return ModelPlan(entry, size, outputs, head, dropout, _patch(entry, spec.patch, size), weights, file, hub)


def _entry(name: str) -> Entry:
    if name in MODELS:
        return MODELS[name]
    near = get_close_matches(name.lower(), MODELS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(MODELS)}"
    raise UsageError(f"There is no model {name!r}; {hint}")


def _size(entry: Entry, asked: int | None, crop: int) -> int:
    size = min(entry.size or crop, crop) if asked is None else asked
    if size > crop:
        raise UsageError(f"--size {size} is larger than the crop of the data set, {crop} px; ask for at most {crop}.")
    if size < entry.min_size:
        source = f"the crop of the data set is {crop} px" if asked is None else f"--size is {asked}"
        raise UsageError(f"{entry.name} sees nothing below {entry.min_size} px, and {source}; give it more pixels")
    return size


def _head(entry: Entry, asked: Head | None) -> Head:
    if asked == "report" and not entry.dense:
        raise UsageError(f"The report has no head of dense layers for {entry.name}; use --head plain")
    return asked or ("report" if entry.dense else "plain")


def _weights(entry: Entry, asked: str | None) -> tuple[str | None, Path | None, str | None]:
    if asked == "imagenet" and not entry.has_imagenet:
        raise UsageError(f"There are no ImageNet weights for {entry.name}; use --weights none or a file")
    if asked in {None, "imagenet"}:
        return ("imagenet" if entry.has_imagenet else None), None, None
    if asked == "none":
        return None, None, None
    if str(asked).startswith(HUB):
        return None, None, _hub_name(str(asked))
    file = Path(str(asked)).expanduser()
    if not file.exists():
        raise UsageError(
            f"There is no weights file {file}; --weights takes imagenet, none, a file, a folder of an encoder, or "
            f"{HUB}user/name"
        )
    return None, file, None


def _hub_name(address: str) -> str:
    name = address.removeprefix(HUB)
    if not _HUB_NAME.fullmatch(name):
        raise UsageError(f"{address!r} is no address of a model; expected {HUB}user/name")
    return name


def _patch(entry: Entry, asked: int | None, size: int) -> int | None:
    if entry.family == "vit":
        return _vit_patch(asked, size)
    if entry.family == "cct":
        return _cct_stride(asked, size)
    if asked is not None:
        raise UsageError(f"{entry.name} has no patches; leave --patch to the ViTs and to cct")
    return None


def _vit_patch(asked: int | None, size: int) -> int:
    if asked is None and size % PATCHES_A_SIDE:
        near = PATCHES_A_SIDE * (size // PATCHES_A_SIDE)
        raise UsageError(f"{size} px do not divide into {PATCHES_A_SIDE} patches a side; try --size {near} or --patch")
    patch = asked or size // PATCHES_A_SIDE
    if size % patch:
        raise UsageError(f"Patches of {patch} px do not divide an image of {size} px; choose a divisor")
    return patch


def _cct_stride(asked: int | None, size: int) -> int:
    """The requested stride, or the smallest with at most 256 tokens, as in the 2024 report."""
    if asked is None:
        return next((stride for stride in CCT_STRIDES if stride * PATCHES_A_SIDE >= size), CCT_STRIDES[-1])
    if asked not in CCT_STRIDES:
        raise UsageError(f"The tokenizer of cct has a stride of 4, 8 or 16 px, and --patch is {asked}")
    return asked
