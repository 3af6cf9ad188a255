"""Keras callbacks in our training loop, and what a checkpoint keeps of them.

Each callback is called through a keras.callbacks.CallbackList of its own, so that an error names the callback. A
checkpoint keeps the plain attributes of a callback: numbers, texts, None, arrays of numbers, and lists, tuples and
dictionaries of them; and the two functions by which Keras compares figures. When a run is resumed, ``on_train_begin``
is called first, and then the attributes are set. So EarlyStopping and its like go on as if the run had never stopped.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gzcore.console import brief
from gzcore.errors import GzError, UsageError

Array = npt.NDArray[Any]
State = dict[str, Any]
_NOT_NEEDED = {
    "BackupAndRestore": "gztrain keeps checkpoints of its own, and --resume (resume=True) goes on from them",
    "SwapEMAWeights": "with --ema (ema=True), gztrain validates and saves the average of the weights",
}
"""Callbacks that would do once more what the loop does itself."""
_OWN = ("_model", "params")
"""Attributes that Keras sets on every callback."""
_DEEPEST = 8
"""Levels of lists and dictionaries that a checkpoint keeps."""


def check_callbacks(callbacks: Sequence[Any]) -> tuple[Any, ...]:
    """Refuse what is no Keras callback, or what does not go together with our loop.

    Raises:
        UsageError: there is such a one; the sentence names it.
    """
    import keras

    for number, callback in enumerate(callbacks):
        name = type(callback).__name__
        if not isinstance(callback, keras.callbacks.Callback):
            raise UsageError(
                f"callbacks[{number}] is {name} {str(callback)[:60]!r}; expected objects of classes that are derived "
                "from keras.callbacks.Callback."
            )
        if name in _NOT_NEEDED:
            raise UsageError(f"The callback {name} does not go together with gztrain: {_NOT_NEEDED[name]}.")
    return tuple(callbacks)


class Callbacks:
    """The callbacks of a run; there may be none, and then nothing is done."""

    def __init__(self, callbacks: Sequence[Any] = ()) -> None:
        self._callbacks = check_callbacks(callbacks) if callbacks else ()
        self._lists: tuple[Any, ...] = ()
        self._model: Any = None

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    @property
    def names(self) -> tuple[str, ...]:
        """Their classes."""
        return tuple(type(callback).__name__ for callback in self._callbacks)

    @property
    def ask_for_batches(self) -> bool:
        """Whether one of them has something to do at each step; then the loop must wait for the loss of each step."""
        hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
        return any(not getattr(getattr(each, hook), "_is_default", False) for each in self._callbacks for hook in hooks)

    @property
    def began(self) -> bool:
        """Whether ``on_train_begin`` was called; true if there are none."""
        return not self._callbacks or self._model is not None

    @property
    def stopped(self) -> bool:
        """Whether one of them has set ``model.stop_training``."""
        return self._model is not None and bool(getattr(self._model, "stop_training", False))

    def begin(self, model: Any, epochs: int, steps: int) -> None:  # noqa: ANN401 -- a keras.Model
        """Hand the model to them, and call ``on_train_begin``."""
        if not self._callbacks:
            return
        import keras

        self._model = model
        model.stop_training = False
        self._lists = tuple(keras.callbacks.CallbackList([callback]) for callback in self._callbacks)
        self.call("set_params", {"verbose": 0, "epochs": epochs, "steps": steps})
        self.call("set_model", model)
        self.call("on_train_begin")

    def call(self, hook: str, *arguments: Any) -> None:  # noqa: ANN401 -- what the hook takes
        """Call a method of all of them.

        Raises:
            GzError: one of them has raised an error; the sentence names it.
        """
        for name, each in zip(self.names, self._lists, strict=True) if self._lists else ():
            try:
                getattr(each, hook)(*arguments)
            except GzError:
                raise
            except Exception as error:
                what = " ".join(str(error).split())[:300]
                raise GzError(
                    f"The callback {name} failed in {hook} ({type(error).__name__}: {what}); mend it and go on from "
                    "the last checkpoint with --resume, or leave it out."
                ) from error

    def states(self) -> tuple[tuple[State, ...], tuple[Array, ...]]:
        """Name and plain attributes of each, for a checkpoint; arrays stand apart."""
        arrays: list[Array] = []
        states = [{"name": type(each).__name__, "state": _packed(each, arrays)} for each in self._callbacks]
        return tuple(states), tuple(arrays)

    def restore(self, states: Sequence[State], arrays: Sequence[Array]) -> str | None:
        """Set the attributes that a checkpoint kept; gives a sentence if they are those of other callbacks.

        Raises:
            GzError: the checkpoint is damaged.
        """
        before = tuple(str(each.get("name")) for each in states)
        if before != self.names:
            return _other(before, self.names)
        for callback, each in zip(self._callbacks, states, strict=True):
            for name, value in _restored(each, arrays).items():
                if name in vars(callback) or not hasattr(callback, name):
                    setattr(callback, name, value)
        return None


def _other(before: Sequence[str], now: Sequence[str]) -> str:
    return (
        f"The checkpoint was written with the callbacks {', '.join(before) or 'none'}, and the run goes on with "
        f"{', '.join(now) or 'none'}: what the former remembered is not used."
    )


class _NotPlain(Exception):
    """A value that a checkpoint does not keep."""


def _comparisons() -> dict[str, Any]:
    """The functions that EarlyStopping and its like hold as attributes once they have seen a figure."""
    from keras import ops

    return {"less": ops.less, "greater": ops.greater}


def _packed(callback: Any, arrays: list[Array]) -> State:  # noqa: ANN401 -- a keras callback
    kept: State = {}
    for name, value in vars(callback).items():
        if name in _OWN:
            continue
        own: list[Array] = []
        try:
            kept[name] = _pack(value, own, len(arrays), 0)
        except _NotPlain:  # a function, a file, a connection: the constructor or on_train_begin makes it again
            continue
        arrays.extend(own)
    return kept


def _pack(value: Any, arrays: list[Array], first: int, depth: int) -> Any:  # noqa: ANN401 -- any value to any JSON value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.dtype.isnative:
        arrays.append(np.array(value))
        return {"array": first + len(arrays) - 1}
    for name, function in _comparisons().items():
        if value is function:
            return {"compare": name}
    if depth < _DEEPEST and type(value) in {list, tuple}:
        return {type(value).__name__: [_pack(each, arrays, first, depth + 1) for each in value]}
    if depth < _DEEPEST and type(value) is dict:
        pairs = [[_pack(each, arrays, first, depth + 1) for each in pair] for pair in value.items()]
        return {"dict": pairs}
    raise _NotPlain


def _restored(each: State, arrays: Sequence[Array]) -> State:
    try:
        return {str(name): _unpack(value, arrays) for name, value in each["state"].items()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise GzError(
            f"The checkpoint is damaged in what it keeps of a callback ({brief(error)}); start over with --overwrite."
        ) from None


_MAKE: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "dict": dict}


def _unpack(value: Any, arrays: Sequence[Array]) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return np.array(arrays[content])
    if kind == "compare":
        return _comparisons()[content]
    if kind == "dict":
        content = [[_unpack(each, arrays) for each in pair] for pair in content]
        return dict(content)
    return _MAKE[kind]([_unpack(each, arrays) for each in content])
