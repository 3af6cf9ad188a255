"""Functions that a program or a notebook calls: errors are sentences, Ctrl-C is heard, a wrong keyword is told.

They share what the command line does, and leave the process as it was: nothing ends it or starts it again.
"""

import functools
import inspect
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from gzcore.console.process import exit_code_of_signal, interruptible
from gzcore.errors import GzError, Stopped, UsageError, system_sentence

P = ParamSpec("P")
T = TypeVar("T")


def public(name: str, others: Mapping[str, str] | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function one that a program calls; see :func:`called`. Its arguments are checked before it begins.

    Args:
        name: the function as its users write it, such as ``gztrain.fit``.
        others: keywords that it takes under another name, and that name.
    """

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **given: P.kwargs) -> T:
            with called():
                return function(*args, **given)

        return keywords(name, others)(call)

    return wrap


def keywords(name: str, others: Mapping[str, str] | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Check the arguments of a function before it begins; nothing else changes. The arguments are those of `public`.

    A call that does not fit is a UsageError, which names the keyword that was probably meant.
    """

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **given: Any) -> T:  # noqa: ANN401 -- whatever the function takes
            renamed = _renamed(name, others or {}, given)
            _check(name, signature, args, renamed)
            return function(*args, **renamed)

        return call

    return wrap


def _renamed(name: str, others: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords by their own names. Refuses one that came by two names: either value would be lost."""
    renamed: dict[str, Any] = {}
    for key, value in given.items():
        own = others.get(key, key)
        if own in renamed:
            one, other = (again for again in given if others.get(again, again) == own)
            raise UsageError(f"{name} takes {one} and {other} for the same; leave one of them out.")
        renamed[own] = value
    return renamed


def _check(name: str, signature: inspect.Signature, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    for key in keywords:
        if key not in signature.parameters:
            near = get_close_matches(key, signature.parameters, n=1)
            known = ", ".join(parameter for parameter in signature.parameters if parameter != "self")
            hint = f"did you mean {near[0]}?" if near else f"it takes {known}."
            raise UsageError(f"{name} has no keyword {key!r}; {hint}")
    try:
        signature.bind(*args, **keywords)
    except TypeError as error:
        raise UsageError(f"{name} cannot be called so: {error}.") from None


@contextmanager
def called() -> Iterator[None]:
    """What a function of the Python interface runs in. Signals and their handlers are as before when it ends.

    Raises:
        GzError: something in the input or around the run is wrong; a full disk is told by the same sentence as on the
            command line. Any other error of the system or of a library stays as it is.
        KeyboardInterrupt: the user pressed Ctrl-C, or the kernel of a notebook was interrupted; the message says what
            to do to go on. It is not a GzError: a loop that goes on after errors ends.
    """
    with interruptible() as interrupted:
        try:
            yield
        except Stopped as stop:
            reason = str(stop)
        except KeyboardInterrupt as stop:
            reason = str(stop) or "Stopped."
        except Exception as error:
            if not interrupted():
                _tell(error)
                raise
            reason = "Stopped."  # a library has made another error of Ctrl-C
        else:
            return
    if exit_code_of_signal() == 128 + signal.SIGTERM:
        signal.raise_signal(signal.SIGTERM)  # it was heard here; now the process itself is to hear it
    raise KeyboardInterrupt(reason)


def _tell(error: Exception) -> None:
    """Raise a sentence for what the system says, such as a full disk."""
    sentence = None if isinstance(error, GzError) else system_sentence(error)
    if sentence is not None:
        raise GzError(sentence) from error


class _Called(ModuleType):
    """A module that can be called."""

    def __call__(self, *args: Any, **keywords: Any) -> Any:  # noqa: ANN401 -- what its function takes and gives
        return self.__called__(*args, **keywords)


def callable_module(name: str, function: Callable[..., Any]) -> None:
    """Let a module be called as a function: its package offers a function of the same name.

    Args:
        name: of the module, such as ``gzprep.run``.
        function: what a call of the module does; help and signature are its own.
    """
    module = sys.modules[name]
    module.__class__ = _Called
    vars(module).update(
        __called__=function, __signature__=inspect.signature(function), __doc__=inspect.getdoc(function)
    )
