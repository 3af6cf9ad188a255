"""The commands that train: ``fit``, ``crossval``, ``tune`` and ``bench``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gzcore.cli import AsJson, Settings
from gzcore.storage.options import path
from gzcore.storage.places import Place
from gztrain.cli.options import (
    Dataset,
    Extend,
    NewRun,
    Overwrite,
    Recipe,
    Resume,
    app,
    recipe_file,
    show_result,
    takes_recipe_options,
)
from gztrain.environment import start_keras
from gztrain.training.options import as_settings


@app.command()
@takes_recipe_options()
def fit(  # noqa: PLR0913 -- options of a command line
    out: Dataset,
    run: NewRun,
    recipe: Recipe = None,
    settings: Settings = None,
    *,
    resume: Resume = False,
    extend: Extend = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    **options: Any,  # noqa: ANN401 -- see gztrain.cli.options
) -> None:
    """Train a model on a dataset folder, and judge it on its validation fold."""
    pairs = [*(settings or []), *as_settings(options)]
    _train("fit", out, run, recipe, pairs, resume=resume, overwrite=overwrite, as_json=as_json, extend=extend)


def _train(  # noqa: PLR0913 -- what both commands take
    how: Literal["fit", "crossval"],
    out: Place,
    run: Place,
    recipe: str | None,
    pairs: Sequence[str],
    *,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    extend: bool = False,
) -> None:
    from gztrain.cli.show import show_folds, show_metrics
    from gztrain.training.start import start

    metrics = start(
        how, out, run, recipe_file(recipe), pairs, resume=resume, overwrite=overwrite, extend=extend, quiet=as_json
    )
    show_result(metrics, as_json, show_metrics if how == "fit" else show_folds, run)


@app.command()
@takes_recipe_options(without=("fold",))
def crossval(  # noqa: PLR0913 -- options of a command line
    out: Dataset,
    run: NewRun,
    recipe: Recipe = None,
    settings: Settings = None,
    *,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    **options: Any,  # noqa: ANN401 -- see gztrain.cli.options
) -> None:
    """Cross-validate: train and judge a model for each fold, with mean and standard deviation."""
    pairs = [*(settings or []), *as_settings(options)]
    _train("crossval", out, run, recipe, pairs, resume=resume, overwrite=overwrite, as_json=as_json)


@app.command("report-against-asked")
@takes_recipe_options(without=("labels",))
def report_against_asked(  # noqa: PLR0913 -- options of a command line
    out: Dataset,
    run: NewRun,
    recipe: Recipe = None,
    settings: Settings = None,
    *,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    **options: Any,  # noqa: ANN401 -- see gztrain.cli.options
) -> None:
    """Train under both label policies and both splits, and show what each error of the 2024 report was worth."""
    from gztrain.cli.show import show_two_by_two
    from gztrain.training.start import start

    pairs = [*(settings or []), *as_settings(options)]
    document = start(
        "report-against-asked", out, run, recipe_file(recipe), pairs, resume=resume, overwrite=overwrite, quiet=as_json
    )
    show_result(document, as_json, show_two_by_two, run)


@app.command()
@takes_recipe_options()
def tune(  # noqa: PLR0913 -- options of a command line
    out: Dataset,
    study: Annotated[Path, typer.Option("--study", parser=path, help="Folder of the search, with a run a trial.")],
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over", metavar="KEY=RANGE", help="Vary a key of the recipe: LOW..HIGH or A,B,C; may be repeated."
        ),
    ] = None,
    recipe: Recipe = None,
    settings: Settings = None,
    *,
    trials: Annotated[int, typer.Option(min=1, help="Number of trials, those of an earlier call included.")] = 20,
    goal: Annotated[
        Literal["auc", "loss"], typer.Option(help="What is to be best on validation: mean AUC, or cross-entropy.")
    ] = "auc",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search that is there.")] = False,
    as_json: AsJson = False,
    **options: Any,  # noqa: ANN401 -- see gztrain.cli.options
) -> None:
    """Search for values of a recipe that do well on the validation fold, by Optuna (extra `tune`)."""
    from gztrain.training.tune import TuneRequest, check_request, read_varied

    config, space = read_varied(recipe_file(recipe), [*(settings or []), *as_settings(options)], over or [])
    request = TuneRequest(out, study, config, space, trials, goal, resume)
    check_request(request)
    start_keras()
    from gztrain.cli.show import show_trials
    from gztrain.runs.watch import watching
    from gztrain.training.tune import tune as search

    with watching(quiet=as_json) as watch:
        document = search(request, watch)
    show_result(document, as_json, lambda found, _: show_trials(found, study), None)


@app.command()
@takes_recipe_options(
    without=("fold", "epochs", "fine_tune_epochs", "unfreeze", "patience", "monitor", "strict_labels")
)
def bench(
    out: Dataset,
    recipe: Recipe = None,
    settings: Settings = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds to run each stage.")] = 3.0,
    *,
    as_json: AsJson = False,
    **options: Any,  # noqa: ANN401 -- see gztrain.cli.options
) -> None:
    """Measure where the time goes: images a second of each stage and of the whole, and what to change."""
    from gztrain.config import read_config

    config = read_config(recipe_file(recipe), [*(settings or []), *as_settings(options)])
    start_keras()
    from gztrain.cli.show import show_bench
    from gztrain.training.bench import bench as measure

    rates = measure(config, out, seconds)
    show_result(rates, as_json, lambda figures, _: show_bench(figures), None)
