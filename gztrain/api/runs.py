"""Training from a program, and a run as a program looks at it."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import pyarrow as pa

from gzcore.console import say
from gzcore.console.call import public
from gzcore.console.given import path_text, path_texts, texts
from gzcore.errors import UsageError
from gzcore.recipe.named import find_recipe
from gzcore.recipe.overlay import as_pairs
from gzcore.storage.places import Place, as_place, local
from gztrain.api import show
from gztrain.api.frames import as_frame
from gztrain.api.galaxies import GalaxyDataset, open_dataset
from gztrain.environment import start_keras
from gztrain.runs.folder import Run, RunFolder
from gztrain.runs.folder import open_run as open_folder
from gztrain.runs.history import COLUMNS, read_history
from gztrain.runs.remote import model_alone, run_here
from gztrain.training.options import OPTIONS, as_settings
from gztrain.training.start import start

if TYPE_CHECKING:
    from pandas import DataFrame

Named = str | os.PathLike[str]
"""A path of this machine, or an address in a bucket."""
Split = Literal["val", "test"]
F = TypeVar("F", bound=Callable[..., Any])


class Metrics(dict[str, Any]):
    """What metrics.json says, as ``gztrain evaluate --json`` prints it.

    A figure of the judged split is found by its name: ``metrics["auc"]`` is
    ``metrics["splits"][metrics.split]["auc"]``.

    Attributes:
        split: the split that was judged.
    """

    def __init__(self, document: Mapping[str, Any], split: str) -> None:
        super().__init__(document)
        self.split = split

    def __missing__(self, key: str) -> Any:  # noqa: ANN401 -- a figure
        return self["splits"][self.split][key]

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 -- a figure
        """The same as ``metrics[key]``, and a default where there is no such figure."""
        try:
            return self[key]
        except KeyError:
            return default

    def __repr__(self) -> str:
        shown = {key: round(self[key], 3) for key in _FIGURES if self[key] is not None}
        return f"<metrics of {self['galaxies']} {self.split} galaxies: {shown}>"

    def _repr_html_(self) -> str:
        facts = {title: _figure(self[key], self["intervals"].get(key)) for key, title in _FIGURES.items()}
        split = "validation" if self.split == "val" else self.split
        return show.panel(f"{self['galaxies']:,} {split} galaxies", facts, show.lines(self["verdict"]))


_FIGURES = {"accuracy": "accuracy", "auc_macro": "AUC, mean over labels", "f1": "F1", "loss": "cross-entropy"}
"""Figures that are shown first, with their titles."""


def _figure(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _with_options(function: F) -> F:
    """Show the options of the table in the signature and the help of a function, in place of its ``**options``."""
    own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option.kind)
        for name, option in OPTIONS.items()
    ]
    function.__signature__ = inspect.signature(function).replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    lines = "\n".join(f"    {name}: {option.help}" for name, option in OPTIONS.items())
    function.__doc__ = f"{inspect.getdoc(function)}\n\nOptions, with their defaults in brackets:\n{lines}\n"
    return function


@public("gztrain.fit", {other: name for name, option in OPTIONS.items() for other in option.also})
@_with_options
def fit(  # noqa: PLR0913 -- as on the command line
    data: Named | GalaxyDataset,
    run: Named,
    *,
    recipe: Named | None = None,
    set: Mapping[str, Any] | Iterable[str] = (),  # noqa: A002 -- as on the command line
    resume: bool = False,
    overwrite: bool = False,
    extend: bool = False,
    callbacks: Iterable[Any] | None = (),
    **options: Any,  # noqa: ANN401 -- see gztrain.training.options
) -> "TrainedRun":
    """Train a model, and judge it on its validation fold: ``gztrain fit`` from a program or a notebook.

    Ctrl-C, or the interrupt of a notebook, ends the training after a step, with a checkpoint: ``resume=True`` goes on.

    Args:
        data: what ``open_dataset`` gave, or the place of a dataset folder.
        run: the run folder to make.
        recipe: name of a recipe, such as ``vit``, or a file.
        set: values of any keys of the recipe: ``{"optimizer.clip": 1.0}``.
        resume: go on with the run that is there.
        overwrite: replace the run that is there.
        extend: let the run that is there go on for longer than it was first asked to.
        callbacks: Keras callbacks: ``[keras.callbacks.TerminateOnNaN()]``.
        options: those of the command line, with ``_`` for ``-``.

    Raises:
        GzError: something in the data, or around the run, is wrong.
        UsageError: there is no such option, a value does not fit, or the run folder has a run already.
        KeyboardInterrupt: Ctrl-C was pressed.

    >>> run = fit("gz2-shards", run="first", size=16, epochs=1, fine_tune_epochs=0, views=0, overwrite=True)
    >>> run.model.output_shape
    (None, 8)
    """
    callbacks = () if callbacks is None else callbacks  # None is the default of Keras
    if not isinstance(callbacks, Iterable):
        raise UsageError(f"callbacks is a list of Keras callbacks, such as [{type(callbacks).__name__}(...)].")
    pairs = [*as_pairs(set), *as_settings(options)]
    where = open_dataset(data).place
    place = as_place(path_text("run", run))
    start(
        "fit",
        where,
        place,
        named_recipe(recipe),
        pairs,
        resume=resume,
        overwrite=overwrite,
        callbacks=tuple(callbacks),
        extend=extend,
    )
    return TrainedRun(place)


def named_recipe(recipe: Named | None) -> Place | None:
    """Where a recipe is; a word is the name of one that comes with gztrain.

    Raises:
        UsageError: it is a word, and there is no such recipe.
    """
    if recipe is None:
        return None
    return find_recipe("gztrain", recipe) if isinstance(recipe, str) else as_place(path_text("recipe", recipe))


def open_run(place: "Named | TrainedRun") -> "TrainedRun":
    """Open a run folder that ``gztrain fit`` made.

    Args:
        place: a folder of this machine, or an address in a bucket.

    Raises:
        GzError: there is no run.

    >>> open_run("first").label_names[:2]
    ('smooth-or-featured-gz2_smooth', 'disk-edge-on-gz2_yes')
    """
    run = place if isinstance(place, TrainedRun) else TrainedRun(as_place(path_text("open_run", place)))
    _ = run._opened  # noqa: SLF001 -- whether there is one
    return run


@dataclass(frozen=True, eq=False, repr=False)
class TrainedRun:
    """A run folder. :func:`gztrain.fit` gives one, :func:`gztrain.open_run` opens one.

    >>> run = open_run("first")
    >>> history = run.history()
    >>> votes = run.predict("gz2-sky/images")

    Attributes:
        place: the run folder.
    """

    place: Place

    @cached_property
    def _opened(self) -> Run:
        with run_here(self.place, model_alone) as here:
            return open_folder(here.folder)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the L outputs of the model, in their order."""
        return self._opened.scheme.names

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 -- a keras.Model
        """The Keras model: uint8 [B, S, S, 3], as the crops of the data set, to probabilities, float32 [B, L].

        Raises:
            GzError: the run has not ended, or the file is damaged.
        """
        start_keras()
        with run_here(self.place, model_alone) as here:
            return open_folder(here.folder).model()

    def history(self) -> "DataFrame":
        """What was written during the training: a row for some steps, with ``val_loss`` and ``val_auc`` after an epoch.

        Columns: stage, epoch, step, rate, loss, val_loss, val_auc, samples_per_s, waiting, damaged, val_damaged.

        Raises:
            GzError: there is no history, or pandas is not installed.
        """
        with run_here(self.place, lambda name: name in ("config.json", "history.csv")) as here:
            rows = read_history(open_folder(here.folder).folder.history)
        return as_frame(pa.table({key: _column(key, [row[key] for row in rows]) for key in COLUMNS}))

    @public("run.evaluate")
    def evaluate(  # noqa: PLR0913 -- what can be chosen
        self,
        split: Split = "test",
        *,
        data: Named | GalaxyDataset | None = None,
        labels: str | None = None,
        skip_damaged: bool = False,
        by: Sequence[str] = (),
        prevalence: Named | None = None,
    ) -> Metrics:
        """Judge the run on galaxies that it has not learned from; metrics.json and the predictions are written, too.

        Args:
            split: ``test``, or ``val``: the validation fold.
            data: the dataset folder, if it has moved; or another one that has none of the training galaxies.
            labels: judge by ``asked`` or ``report`` labels; None: those that it was trained on.
            skip_damaged: leave damaged records out, and count them.
            by: columns of the data set's catalogue; figures of groups of galaxies are added for each.
            prevalence: a CSV file with the shares of labels in a population; figures for it are added.

        Raises:
            GzError: the run or the data set is missing, they do not belong together, or the split is empty.

        >>> metrics = open_run("first").evaluate()
        >>> 0 <= metrics["accuracy"] <= 1
        True
        """
        start_keras()
        from gztrain.evaluation.evaluate import check_policy, evaluate_on

        if split not in get_args(Split):
            raise UsageError(f"There is no split {split!r} of a run; choose one of {', '.join(get_args(Split))}.")
        place = None if data is None else as_place(path_text("data", data))
        with run_here(self.place) as here:
            name, document = evaluate_on(
                here.folder,
                split,
                data=place,
                labels=check_policy(labels),
                skip_damaged=skip_damaged,
                by=texts("by", by),
                prevalence=None if prevalence is None else Path(path_text("prevalence", prevalence)),
            )
            here.send()
        return Metrics(document, name)

    @public("run.predict")
    def predict(
        self, paths: Named | Iterable[Named], *, resize: bool = False, assume_scale: bool = False
    ) -> "DataFrame":
        """Classify image files.

        Args:
            paths: an image or a folder, which is searched with its folders; or several.
            resize: bring images to the size of those of the training, if theirs is another.
            assume_scale: take images of another size as they are, and do not warn.

        Returns:
            A row an image: ``path``; a probability for each label; an answer for each question; ``other_size``, whether
            the image has another size than those of the training; ``reason``, why it could not be classified.

        Raises:
            UsageError: there is no such place.
            GzError: there is no image, or the run has no model.

        >>> votes = open_run("first").predict("gz2-sky/images")
        >>> votes["smooth-or-featured-gz2_smooth"].between(0, 1).sum() > 0
        np.True_
        """
        from gztrain.predict.crops import find_files
        from gztrain.predict.images import Scale, columns, count_true, counts_of, cut_of, notes, predict_files

        files = find_files([local(as_place(path)) for path in path_texts("paths", paths)])
        run, cut = self._opened, cut_of(self._opened, resize=resize)
        batches = predict_files(files.images, self.model.predict_on_batch, cut=cut, scheme=run.scheme)
        table = pa.Table.from_batches(batches, columns(run.scheme))
        unusable, other_size = len(table) - table["reason"].null_count, count_true(table["other_size"])
        scale: Scale = "resize" if resize else "assume" if assume_scale else "tell"
        for note in notes(counts_of(files, cut, unusable, other_size), scale, table["reason"]):
            say(note)
        return as_frame(table)

    def __fspath__(self) -> str:
        return str(self.place)

    def __repr__(self) -> str:
        return f"open_run({str(self.place)!r})"

    def _repr_html_(self) -> str:
        run = self._opened
        facts = {
            "model": run.config.model.name,
            "labels": f"{len(run.scheme.names)} of the scheme {run.scheme.name}, as {run.config.labels}",
            "trained on": run.data.short,
        }
        return show.panel(f"Run {self.place}", facts, self._curve())

    def _curve(self) -> str:
        with run_here(self.place, lambda name: name in ("config.json", "history.csv")) as here:
            path = RunFolder(here.folder).history
            rows = read_history(path) if path.exists() else []
        losses = [float(row["val_loss"]) for row in rows if row["val_loss"] is not None]
        return show.curve("validation loss", losses)


def _column(key: str, values: Sequence[float | str | None]) -> pa.Array:
    column = pa.array(values)
    return column.cast(pa.int64()) if key in ("epoch", "step", "damaged", "val_damaged") else column
