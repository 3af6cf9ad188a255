"""The command line of gzprep: parse, call, print."""

from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from gzcore.cli import (
    AsJson,
    RecipeToPrint,
    Settings,
    end_process,
    print_json,
    run_app,
    show_recipes,
    show_version,
)
from gzcore.errors import UsageError
from gzcore.storage.options import AnyPlace, path, place
from gzprep import __version__
from gzprep.cli import giving, looking, making, surveys  # noqa: F401 -- their commands come first
from gzprep.cli.options import Dataset, RecipeName, SurveyName, app


def main() -> NoReturn:
    """Run the command line; SystemExit has the exit code."""
    raise SystemExit(run_app(app, "gzprep"))


def main_process() -> NoReturn:
    """Run the command line as a process of its own, which ends here."""
    end_process(run_app(app, "gzprep"))


@app.callback()
def about(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version("gzprep", __version__), is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """From a catalogue and a folder of galaxy images to cropped TFRecord shards."""
    del version  # its callback has printed it


@app.command()
def simulate(
    directory: Annotated[Path, typer.Argument(parser=path, metavar="DIR", help="Folder to make.")],
    galaxies: Annotated[int, typer.Option(help="Number of galaxies.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the sky.")] = 0,
    survey: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="What volunteers are asked: a survey, or a TOML file. [gz2]")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a folder shaped like Galaxy Zoo 2: simulated galaxies, votes, planted defects, and the truth."""
    from dataclasses import asdict

    from gzcore.console import human_bytes, show_line
    from gzprep.run.progress import galaxy_progress
    from gzprep.simulate import simulate as make_sky

    with galaxy_progress("Simulating", galaxies) as advance:
        sky = make_sky(directory, galaxies, seed, lambda: advance(False), survey)  # noqa: FBT003
    if as_json:
        print_json(asdict(sky))
        return
    planted = ", ".join(f"{kind} {count}" for kind, count in sky.planted.items())
    show_line(f"{sky.train} training and {sky.test} test galaxies in {directory}, {human_bytes(sky.bytes)}.")
    show_line(f"Planted defects: {planted or 'none'}. The truth is in {directory / 'truth.parquet'}.")
    if survey is not None:
        show_line(f"gzprep run --data {directory} --survey {survey} makes a data set of them.")


@app.command()
def fetch(
    directory: Annotated[Path, typer.Argument(parser=path, metavar="DIR", help="Folder to fill.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Download the real Galaxy Zoo 2 through galaxy-datasets, then check that every image is there."""
    from gzcore.console import show_line
    from gzprep.tools.fetch import fetch_gz2

    inventory = fetch_gz2(directory)
    if as_json:
        print_json(inventory)
        return
    show_line(f"{inventory['galaxies']} galaxies in {directory}; {inventory['missing']} images are missing.")
    if inventory["missing"]:
        show_line(f"They are listed in {inventory['missing_list']}; gzprep run leaves them out.")


@app.command()
def verify(
    out: Dataset,
    replay: Annotated[int, typer.Option(min=0, help="Make this many records again, and compare.")] = 0,
    data: Annotated[
        AnyPlace | None, typer.Option(parser=place, help="Where the data folder is now, if it has moved.")
    ] = None,
    images: Annotated[
        AnyPlace | None,
        typer.Option(parser=place, help="Where the images are now, if not in the data folder."),
    ] = None,
    reference: Annotated[
        Literal["albumentations"] | None,
        typer.Option(help="Make these records also by albumentations' own transforms, and say how far they differ."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a dataset folder: sizes, checksums, counts, schema, splits; exit code 1 where something is wrong."""
    from gzcore.console import show_line
    from gzprep.tools.replay import Moved
    from gzprep.tools.verify import verify_folder

    if reference is not None and not replay:
        raise UsageError("--reference compares the records that are made again; add --replay N.")
    result = verify_folder(out, replay_records=replay, moved=Moved(data, images), reference=reference is not None)
    if as_json:
        print_json(result)
    else:
        for fault in result["faults"]:
            show_line(f"fault: {fault}")
        for line in result["leaks"]:
            show_line(line)
        if "reference" in result:
            show_line(result["reference"]["sentence"])
        verdict = "whole" if result["ok"] else f"not whole: {len(result['faults'])} faults"
        show_line(f"{out} is {verdict} ({result['records']} records read, {result['replayed']} made again).")
    if not result["ok"]:
        raise typer.Exit(1)


@app.command()
def report(
    out: Dataset,
    html: Annotated[Path, typer.Option("--html", parser=path, metavar="DIR", help="Folder to write the page into.")],
    data: Annotated[
        AnyPlace | None, typer.Option(parser=place, help="Where the data folder is now, if it has moved.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a page about a data set: catalogue, votes, labels, images, folds; each figure with its data as CSV."""
    from gzcore.console import say, show_line
    from gzcore.console.stages import stages
    from gzprep.report import write_report

    with stages() as on_stage:
        written = write_report(out, html, data, on_stage)
    if as_json:
        print_json({"page": str(written.page), "figures": written.figures, "images": written.images})
        return
    show_line(f"{len(written.figures)} figures are in {written.page}, their numbers in {html / 'data'}.")
    if not written.images:
        say("The source images were not found, so figures that need them are left out; name their folder with --data.")


@app.command()
def preview(
    out: Dataset,
    galaxy_id: Annotated[
        str | None, typer.Option("--id", help="Id of a galaxy; see catalogue.parquet. Default: the first one.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", parser=path, help="File to write. Default: the galaxy's id and .png.")
    ] = None,
) -> None:
    """Draw all views of a galaxy as a contact sheet, with what was done to each."""
    from gzcore.console import show_line
    from gzprep.tools.contact_sheet import any_galaxy, draw_preview, file_of

    chosen = galaxy_id or any_galaxy(out)
    target = png or file_of(chosen)
    count = draw_preview(out, chosen, target)
    show_line(f"{count} views of {chosen} are in {target}")


@app.command()
def diff(
    first: Annotated[AnyPlace, typer.Argument(parser=place, metavar="A", help="Dataset folder.")],
    second: Annotated[AnyPlace, typer.Argument(parser=place, metavar="B", help="Dataset folder.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two data sets: recipe, galaxies, labels, images; exit code 1 where something does."""
    from gzcore.console import printable, show_line
    from gzprep.tools.diff import compare

    result = compare(first, second)
    if as_json:
        print_json(result.document())
    else:
        for difference in result.differences:
            dots = "; ..." if difference.count > len(difference.examples) else ""
            show_line(printable(f"{difference.kind}: {difference.count:,} ({'; '.join(difference.examples)}{dots})"))
        verdict = "hold the same data, made in the same way" if result.same else "differ"
        show_line(f"{first} and {second} {verdict} ({result.common:,} galaxies in both).")
    if not result.same:
        raise typer.Exit(1)


@app.command()
def schemes(
    *,
    as_json: AsJson = False,
    scheme: Annotated[str | None, typer.Argument(metavar="SCHEME", help="Show the labels of this one.")] = None,
    survey: SurveyName = None,
) -> None:
    """List the label schemes of a survey, or the labels of one."""
    from gzcore.console import show_table
    from gzprep.catalogue.surveys import find_survey, gz2

    tree = gz2() if survey is None else find_survey(survey)
    known = tree.questions_of_schemes
    chosen = [scheme] if scheme is not None else list(known)
    labels = {name: [tree.label_names[place] for place in tree.scheme_labels(name)] for name in chosen}
    if as_json:
        print_json(labels)
    elif scheme is not None:
        places = [(name, str(tree.label_names.index(name))) for name in labels[scheme]]
        show_table(scheme, places, ("label", f"place in {len(tree.label_names)}"))
    else:
        rows = [(name, str(len(names)), ", ".join(f"Q{q}" for q in known[name])) for name, names in labels.items()]
        show_table("Schemes", rows, ("scheme", "labels", "questions"))


@app.command()
def recipes(
    name: RecipeToPrint = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the recipes that --recipe knows by name, or print one."""
    show_recipes("gzprep", name, as_json=as_json)


@app.command()
def inspect(
    paths: Annotated[
        list[AnyPlace], typer.Argument(parser=place, metavar="DIR|IMAGES", help="Images, folders, or data sets.")
    ],
    recipe: RecipeName = None,
    settings: Settings = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", parser=path, metavar="DIR", help="Write a page to judge the findings by eye."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Print a line for every image, not only a table.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for defects in images, with every detector. The exit code is 0, whatever is found."""
    from gzcore.console import say
    from gzprep.cli.show import show_inspections
    from gzprep.prepare.chosen_recipe import choose_recipe
    from gzprep.tools.defect_page import empty_sheets, watch, write_review
    from gzprep.tools.defect_scan import inspect as look_at
    from gzprep.tools.defect_scan import is_dataset, recipe_of

    own = recipe is None and not settings and len(paths) == 1 and is_dataset(paths[0])
    rules = recipe_of(paths[0]) if own else choose_recipe(recipe, settings or [])
    sheets = empty_sheets(rules.defects)
    found = watch(look_at(paths, rules), sheets)
    if as_json:
        print_json([one.as_json() for one in found])
    else:
        show_inspections(found, every=every)
    if html is not None:
        say(f"The page is {write_review(sheets, html, rules)}.")
