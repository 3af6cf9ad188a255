"""The commands that train: ``fit``, ``crossval`` and ``bench``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from gzcore.cli import AsJson, Settings
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
    """Train and judge a model for each fold, as the report did, with mean and standard deviation."""
    pairs = [*(settings or []), *as_settings(options)]
    _train("crossval", out, run, recipe, pairs, resume=resume, overwrite=overwrite, as_json=as_json)


@app.command()
@takes_recipe_options(without=("fold", "epochs", "fine_tune_epochs", "patience", "monitor", "strict_labels"))
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
