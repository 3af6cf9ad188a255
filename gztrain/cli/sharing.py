"""Commands that give a run to others, and take one from them: reproduce, push."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gzcore.cli import AsJson, print_json
from gzcore.console import show_line
from gzcore.errors import GzError
from gzcore.storage.options import path
from gztrain.cli.options import Data, RunPath
from gztrain.environment import start_keras


def reproduce(
    original: Annotated[
        Path, typer.Argument(parser=path, metavar="CARD|RUN", help="A MODEL_CARD.md, or a run folder.")
    ],
    run: Annotated[Path, typer.Option("--run", parser=path, help="Run folder to make.")],
    data: Data = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", parser=path, help="The file of weights that the run began with, if it has moved."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Train a run again into a new folder, and compare weights and figures with those of its card."""
    start_keras()
    from gztrain.runs.watch import watching
    from gztrain.training.reproduce import reproduce as train_again

    with watching(quiet=as_json) as watch:
        found = train_again(original, run, watch, data, weights=weights)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if not found["reproduced"]:
        raise GzError(f"The run was not reproduced: {why(found)}.")


def why(found: dict[str, Any]) -> str:
    """Why a run counts as not reproduced."""
    if any(figure["within"] is False for figure in found["figures"].values()):
        return "a figure lies outside of the interval that the card gives"
    return "its weights differ, and the card has no interval to compare its figures with"


def _show(found: dict[str, Any]) -> None:
    for name, (was, now) in found["versions"].items():
        show_line(f"{name} was {was or 'not recorded'}, and is {now or 'not there'}.")
    if found["same_weights"]:
        show_line(f"The weights are the same to the last bit. The run is in {found['run']}")
        return
    show_line("The weights differ.")
    for name, figure in found["figures"].items():
        bounds = "no interval" if figure["within"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
        show_line(f"{name}: {_number(figure['now'])}; the card says {_number(figure['was'])} ({bounds})")
    show_line(f"The run is in {found['run']}")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def push(
    run: RunPath,
    address: Annotated[str, typer.Argument(metavar="hf://USER/NAME", help="Where it goes on the Hugging Face hub.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository that only you can see.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a model with its card to the Hugging Face hub, by the token of HF_TOKEN or of `hf auth login`."""
    from dataclasses import asdict

    from gztrain.runs.push import push as send
    from gztrain.runs.remote import results, run_here

    with run_here(run, results) as here:
        sent = send(here.folder, address, private=private)
    if as_json:
        print_json(asdict(sent))
    else:
        show_line(sent.sentence)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("reproduce")(reproduce)
    app.command("push")(push)
