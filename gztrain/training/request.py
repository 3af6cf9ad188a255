"""The request of ``gztrain fit`` and ``gztrain crossval``. Keras is not needed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzcore.storage.places import Place
from gztrain.config import TrainConfig, as_mapping, read_config
from gztrain.runs.folder import RunFolder, open_run


def nothing() -> None:
    """What is to be done with a run folder of this machine: nothing."""


@dataclass(frozen=True)
class TrainRequest:
    """The options of a training run.

    Attributes:
        data: dataset folder.
        run: run folder.
        config: the config of the run.
        resume: continue the run that is in the run folder.
        overwrite: replace the run that is in the run folder.
        saved: called when the run folder holds something to go on from, or a result.
        callbacks: objects of classes derived from keras.callbacks.Callback.
        extend: let the run that is there go on for longer than it was first asked to; then ``resume`` is true, too.
    """

    data: Place
    run: Path
    config: TrainConfig
    resume: bool = False
    overwrite: bool = False
    saved: Callable[[], None] = nothing
    callbacks: tuple[Any, ...] = ()
    extend: bool = False


def make_config(run: Path, recipe: Place | None, settings: Iterable[str], *, resume: bool) -> TrainConfig:
    """The config of a run: a recipe and what is set over it; one that is resumed starts from what it had.

    Raises:
        UsageError: the recipe or a setting is no good.
        GzError: the run to go on with is damaged.
    """
    folder = RunFolder(run)
    begun = next((place for place in (folder, folder.fold(0)) if resume and place.config.exists()), None)
    base = None if begun is None else as_mapping(open_run(begun.root).config)
    return read_config(recipe, settings, base=base)
