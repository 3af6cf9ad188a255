"""``gzprep.run``: a run from a program or a notebook. What it needs is imported when it is called."""

import gc
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gzcore.console.call import public
from gzcore.console.given import path_text, texts, whole
from gzcore.errors import UsageError
from gzcore.recipe.overlay import as_pairs
from gzcore.storage.places import Place, as_place

Named = str | os.PathLike[str]
"""A path of this machine, or an address in a bucket."""


class Made(dict[str, Any]):
    """The manifest of a data set, as ``gzprep run --json`` prints it; it stands for the folder, too.

    ``gztrain.open_dataset(gzprep.run(...))`` opens it.

    Attributes:
        out: the dataset folder.
    """

    def __init__(self, manifest: Mapping[str, Any], out: Place) -> None:
        super().__init__(manifest)
        self.out = out

    def __fspath__(self) -> str:
        return str(self.out)

    def __repr__(self) -> str:
        return f"<data set of {self['counts']['all']['out']} galaxies in {self.out}>"


@public("gzprep.run")
def run(  # noqa: PLR0913 -- options of the command line
    data: Named | None = None,
    out: Named = "gz2-shards",
    *,
    recipe: Named | None = None,
    survey: str | None = None,
    runner: str = "DirectRunner",
    views: int | None = None,
    crop: int | None = None,
    seed: int | None = None,
    limit: int | None = None,
    group_by: str | None = None,
    catalogue: Named | None = None,
    images: Named | None = None,
    labels: str | Iterable[str] | None = None,
    id_column: str | None = None,
    path_column: str | None = None,
    split: str = "train",
    set: Mapping[str, Any] | Iterable[str] = (),  # noqa: A002 -- as on the command line
    workers: int | None = None,
    options: Iterable[str] = (),
    overwrite: bool = False,
) -> Made:
    """Make a dataset folder: read images, find defects, label, make augmented views, write shards.

    The arguments are the options of ``gzprep run``, with ``_`` for ``-``.

    Args:
        data: folder with catalogues and images; None: a sample sky, made beside ``out``.
        out: the dataset folder to make. If it is whole already, nothing is done; if not, the run goes on.
        recipe: name of a recipe, such as ``gz2-vit``, or a file.
        survey: whose columns the catalogue has.
        runner: engine; DirectRunner is this machine.
        views: augmented views of each training galaxy.
        crop: width and height of the crop, px.
        seed: of the views.
        limit: take so many galaxies, chosen by their ids.
        group_by: keep ``galaxy`` or ``duplicates`` in one fold.
        catalogue: one catalogue, in place of those in ``data``.
        images: folder or file of the images.
        labels: columns of your own labels: a list of names, or one text with commas.
        id_column: column of the ids.
        path_column: column of the image files.
        split: of the galaxies in ``catalogue``: ``train`` or ``test``.
        set: values of any keys of the recipe: ``{"crop.quality": 95}``.
        workers: worker processes; None: one a core.
        options: Beam's own options.
        overwrite: replace a data set of another recipe.

    Returns:
        The manifest of the folder, a dict.

    Raises:
        GzError: the input cannot be used, or the run failed.
        UsageError: there is no such option, or a value does not fit.
        KeyboardInterrupt: Ctrl-C was pressed; the same call goes on.
    """
    from gzprep.catalogue.choose_columns import OwnColumns, read_labels
    from gzprep.catalogue.galaxy import Split
    from gzprep.prepare.chosen_recipe import choose_recipe
    from gzprep.run.launch import RunRequest
    from gzprep.run.launch import run as launch

    _check(labels, survey, split)
    keys = {"survey": survey, "views__count": views, "crop__size": crop, "seed": seed, "limit": limit}
    request = RunRequest(
        out=as_place(path_text("out", out)),
        recipe=choose_recipe(_text("recipe", recipe), as_pairs(set), **keys, group_by=group_by),
        data=_place("data", data),
        catalogue=_place("catalogue", catalogue),
        split=Split(split),
        runner=runner,
        workers=None if workers is None else whole("workers", workers),
        options=texts("options", options),
        overwrite=overwrite,
        images=_place("images", images),
        own=OwnColumns(read_labels(labels), id_column, path_column),
    )
    with _as_before():
        return Made(launch(request), request.out)


@contextmanager
def _as_before() -> Iterator[None]:
    """Put back what a run changes in its process: threads of OpenCV, what the garbage collector leaves out, chance."""
    import cv2

    threads, frozen = cv2.getNumThreads(), gc.get_freeze_count()
    state = random.getstate()
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        random.setstate(state)
        if not frozen:
            gc.unfreeze()


def _check(labels: object, survey: object, split: object) -> None:
    from gzprep.catalogue.galaxy import Split

    if labels is not None and survey is not None:
        raise UsageError("--labels makes the questions of your own columns, so it cannot be used with --survey.")
    if split not in list(Split):
        raise UsageError(f"There is no split {split!r} of a catalogue; choose one of {', '.join(Split)}.")


def _text(name: str, value: Named | None) -> str | None:
    return None if value is None else path_text(name, value)


def _place(name: str, value: Named | None) -> Place | None:
    return None if value is None else as_place(path_text(name, value))
