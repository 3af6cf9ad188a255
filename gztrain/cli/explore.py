"""Commands that look for galaxies by likeness: embed, similar, outliers, map."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gzcore.cli import AsJson, print_json
from gzcore.console import show_line
from gzcore.storage.options import AnyPlace, path, place
from gzcore.storage.places import as_place, local
from gztrain.environment import start_keras

Table = Annotated[
    Path, typer.Argument(parser=path, metavar="EMB.parquet", help="A file of features that `gztrain embed` wrote.")
]
Page = Annotated[Path | None, typer.Option("--html", parser=path, help="Page to write.")]


def embed(  # noqa: PLR0913 -- options of a command line
    run: Annotated[AnyPlace, typer.Argument(parser=place, metavar="RUN", help="A run folder that `gztrain fit` made.")],
    places: Annotated[
        list[str], typer.Argument(metavar="IMAGES|OUT", help="Images, or folders of them; or one dataset folder.")
    ],
    out: Annotated[Path, typer.Option("--out", parser=path, help="File to write: a row an image.")],
    *,
    one_side: Annotated[
        bool,
        typer.Option("--one-side", help="Look at each image once, not in its eight symmetries; faster."),
    ] = False,
    resize: Annotated[
        bool, typer.Option("--resize", help="Bring images to the size of those of the training, if theirs is another.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what the network sees in each image, as numbers: features for similar, outliers and map."""
    start_keras()
    from gztrain.cli.show import image_progress
    from gztrain.predict.embeddings.embed import embed as embed_images
    from gztrain.runs.remote import model_alone, run_here

    images = [local(as_place(word)) for word in places]
    with run_here(run, model_alone) as here, image_progress(quiet=as_json) as advance:
        counts = embed_images(here.folder, images, out, advance, all_sides=not one_side, resize=resize)
    if as_json:
        return print_json(counts)
    show_line(f"{counts['embedded']} of {counts['images']} images: {counts['features']} features each, in {out}")
    if counts["unusable"]:
        show_line(f"{counts['unusable']} images cannot be used; gztrain predict says why.")
    if counts["other_size"]:
        show_line(f"{counts['other_size']} images have another size than those of the training; see --resize.")
    return None


def similar(  # noqa: PLR0913, PLR0917 -- options of a command line
    table: Table,
    name: Annotated[str | None, typer.Option("--id", help="A galaxy of the file.")] = None,
    image: Annotated[Path | None, typer.Option("--image", parser=path, help="Or an image file.")] = None,
    number: Annotated[int, typer.Option("--number", min=1, max=499, help="How many galaxies to find.")] = 24,
    html: Page = None,
    run: Annotated[Path | None, typer.Option("--run", parser=path, help="The run folder, if it has moved.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Find the galaxies that are most like one, among all of the file."""
    if image is not None:
        start_keras()
    from gztrain.predict.embeddings.explore import similar as find

    found = find(table, name=name, image=image, number=number, html=html, run=run)
    _show(found, found["nearest"], html, as_json=as_json)


def outliers(
    table: Table,
    number: Annotated[int, typer.Option("--number", min=1, max=500, help="How many galaxies to show.")] = 48,
    html: Page = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Order galaxies by how unlike all others they are, the strangest first."""
    from gztrain.predict.embeddings.explore import outliers as find

    found = find(table, number=number, html=html)
    _show(found, found["strangest"], html, as_json=as_json)


def draw_map(
    table: Table,
    html: Annotated[Path, typer.Option("--html", parser=path, help="Page to write.")],
    *,
    umap: Annotated[bool, typer.Option("--umap", help="UMAP in place of principal axes; needs umap-learn.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw galaxies in a plane, alike ones close together, as a page that one can zoom."""
    from gztrain.predict.embeddings.explore import draw_map as draw

    found = draw(table, html, umap=umap)
    if as_json:
        print_json(found)
    else:
        show_line(f"{found['shown']} of {found['galaxies']} galaxies are on the map in {html}")


def _show(document: dict[str, Any], galaxies: list[dict[str, Any]], html: Path | None, *, as_json: bool) -> None:
    if as_json:
        return print_json(document)
    for galaxy in galaxies:
        show_line(f"distance {galaxy['distance']:8.3f}  {galaxy['id']}")
    if html is not None:
        show_line(f"The page is in {html}")
    return None


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in (("embed", embed), ("similar", similar), ("outliers", outliers), ("map", draw_map)):
        app.command(name)(command)
