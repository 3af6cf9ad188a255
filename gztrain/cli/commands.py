"""The command line of gztrain: parse, call, print."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gzcore.cli import AsJson, RecipeToPrint, end_process, print_json, run_app, show_recipes, show_version
from gzcore.errors import UsageError
from gzcore.storage.options import AnyPlace, path, place
from gztrain import __version__
from gztrain.cli import explore, learning, sharing, understand  # noqa: F401 -- the commands of learning come first
from gztrain.cli.options import Data, Overwrite, RunPath, RunPaths, SkipDamaged, SplitName, app, show_result
from gztrain.cli.predicting import predict
from gztrain.environment import restart_with_allocator, start_keras


def main() -> NoReturn:
    """Run the command line; SystemExit has the exit code."""
    restart_with_allocator(sys.argv[1:])
    raise SystemExit(run_app(app, "gztrain"))


def main_process() -> NoReturn:
    """Run the command line as a process of its own, which ends here."""
    restart_with_allocator(sys.argv[1:])
    end_process(run_app(app, "gztrain"))


@app.callback()
def about(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version("gztrain", __version__), is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Train a classifier on the shards that gzprep wrote, and judge it on galaxies that it has not seen."""
    del version  # its callback has printed it


@app.command()
def evaluate(  # noqa: PLR0913 -- options of a command line
    run: RunPath,
    split: Annotated[
        SplitName, typer.Option(help="What to judge on: the validation fold, or the test split.")
    ] = "test",
    data: Data = None,
    labels: Annotated[
        str | None, typer.Option(help="Judge by asked, report or debiased labels. [those it was trained on]")
    ] = None,
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Also judge groups of galaxies, by a column of the data set's catalogue."
        ),
    ] = None,
    prevalence: Annotated[
        Path | None,
        typer.Option(
            "--prevalence", parser=path, help="Also judge for a population: a CSV file with its label,share rows."
        ),
    ] = None,
    skip_damaged: SkipDamaged = False,
    as_json: AsJson = False,
) -> None:
    """Judge a run: all metrics with their intervals, beside two baselines that ignore the image."""
    start_keras()
    from gztrain.cli.show import show_metrics
    from gztrain.evaluation.evaluate import check_policy, evaluate_on
    from gztrain.runs.remote import run_here

    with run_here(run) as here:
        name, document = evaluate_on(
            here.folder,
            split,
            data=data,
            labels=check_policy(labels),
            skip_damaged=skip_damaged,
            by=by or (),
            prevalence=prevalence,
        )
        here.send()
    chosen = {**document, "splits": {name: document["splits"][name]}}
    show_result(document if as_json else chosen, as_json, show_metrics, run)


app.command()(predict)


@app.command()
def export(
    run: RunPath,
    directory: Annotated[Path, typer.Argument(parser=path, metavar="DIR", help="Folder to make.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the model as SavedModel and ONNX, and check that they give the same answers."""
    start_keras()
    from gzcore.console import show_line
    from gztrain.predict.export import export as export_run
    from gztrain.runs.remote import model_and_card, run_here

    with run_here(run, model_and_card) as here:
        signature = export_run(here.folder, directory)
    if as_json:
        print_json(signature)
        return
    worst = max(signature["largest_difference"].values())
    show_line(f"SavedModel and ONNX are in {directory}; they differ from the model by {worst:.1g} at most.")


@app.command()
def ensemble(  # noqa: PLR0913 -- options of a command line
    runs: RunPaths,
    out: Annotated[
        AnyPlace | None, typer.Option("--run", parser=place, help="Run folder to make of them. [none is kept]")
    ] = None,
    split: Annotated[SplitName, typer.Option(help="What to judge it on.")] = "test",
    data: Data = None,
    *,
    symmetries: Annotated[
        bool, typer.Option("--symmetries", help="Average over the eight symmetries of each image.")
    ] = False,
    skip_damaged: SkipDamaged = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Average several runs, or the eight symmetries of each image, and judge the average."""
    start_keras()
    from gztrain.cli.show import show_metrics
    from gztrain.evaluation.ensemble import EnsembleRequest
    from gztrain.evaluation.ensemble import ensemble as average_runs
    from gztrain.runs.remote import runs_here, to_train

    if out in runs:
        raise UsageError(f"{out} is a member of the ensemble; choose another folder.")
    sides = 8 if symmetries else 1
    with runs_here(runs) as members, to_train(out, over=overwrite) as kept:
        folders, places = tuple(member.folder for member in members), tuple(runs)
        target = None if kept is None else kept.folder
        document = average_runs(EnsembleRequest(folders, target, split, sides, data, overwrite, skip_damaged, places))
        if kept is not None:
            kept.send()
    show_result(document, as_json, show_metrics, out)


@app.command()
def report(
    runs: RunPaths,
    html: Annotated[Path, typer.Option("--html", parser=path, metavar="DIR", help="Folder for the page.")],
    data: Data = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which figures to show: val, test or another name in metrics.json. [test, if there are any]"),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a page on one or more runs: curves, matrices, the worst mistakes, published figures."""
    from gzcore.console import show_line
    from gztrain.evaluation.report import write_report
    from gztrain.runs.remote import runs_here

    with runs_here(runs) as copies:
        page = write_report([copy.folder for copy in copies], html, data=data, split=split)
        for copy in copies:
            copy.send()
    if as_json:
        print_json({"page": page})
    else:
        show_line(f"The report is in {page}")


@app.command()
def audit(
    table: Annotated[
        AnyPlace, typer.Argument(parser=place, metavar="TABLE.csv", help="A table of results, one a row.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Find rows of a published table whose figures contradict each other, or rest on one answer for every galaxy."""
    from gzcore.console import show_line
    from gztrain.evaluation import audit as judging

    results = judging.read_results(table)
    findings = judging.audit(results)
    if as_json:
        print_json([finding.document() for finding in findings])
    else:
        for sentence in judging.sentences(findings, results):
            show_line(sentence)


@app.command()
def models(*, as_json: AsJson = False) -> None:
    """List the models that can be trained, with parameter counts and input sizes."""
    from dataclasses import asdict

    from gztrain.cli.show import show_models
    from gztrain.models import describe

    if as_json:
        print_json([asdict(row) for row in describe()])
    else:
        show_models(describe())


@app.command()
def recipes(
    name: RecipeToPrint = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the recipes that --recipe knows by name, or print one."""
    show_recipes("gztrain", name, as_json=as_json)


explore.add_to(app)
understand.add_to(app)
sharing.add_to(app)
