"""The blocks of a backbone, so that fine-tuning can train the last few of them alone.

A block is what the paper of a network numbers: a stage of ResNet and ConvNeXt, a block of VGG, Xception and
EfficientNet, an inverted residual of MobileNet, a mixed block of Inception. They are read from Keras' names of layers.
"""

import re
from collections.abc import Sequence
from typing import Any

_NUMBERED = re.compile(r"(?:^|_)(?:conv(?=\d_)|block_?|stage_|expanded_conv_|mixed)(\d+)")
_STAGE = re.compile(r"_stage_(\d+)|downsampling_block_(\d+)")
_MIXED = "mixed"


def block_numbers(names: Sequence[str]) -> list[int]:
    """The block of each layer, from 0, in the order of the layers.

    A layer without a number belongs to the block before it; the first ones, before any block, are a block of their own.

    Args:
        names: of the layers of a backbone, in their order.
    """
    if any(name.startswith(_MIXED) for name in names):  # Inception numbers the end of a block
        return _from_ends(names)
    keys, key = [], "stem"
    for name in names:
        key = _key(name) or key
        keys.append(key)
    return _counted(keys)


def _key(name: str) -> str | None:
    stage = _STAGE.search(name)
    if stage is not None:  # the layers that halve the maps belong to the stage that follows
        return str(int(stage[1]) if stage[1] else int(stage[2]) + 1)
    if name.startswith("expanded_conv"):
        found = re.match(r"expanded_conv_(\d+)_", name)
        return found[1] if found else "0"
    found = _NUMBERED.search(name)
    return found[1] if found else None


def _from_ends(names: Sequence[str]) -> list[int]:
    number, numbers = 0, []
    for name in names:
        numbers.append(number)
        number += re.fullmatch(r"mixed\d+", name) is not None
    return [min(each, number - 1) for each in numbers]


def _counted(keys: Sequence[str]) -> list[int]:
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return [order[key] for key in keys]


def train_last(backbone: Any, blocks: int) -> tuple[int, int]:  # noqa: ANN401 -- a keras.Model
    """Let the last blocks of a backbone be trained, and freeze the others, with their batch norm.

    Args:
        backbone: whose layers are set.
        blocks: how many.

    Returns:
        How many blocks are trained, and how many there are.
    """
    backbone.trainable = True
    numbers = block_numbers([layer.name for layer in backbone.layers])
    pairs = list(zip(backbone.layers, numbers, strict=True))
    known = sorted({number for layer, number in pairs if layer.weights})  # the input is a block of nothing
    trained = set(known[max(len(known) - blocks, 0) :])
    for layer, number in pairs:
        layer.trainable = number in trained
    return len(trained), len(known)


def shares_of_rate(backbone: Any, decay: float) -> dict[str, float]:  # noqa: ANN401 -- a keras.Model
    """Share of the rate of each variable of a backbone, by its path: ``decay`` for the last block, its square before.

    The deeper a layer, the more general is what it has learned, and the less should it change (Howard and Ruder 2018).
    """
    numbers = block_numbers([layer.name for layer in backbone.layers])
    pairs = list(zip(backbone.layers, numbers, strict=True))
    known = sorted({number for layer, number in pairs if layer.weights})
    return {
        weight.path: decay ** (len(known) - known.index(number)) for layer, number in pairs for weight in layer.weights
    }
