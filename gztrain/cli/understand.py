"""Commands that look into a trained network: explain."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gzcore.cli import AsJson, print_json
from gzcore.console import show_line
from gzcore.storage.options import path
from gzcore.storage.places import as_place, local
from gztrain.cli.options import RunPath
from gztrain.environment import start_keras

Places = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGES|OUT",
        help="Images, or folders of them; or one dataset folder. [the data set of the run]",
        show_default=False,
    ),
]
Html = Annotated[Path | None, typer.Option("--html", parser=path, help="Page to write.")]
Resize = Annotated[
    bool, typer.Option("--resize", help="Bring images to the size of those of the training, if theirs is another.")
]


def explain(  # noqa: PLR0913 -- options of a command line
    run: RunPath,
    places: Places = None,
    html: Html = None,
    number: Annotated[int, typer.Option("--number", min=1, max=64, help="How many galaxies to look at.")] = 12,
    question: Annotated[
        list[str] | None, typer.Option("--question", metavar="NAME", help="Show this question; may be repeated. [all]")
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not blank patch after patch, which is most of the work.")
    ] = False,
    resize: Resize = False,
    as_json: AsJson = False,
) -> None:
    """Show where the network looks, and how steady its answers are when a galaxy is turned, shifted or cut out."""
    start_keras()
    from gzcore.console.stages import stages
    from gztrain.predict.explain.explain import explain as explain_run
    from gztrain.runs.remote import model_alone, run_here

    images = [local(as_place(word)) for word in places or []]
    with run_here(run, model_alone) as here, stages() as progress:
        found = explain_run(
            here.folder,
            images,
            html=html,
            number=number,
            questions=question or (),
            patches=not quick,
            resize=resize,
            progress=progress,
        )
    if as_json:
        print_json(found)
    else:
        _show_explained(found, html)


def _show_explained(found: dict[str, Any], html: Path | None) -> None:
    from gzcore.console import show_table
    from gztrain.predict.explain.page import verdict

    rows = [
        (
            name,
            "" if each["score"] is None else f"{each['score']:.2f}",
            verdict(each["score"]),
            f"{100 * each['flipped']:.0f} %",
            f"{100 * each['blanked']['0.5']:.1f} %",
        )
        for name, each in found["steadiness"].items()
    ]
    title = f"How steady the answers are, on {len(found['galaxies'])} galaxies"
    show_table(title, rows, ("question", "score", "verdict", "flips", "outside blanked"))
    show_line("Score: 0, turned and shifted copies get the same answers; 1, they differ as much as another galaxy.")
    if found["unusable"]:
        show_line(f"{found['unusable']} images cannot be used; gztrain predict says why.")
    if found["other_size"]:
        show_line(f"{found['other_size']} images have another size than those of the training; see --resize.")
    if html is not None:
        show_line(f"The page is in {html}")


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("explain")(explain)
