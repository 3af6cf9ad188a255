"""Run folders in a bucket: a copy on this machine for as long as a command works on it.

A run's files are appended to, memory-mapped and replaced, which objects cannot be. So a command works on a copy in the
machine's temporary folder. What it changed goes to the bucket as whole objects: of a command that trains, after each
checkpoint and at the end, so that ``--resume`` goes on there from any machine. Objects go in an order that leaves a run
in the bucket that can be gone on with, wherever it is cut off: what the run does not have any more is removed first,
but older best models after the checkpoint that does not name them; ``config.json`` comes first, the checkpoint after
the model that it names, and ``metrics.json`` last.

A run folder on this machine has a lock (:meth:`gztrain.runs.folder.RunFolder.locked`). A bucket has none: two commands
that train into one run folder in a bucket would overwrite each other's objects, and nothing refuses the second one.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from gzcore.errors import GzError
from gzcore.storage.ahead import ahead
from gzcore.storage.places import Place, Url
from gztrain.data.cache import copy_here
from gztrain.runs.folder import RunFolder

_AT_ONCE = 8
"""Objects under way at one time."""
_NAMES = RunFolder(Path())
MODEL = (_NAMES.config.as_posix(), _NAMES.model.as_posix())
"""What a command needs that uses a model and no more."""
_FIRST, _LAST = _NAMES.config.name, _NAMES.metrics.name
_CHECKPOINT, _NEWEST = _NAMES.checkpoint.name, "last.npz"
Wanted = Callable[[str], bool]
"""Whether a file of a run is needed, by its name below the run folder."""


def model_alone(name: str) -> bool:
    """What predicting and exporting need."""
    return name in MODEL


def model_and_card(name: str) -> bool:
    """What an export holds."""
    return model_alone(name) or name == _NAMES.card.name


def results(name: str) -> bool:
    """What judging and reporting need: everything but what training goes on from."""
    return not {_CHECKPOINT, _NAMES.tensorboard.name} & set(Path(name).parts)


def summaries(name: str) -> bool:
    """What shows that a run is there."""
    return Path(name).name in (_FIRST, _LAST)


def everything(name: str) -> bool:  # noqa: ARG001 -- one of several
    """What training needs."""
    return True


@dataclass
class RunCopy:
    """A run folder on this machine, and where it belongs.

    Attributes:
        folder: the folder to work in.
        source: the run folder in a bucket that it is a copy of; None: the folder is the run folder itself.
    """

    folder: Path
    source: Url | None = None
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, wanted: Wanted) -> None:
        """Copy what is in the bucket and wanted here.

        Raises:
            GzError: it cannot be read.
        """
        if self.source is None:
            return
        below = f"{self.source.key}/" if self.source.key else ""
        names = [name for url in self.source.below() if wanted(name := url.key.removeprefix(below))]
        for _ in ahead(self._take_one, names, _AT_ONCE):
            pass
        self._known |= {name: self._state(name) for name in names}

    def _take_one(self, name: str) -> None:
        path = self.folder / name
        if self.source is None or not path.resolve().is_relative_to(self.folder.resolve()):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        copy_here(self.source / name, path)

    def send(self) -> None:
        """Bring the run folder in the bucket up to what is here.

        Raises:
            GzError: it cannot be written.
        """
        if self.source is None:
            return
        here = {name: self._state(name) for name in self._names()}
        gone = self._known.keys() - here.keys()
        late = {name for name in gone if _is_best(name) and _newest_beside(name) in here}
        for name in sorted(gone - late, key=_order, reverse=True):
            self._remove(name)
        for name in sorted((name for name, state in here.items() if self._known.get(name) != state), key=_order):
            with (self.folder / name).open("rb") as file:
                (self.source / name).put(file)
            self._known[name] = here[name]
        for name in late:
            self._remove(name)

    def _remove(self, name: str) -> None:
        if self.source is not None:
            (self.source / name).unlink(missing_ok=True)
        del self._known[name]

    def _names(self) -> list[str]:
        return [
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
        ]

    def _state(self, name: str) -> tuple[int, int]:
        found = (self.folder / name).stat()
        return found.st_size, found.st_mtime_ns


def _order(name: str) -> tuple[int, str]:
    """When a file is sent: the config first, the newest checkpoint behind the best model, the figures last."""
    last = Path(name).name
    rank = {_FIRST: 0, _NEWEST: 2, _NAMES.model.name: 3, _LAST: 4}.get(last, 1)
    return rank, name


def _is_best(name: str) -> bool:
    path = Path(name)
    return path.parent.name == _CHECKPOINT and path.name != _NEWEST


def _newest_beside(name: str) -> str:
    return Path(name).with_name(_NEWEST).as_posix()


@contextlib.contextmanager
def run_here(place: Place, wanted: Wanted = results, *, must_be: bool = True) -> Iterator[RunCopy]:
    """A run folder on this machine; one in a bucket is copied for as long as the block lasts.

    Nothing is sent back here: a command that changes a run does so by :meth:`RunCopy.send`.

    Args:
        place: the run folder.
        wanted: which of its files are needed.
        must_be: whether there must be a run.

    Raises:
        GzError: there is no run in the bucket, or it cannot be read.
    """
    if isinstance(place, Path):
        yield RunCopy(place)
        return
    with tempfile.TemporaryDirectory(prefix="gztrain-") as temporary:
        folder = Path(temporary) / place.name
        folder.mkdir()
        copy = RunCopy(folder, place)
        with _speaking_of(place, folder):
            copy.take(wanted)
            if must_be and not RunFolder(folder).has_run():
                raise GzError(f"There is no {_FIRST} in {place}: it is no run. gztrain fit --run {place} makes one.")
            yield copy


@overload
def to_train(place: Place, *, over: bool) -> contextlib.AbstractContextManager[RunCopy]: ...
@overload
def to_train(place: Place | None, *, over: bool) -> contextlib.AbstractContextManager[RunCopy | None]: ...
def to_train(place: Place | None, *, over: bool) -> contextlib.AbstractContextManager[RunCopy | None]:
    """A run folder on this machine for a command that makes one, or goes on with one.

    Args:
        place: the run folder; None: none is kept.
        over: whether a run that is there is gone on with or replaced; if not, what there is to refuse it by is enough.
    """
    if place is None:
        return contextlib.nullcontext()
    return run_here(place, everything if over else summaries, must_be=False)


@contextlib.contextmanager
def runs_here(places: Sequence[Place]) -> Iterator[list[RunCopy]]:
    """Several run folders on this machine, as :func:`run_here` gives one."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(run_here(place)) for place in places]


@contextlib.contextmanager
def _speaking_of(place: Url, folder: Path) -> Iterator[None]:
    """Let errors name the run in the bucket, and not its copy."""
    try:
        yield
    except GzError as error:
        raise type(error)(str(error).replace(str(folder), str(place))) from error
