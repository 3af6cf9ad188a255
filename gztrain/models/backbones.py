"""Backbones from keras.applications, built without their last layers, with Keras' ImageNet weights or random ones."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from gzcore.errors import GzError
from gztrain.models.plan import ModelPlan


@dataclass(frozen=True)
class Backbone:
    """A constructor of keras.applications, and the preprocessing that it expects."""

    construct: Callable[..., Any]
    mode: str
    """Preprocessing, see :data:`gztrain.models.layers.NORMS`."""
    options: tuple[tuple[str, Any], ...] = ()


def make_backbone(plan: ModelPlan, backbone: Backbone) -> keras.Model:
    """Build a backbone: preprocessed float32 [B, size, size, 3] to feature maps.

    Raises:
        GzError: its ImageNet weights are not on this machine and cannot be downloaded.
    """
    options = {"include_top": False, "input_shape": (plan.size, plan.size, 3), **dict(backbone.options)}
    if plan.weights is None:
        return backbone.construct(weights=None, **options)
    try:
        with _calm():
            return backbone.construct(weights=plan.weights, **options)
    except Exception as error:  # Keras' downloader raises bare Exceptions
        raise _without_weights(plan, error) from error


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """Send Keras' download bar to standard error, and hide its warning about other sizes: 224 px weights fit them."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square", UserWarning)
        yield


def _without_weights(plan: ModelPlan, error: Exception) -> GzError:
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras"), "models")  # where Keras looks before it asks the network
    reason = " ".join(str(error).split()).rstrip(".")
    return GzError(
        f"No ImageNet weights for {plan.entry.name} ({reason}); put {plan.entry.weights_file} into {folder}, "
        "or use --weights FILE or --weights none"
    )
