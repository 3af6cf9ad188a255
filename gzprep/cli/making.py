"""The commands that make a data set: ``gzprep run``, and the template that runs it on Dataflow."""

import shlex
import time
from typing import TYPE_CHECKING, Annotated

import typer

from gzcore.cli import AsJson, Settings, print_json
from gzcore.engines.names import DIRECT
from gzcore.errors import UsageError
from gzcore.storage.options import AnyPlace, place
from gzprep.catalogue.galaxy import Split
from gzprep.cli import options as given

if TYPE_CHECKING:
    from gzprep.run.launch import RunRequest


@given.app.command()
def run(
    beam_options: given.BeamOptions = None,
    data: given.Data = None,
    out: given.Out = given.DEFAULT_OUT,
    recipe: given.RecipeName = None,
    survey: given.SurveyName = None,
    runner: given.Runner = DIRECT,
    views: given.ViewCount = None,
    crop: given.Crop = None,
    seed: given.Seed = None,
    limit: given.Limit = None,
    group_by: given.GroupBy = None,
    catalogue: given.Catalogue = None,
    images: given.ImagesAt = None,
    labels: given.OwnLabels = None,
    id_column: given.IdColumn = None,
    path_column: given.PathColumn = None,
    split: given.CatalogueSplit = Split.TRAIN,
    settings: Settings = None,
    workers: given.Workers = None,
    fleet: given.FleetFile = None,
    *,
    no_wait: given.NoWait = False,
    dry_run: given.DryRun = False,
    overwrite: given.Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset folder: read images, find defects, label, make augmented views, write shards."""
    from gzprep.catalogue.choose_columns import OwnColumns, read_labels
    from gzprep.prepare.chosen_recipe import choose_recipe
    from gzprep.run.launch import RunRequest

    if labels is not None and survey is not None:
        raise UsageError("--labels makes the questions of your own columns, so it cannot be used with --survey.")
    own = OwnColumns(read_labels(labels), id_column, path_column)
    keys = {
        "survey": survey,
        "views__count": views,
        "crop__size": crop,
        "seed": seed,
        "limit": limit,
        "group_by": group_by,
    }
    chosen = choose_recipe(recipe, settings or [], **keys)
    options = _beam_options(beam_options or [])
    request = RunRequest(out, chosen, data, catalogue, split, runner, workers, options, overwrite, fleet, images, own)
    act = _dry_run if dry_run else _send if no_wait else _make
    act(request, as_json=as_json)


def _beam_options(words: list[str]) -> tuple[str, ...]:
    stray = next((word for word in words[:1] if not word.startswith("--")), None)
    if stray is not None:
        out = f"--out {shlex.quote(stray)}"
        raise UsageError(f"gzprep run got {stray!r}; it takes options only, such as {out}; Beam's follow a lone --.")
    return tuple(words)


def _make(request: "RunRequest", *, as_json: bool) -> None:
    """Make the data set and show what was made."""
    from gzprep.run import launch

    began = time.monotonic()
    manifest = launch.run(request)
    if as_json:
        print_json(manifest)
        return
    from gzprep.cli.show import show_summary
    from gzprep.dataset.folder import Folder
    from gzprep.dataset.read import example_id

    show_summary(manifest, str(request.out), time.monotonic() - began, example_id(Folder(request.out)))


def _send(request: "RunRequest", *, as_json: bool) -> None:
    from gzcore.console import show_line
    from gzprep.run import launch

    sent = launch.send(request)
    if as_json:
        print_json(sent)
    elif "template" in sent:
        show_line(f"The job is written to {sent['template']}; nothing runs yet.")
    else:
        show_line(f"Job {sent['job']} makes {sent['out']}; manifest.json is there when it is done.")


def _dry_run(request: "RunRequest", *, as_json: bool) -> None:
    from gzcore.engines.dataflow import read_fleet
    from gzcore.engines.names import check_runner
    from gzprep.prepare.job import check_folder
    from gzprep.run import dry_run, launch

    check_runner(request.runner, request.options)
    fleet = read_fleet(request.fleet)
    job = launch.plan(request)
    check_folder(job)
    estimate = dry_run.estimate(job, fleet)
    if as_json:
        print_json(estimate)
    else:
        dry_run.show(estimate)


@given.app.command()
def merge(
    folders: Annotated[
        list[AnyPlace], typer.Argument(parser=place, metavar="A B ...", help="Dataset folders, two or more.")
    ],
    out: Annotated[AnyPlace, typer.Option(parser=place, help="Dataset folder to make.")],
    *,
    prefix: Annotated[
        bool, typer.Option("--prefix", help="Put the name of its survey before each id, such as gz2_5877.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the data set that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Join dataset folders, of different surveys or of one, into one folder; images are copied as they are."""
    from gzcore.console import say
    from gzprep.run.progress import galaxy_progress
    from gzprep.tools.merge.inputs import open_parts, told
    from gzprep.tools.merge.join import join

    began = time.monotonic()
    parts = open_parts(folders, prefix=prefix)
    for line in told(parts):
        say(line)
    galaxies = sum(part.manifest.counts.all.out for part in parts)
    with galaxy_progress("Joining", galaxies) as advance:
        manifest = join(parts, out, overwrite=overwrite, on_galaxy=lambda: advance(False))  # noqa: FBT003
    if as_json:
        print_json(manifest)
        return
    from gzprep.cli.show import show_summary
    from gzprep.dataset.folder import Folder
    from gzprep.dataset.read import example_id

    show_summary(manifest, str(out), time.monotonic() - began, example_id(Folder(out)))


@given.app.command()
def template(
    spec: Annotated[
        AnyPlace | None, typer.Argument(parser=place, metavar="SPEC", help="File to write, such as gs://...json.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Container image of launcher and workers.")] = None,
    metadata: Annotated[
        AnyPlace | None, typer.Option(parser=place, help="Write the parameters alone, into this file.")
    ] = None,
) -> None:
    """Write the specification of the Dataflow Flex Template, or its parameters."""
    from gzcore.console import show_line
    from gzprep.run.flex_template import write_template

    for written in write_template(spec, image, metadata):
        show_line(f"Written: {written}")
