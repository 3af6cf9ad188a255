"""From what a user asks for to a run folder with a result: what the command line and ``gztrain.fit`` share."""

from collections.abc import Sequence
from typing import Any, Literal

from gzcore.errors import UsageError
from gzcore.storage.places import Place
from gztrain.environment import start_keras
from gztrain.runs.remote import to_train
from gztrain.training.request import TrainRequest, make_config

How = Literal["fit", "crossval", "report-against-asked"]
"""Train one model, or one for each fold, or one for each error of the 2024 report."""


def start(  # noqa: PLR0913 -- what both commands take
    how: How,
    data: Place,
    run: Place,
    recipe: Place | None,
    pairs: Sequence[str],
    *,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    callbacks: Sequence[Any] = (),
    extend: bool = False,
) -> dict[str, Any]:
    """Train and judge; a run folder in a bucket is worked on here, and sent there as it grows. Keras is loaded late.

    Args:
        how: what is trained, see :data:`How`.
        data: the dataset folder.
        run: the run folder to make.
        recipe: a recipe file; None: the defaults.
        pairs: ``KEY=VALUE`` pairs over the recipe.
        resume: go on with the run that is there.
        overwrite: replace the run that is there.
        quiet: show no progress.
        callbacks: objects of classes derived from keras.callbacks.Callback.
        extend: let the run that is there go on for longer than it was first asked to.

    Returns:
        What metrics.json says.

    Raises:
        GzError: something in the data, or around the run, is wrong.
        UsageError: a value does not fit, or the run folder has a run already.
        Stopped: the user pressed Ctrl-C.
    """
    if extend and overwrite:
        raise UsageError(
            "--extend goes on with the run that is there, and --overwrite replaces it; choose one of them."
        )
    resume = resume or extend
    with to_train(run, over=resume or overwrite) as here:
        config = make_config(here.folder, recipe, pairs, resume=resume)
        start_keras()
        from gztrain.runs.watch import watching
        from gztrain.training.crossval import crossval
        from gztrain.training.fit import fit
        from gztrain.training.two_by_two import report_against_asked

        train = {"fit": fit, "crossval": crossval, "report-against-asked": report_against_asked}[how]
        with watching(quiet=quiet) as watch:
            request = TrainRequest(data, here.folder, config, resume, overwrite, here.send, tuple(callbacks), extend)
            return train(request, watch)
