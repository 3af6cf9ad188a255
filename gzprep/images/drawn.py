"""The parameters that a transform of albumentations drew, as JSON; and back, to apply the transform again."""

import hashlib
import json
from typing import Any

import numpy as np

LONGEST = 2000
"""Characters of a parameter that is stored; of a longer one, such as a noise for each pixel, the checksum is."""
_ARRAY, _LARGE, _OTHER, _PAIRS = "array", "sha256", "type", "pairs"


class NotStored(ValueError):
    """A parameter is too large to be stored, or is no plain value."""


def as_json(value: Any) -> Any:  # noqa: ANN401 -- any parameter
    """A parameter as JSON can hold it.

    An array is ``{"array": values, "dtype": ...}``. Anything too long is ``{"sha256": ..., "shape" or "length": ...}``.
    A mapping that would look like one of these is ``{"pairs": [[key, value], ...]}``.
    """
    if isinstance(value, dict):
        stored = {str(key): as_json(below) for key, below in value.items()}
        return {_PAIRS: [list(pair) for pair in stored.items()]} if _says_more(stored) else stored
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, list | tuple):
        return _list(value)
    if isinstance(value, float) and not np.isfinite(value):
        return {_OTHER: str(value)}
    if value is None or isinstance(value, str | int | float):
        return value
    return {_OTHER: type(value).__name__}


def _says_more(stored: dict[str, Any]) -> bool:
    """Whether a mapping stands for something else by its keys."""
    return _LARGE in stored or stored.keys() in ({_ARRAY, "dtype", "shape"}, {_OTHER}, {_PAIRS})


def _array(value: np.ndarray) -> Any:  # noqa: ANN401 -- a JSON value
    kind = {"dtype": str(value.dtype), "shape": list(value.shape)}
    if value.size <= LONGEST // 4 and value.dtype.kind in "biuf" and np.isfinite(value).all():
        stored = {_ARRAY: value.tolist(), **kind}
        if len(json.dumps(stored)) <= LONGEST:
            return stored
    return {_LARGE: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest(), **kind}


def _list(value: list[Any] | tuple[Any, ...]) -> Any:  # noqa: ANN401 -- a JSON value
    items = [as_json(below) for below in value]
    text = json.dumps(items)
    if len(text) <= LONGEST:
        return items
    return {_LARGE: hashlib.sha256(text.encode()).hexdigest(), "length": len(items)}


def from_json(value: Any) -> Any:  # noqa: ANN401 -- any parameter
    """Undo :func:`as_json`; lists become tuples.

    Raises:
        NotStored: the parameter was not stored.
    """
    if isinstance(value, list):
        return tuple(from_json(below) for below in value)
    if not isinstance(value, dict):
        return value
    if value.keys() == {_PAIRS}:
        return {key: from_json(below) for key, below in value[_PAIRS]}
    if value.keys() == {_ARRAY, "dtype", "shape"}:
        return np.array(value[_ARRAY], value["dtype"]).reshape(value["shape"])
    if _LARGE in value or value.keys() == {_OTHER}:
        raise NotStored
    return {key: from_json(below) for key, below in value.items()}
