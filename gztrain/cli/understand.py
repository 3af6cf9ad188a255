"""Commands that ask a trained network for more than its answers: explain, next."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gzcore.cli import AsJson, print_json
from gzcore.console import show_line
from gzcore.errors import UsageError
from gzcore.storage.options import path
from gzcore.storage.places import Place, as_place, local
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

_SHOWN = 10
"""Galaxies that are listed on the terminal."""


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
            verdict(each["score"], each["others"]),
            f"{100 * each['flipped']:.0f} %",
            f"{100 * each['blanked']['0.5']:.1f} %",
        )
        for name, each in found["steadiness"].items()
    ]
    number = len(found["galaxies"])
    title = f"How steady the answers are, on {number} {'galaxy' if number == 1 else 'galaxies'}"
    show_table(title, rows, ("question", "score", "verdict", "flips", "beyond 50 % blanked"))
    show_line("Score: 0, turned and shifted copies get the same answers; 1, they differ as much as another galaxy.")
    _show_unused(found)
    if html is not None:
        show_line(f"The page is in {html}")


def next_galaxies(  # noqa: PLR0913, PLR0917 -- options of a command line
    run: RunPath,
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] IMAGES|OUT",
            help="More runs; then images, or folders of them, or one dataset folder.",
            show_default=False,
        ),
    ],
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="How many galaxies to choose.")] = 100,
    out: Annotated[Path | None, typer.Option("--out", parser=path, help="CSV file to write: a row a galaxy.")] = None,
    html: Html = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the dropout, if there is one run.")] = 0,
    *,
    resize: Resize = False,
    as_json: AsJson = False,
) -> None:
    """Choose the galaxies to show to volunteers next: those from whose votes the network would learn most."""
    start_keras()
    from gztrain.cli.show import image_progress
    from gztrain.predict.acquire.choose import NextRequest, choose
    from gztrain.runs.remote import runs_here

    runs, images = _apart([run, *map(as_place, places)])
    with runs_here(runs) as copies, image_progress(quiet=as_json) as advance:
        folders = tuple(copy.folder for copy in copies)
        found = choose(NextRequest(folders, tuple(images), count, out, html, resize, seed), advance)
    if as_json:
        print_json(found)
    else:
        _show_chosen(found, out, html)


def _apart(places: list[Place]) -> tuple[list[Place], list[Path]]:
    """Runs, and images or data sets. The first place is a run; an address is one, for images are read here."""
    from gztrain.runs.folder import RunFolder

    runs, images = places[:1], []
    for place in places[1:]:
        if isinstance(place, Path) and not RunFolder(place).has_run():
            images.append(place)
        else:
            runs.append(place)
    if not images:
        raise UsageError("IMAGES are missing: name images, folders of them, or a dataset folder behind the runs.")
    return runs, images


def _show_chosen(found: dict[str, Any], out: Path | None, html: Path | None) -> None:
    from gzcore.console import show_table

    rows = [(entry["id"], f"{entry['score']:.4f}", entry["most_about"]) for entry in found["next"][:_SHOWN]]
    asked = f"{found['networks']} networks" if found["method"] == "ensemble" else f"dropout, {found['networks']} times"
    show_table(
        f"{len(found['next'])} of {found['galaxies']} galaxies ({asked})", rows, ("galaxy", "bits", "most about")
    )
    if len(found["next"]) > _SHOWN:
        show_line(f"and {len(found['next']) - _SHOWN} more; --out writes all of them.")
    if found["trained"]:
        show_line(f"{found['trained']} galaxies were left out, because they have trained a run.")
    if found["trained"] is None:
        show_line("It is not known which galaxies trained the runs, so none was left out.")
    _show_unused(found)
    for file in (out, html):
        if file is not None:
            show_line(f"Written: {file}")


def _show_unused(found: dict[str, Any]) -> None:
    if found["unusable"]:
        show_line(f"{found['unusable']} images cannot be used; gztrain predict says why.")
    if found["other_size"]:
        show_line(f"{found['other_size']} images have another size than those of the training; see --resize.")


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("explain")(explain)
    app.command("next")(next_galaxies)
