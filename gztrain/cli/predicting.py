"""The command ``predict``: images, or the galaxies of a catalogue, to answers."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from gzcore.cli import AsJson
from gzcore.errors import GzError, UsageError
from gzcore.storage.options import AnyPlace, path, place
from gzcore.storage.places import Place, as_place, local
from gztrain.cli.options import Data, Json, RunPath, show_result
from gztrain.environment import start_keras

_Scale = Literal["resize", "assume", "tell"]
_Given = TypeVar("_Given")
_CATALOGUE = "A row a galaxy of a catalogue"


def predict(  # noqa: PLR0913, PLR0917 -- options of a command line
    run: RunPath,
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES|DIR",
            help="Images, or folders of them; with --runner, also a dataset folder, or addresses in buckets. "
            "Options of Beam follow a lone --.",
            show_default=False,
        ),
    ] = None,
    parquet: Annotated[
        AnyPlace | None,
        typer.Option(
            "--parquet", parser=place, help="File to write: a row an image. With --runner: a folder of such files."
        ),
    ] = None,
    runner: Annotated[
        str | None, typer.Option(help="Engine of a Beam pipeline, such as DirectRunner, FlinkRunner or DataflowRunner.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="With --runner: number of processes. Each loads the model and uses all cores.")
    ] = 1,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            parser=path,
            help="A catalogue, parquet or CSV, whose galaxies are predicted.",
            rich_help_panel=_CATALOGUE,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", parser=path, help="Folder of their images.", rich_help_panel=_CATALOGUE),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", parser=path, help="File to write: .parquet, .csv, .fits or .vot.", rich_help_panel=_CATALOGUE
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="Carry this column of the catalogue, too; may be repeated.",
            rich_help_panel=_CATALOGUE,
        ),
    ] = None,
    ensemble: Annotated[
        list[AnyPlace] | None,
        typer.Option(
            "--ensemble",
            parser=place,
            metavar="RUN",
            help="Average the votes with those of this run; may be repeated.",
            rich_help_panel=_CATALOGUE,
        ),
    ] = None,
    data: Data = None,
    *,
    resize: Annotated[
        bool, typer.Option("--resize", help="Bring images to the size of those of the training, if theirs is another.")
    ] = False,
    assume_scale: Annotated[
        bool, typer.Option("--assume-scale", help="Take images of another size as they are, and do not warn.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Classify images, or make a table of votes for a catalogue (--catalogue); with --runner as a Beam pipeline."""
    if resize and assume_scale:
        raise UsageError("--resize changes the scale of images and --assume-scale keeps it; choose one of them.")
    scale: _Scale = "resize" if resize else "assume" if assume_scale else "tell"
    if catalogue is None:
        _refuse(
            {"--images": images, "--out": out, "--keep": keep, "--ensemble": ensemble, "--data": data},
            "is of use with --catalogue only",
        )
        words = _required(places, "IMAGES")
        if parquet is None:
            raise UsageError(_missing("--parquet"))
        _predict_images(run, words, parquet, runner, workers, scale, as_json=as_json)
        return
    _refuse({"IMAGES": places, "--parquet": parquet, "--runner": runner}, "does not go with --catalogue")
    folder, file = _required(images, "--images"), _required(out, "--out")
    runs = [run, *(ensemble or [])]
    _predict_catalogue(runs, catalogue, folder, file, tuple(keep or ()), data, scale, as_json=as_json)


def _refuse(strange: dict[str, object], why: str) -> None:
    """Refuse options of the other kind of prediction."""
    for name, value in strange.items():
        if value:
            raise UsageError(f"{name} {why}; leave it out.")


def _required(value: _Given | None, name: str) -> _Given:
    if not value:
        raise UsageError(_missing(name))
    return value


def _missing(name: str) -> str:
    return f"{name} is missing: predict takes IMAGES and --parquet, or --catalogue, --images and --out; see --help."


def _predict_images(  # noqa: PLR0913, PLR0917 -- what the command takes
    run: Place, words: list[str], parquet: Place, runner: str | None, workers: int, scale: _Scale, *, as_json: bool
) -> None:
    from gztrain.cli.show import show_parts, show_predicted

    resize = scale == "resize"
    if runner is None:
        counts = _predict_here(run, words, parquet, resize=resize, quiet=as_json)
        show_result(counts, as_json, lambda found, file: show_predicted(found, file, scale), parquet)
    else:
        summary = _predict_on(runner, run, words, parquet, workers, resize=resize)
        show_result(summary, as_json, lambda found, folder: show_parts(found, folder, scale), parquet)


def _predict_here(run: Place, words: list[str], parquet: Place, *, resize: bool, quiet: bool) -> Json:
    start_keras()
    from gztrain.cli.show import image_progress
    from gztrain.predict.images import predict as predict_images
    from gztrain.runs.remote import model_alone, run_here

    images = [local(as_place(word)) for word in words]
    with run_here(run, model_alone) as here, image_progress(quiet=quiet) as advance:
        return predict_images(here.folder, images, local(parquet), advance, resize=resize)


def _predict_on(  # noqa: PLR0913 -- what the command takes
    runner: str, run: Place, words: list[str], parquet: Place, workers: int, *, resize: bool
) -> Json:
    if find_spec("apache_beam") is None:
        raise GzError("--runner needs Apache Beam; install it with: pip install 'apache-beam>=2.77,<2.78'.")
    from gztrain.predict.beam.launch import PredictionRequest
    from gztrain.predict.beam.launch import predict as predict_parts

    first_option = next((number for number, word in enumerate(words) if word.startswith("--")), len(words))
    inputs, options = [as_place(word) for word in words[:first_option]], words[first_option:]
    return predict_parts(PredictionRequest(run, inputs, parquet, runner, workers, options, resize))


def _predict_catalogue(  # noqa: PLR0913, PLR0917 -- what the command takes
    runs: list[Place],
    catalogue: Path,
    images: Path,
    out: Path,
    keep: tuple[str, ...],
    data: Place | None,
    scale: _Scale,
    *,
    as_json: bool,
) -> None:
    start_keras()
    from contextlib import ExitStack

    from gztrain.cli.show import image_progress, show_catalogue
    from gztrain.predict.catalogue.fitted import needed
    from gztrain.predict.catalogue.make import CatalogueRequest, make_catalogue
    from gztrain.runs.remote import run_here

    with ExitStack() as stack:
        copies = [stack.enter_context(run_here(run, needed)) for run in runs]
        advance = stack.enter_context(image_progress(quiet=as_json))
        folders = tuple(copy.folder for copy in copies)
        request = CatalogueRequest(folders, catalogue, images, out, keep, data, scale == "resize")
        counts = make_catalogue(request, advance)
        for copy in copies:
            copy.send()
    show_result(counts, as_json, lambda found, file: show_catalogue(found, file, images, scale), out)
