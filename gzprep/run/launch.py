"""The launcher: checks what the user asks for, runs the graph, and turns each failure into one sentence."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzcore.console import say
from gzcore.console.process import is_a_command
from gzcore.engines.dataflow import JobKind, check_dataflow, dataflow_options, read_fleet, template_location
from gzcore.engines.ending import one_sentence
from gzcore.engines.lean import import_beam
from gzcore.engines.names import DATAFLOW, DIRECT, JOB_SERVERS, check_runner
from gzcore.errors import GzError, UsageError
from gzcore.machine import cores
from gzcore.storage import locks
from gzcore.storage.atomic import read_json, writing
from gzcore.storage.places import Place, Url
from gzprep.catalogue.choose_columns import OwnColumns, choose_columns, told
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Split
from gzprep.catalogue.read import CatalogueFile
from gzprep.catalogue.surveys import gz2
from gzprep.config import Recipe
from gzprep.dataset.folder import Folder, clear, locked, sweep
from gzprep.prepare.job import (
    PreparationJob,
    Source,
    check_folder,
    forget_plan,
    is_left_over,
    make_job,
    open_source,
    refuse_source,
    write_plan,
)
from gzprep.run.images_at_hand import Ready, images_at_hand
from gzprep.run.pool import prepare_to_fork, useful_workers
from gzprep.run.progress import galaxy_progress, listen

if TYPE_CHECKING:
    from gzcore.engines.beam.dataflow import Sent

SKY_NAME = "gz2-sky"
SKY_GALAXIES = 200
JOBS = JobKind("gzprep", image="GZPREP_IMAGE", folder=".gzprep/dataflow")
"""What our jobs on Dataflow have in common."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for.

    Attributes:
        out: the dataset folder to make.
        recipe: what to do.
        data: the data folder; None: the sample sky, beside ``out``.
        catalogue, split: a single catalogue in place of those in ``data``, and whose galaxies it holds.
        runner: name of the engine.
        workers: processes; None: one a core.
        options: Beam's own options.
        overwrite: replace a data set made from another recipe.
        fleet: file of worker options for Dataflow; None: the defaults.
        images: folder or file of the images; None: in ``data``, where the recipe says.
        own: the user's own columns of ids, paths and labels.
    """

    out: Place
    recipe: Recipe
    data: Place | None = None
    catalogue: Place | None = None
    split: Split = Split.TRAIN
    runner: str = DIRECT
    workers: int | None = None
    options: Sequence[str] = field(default_factory=tuple)
    overwrite: bool = False
    fleet: Place | None = None
    images: Place | None = None
    own: OwnColumns = field(default_factory=OwnColumns)


def plan(request: RunRequest) -> PreparationJob:
    """Check the input and work out the job; only the sample sky is ever written here.

    Raises:
        GzError: the input cannot be used, or the dataset folder is damaged.
    """
    settled = settle(request)
    return make_job(settled.out.absolute(), open_input(settled), settled.recipe)


def settle(request: RunRequest) -> RunRequest:
    """Fit the survey of a request to the columns that its catalogues have; of the sample sky they are known.

    Raises:
        GzError: a catalogue cannot be read, or lacks a column that the user named.
    """
    if request.data is None and request.catalogue is None:
        if request.own != OwnColumns():
            raise UsageError("--labels, --id-column and --path-column need --catalogue or --data.")
        return request
    paths = [file.path for file in _catalogues(request, _data_of(request, request.out.absolute()))]
    survey = choose_columns(request.recipe.survey, paths, request.own)
    for line in told(request.recipe.survey, survey):
        say(line)
    return replace(request, recipe=replace(request.recipe, survey=survey), own=OwnColumns())


def open_input(request: RunRequest) -> Source:
    """Find and check what the user wants prepared; all paths absolute, for workers may run in other folders.

    Raises:
        GzError: the input cannot be used, or would be written into.
    """
    out = request.out.absolute()
    data = _data_of(request, out)
    images = None if request.images is None else request.images.absolute()
    source = open_source(data, _catalogues(request, data), request.recipe, images)
    refuse_source(out, source)
    return source


def _catalogues(request: RunRequest, data: Place) -> tuple[CatalogueFile, ...]:
    if request.catalogue is None:
        return find_catalogues(data)
    return (CatalogueFile(request.catalogue.absolute(), request.split),)


def _data_of(request: RunRequest, out: Place) -> Place:
    """The data folder: as it is named, or that of the one catalogue, or that of the sample sky."""
    if request.data is not None:
        return request.data.absolute()
    if request.catalogue is not None:
        return request.catalogue.absolute().parent
    survey = request.recipe.survey
    if survey != gz2():
        raise UsageError(
            f"The sample sky has the questions of {gz2().title}; the survey {survey} needs --data. gzprep simulate DIR "
            f"--survey {survey} makes galaxies for it."
        )
    return sample_sky(out)


def sample_sky(out: Place) -> Path:
    """Make the sample sky beside a dataset folder, unless it is there.

    Raises:
        UsageError: the dataset folder is in a bucket.
        GzError: something else is in its place.
    """
    from gzprep.simulate import simulate

    if isinstance(out, Url):
        raise UsageError(
            f"A data set in a bucket needs --data; the sample sky is made on this machine only, not in {out}."
        )
    folder = out.parent / SKY_NAME
    if (folder / "truth.parquet").is_file():
        return folder
    if folder.exists():
        raise GzError(f"{folder} is in the way of the sample sky; move it, or name your own galaxies with --data.")
    say(f"No --data: making a sample sky of {SKY_GALAXIES} simulated galaxies in {folder}")
    work = folder.parent / f".{folder.name}.part"  # a run that was killed leaves it, and the next one takes it up
    with locks.locked(folder.parent, work.name, "name your own galaxies with --data", made=folder), writing(work):
        with galaxy_progress("Simulating", SKY_GALAXIES) as advance:
            sky = simulate(work / "sky", SKY_GALAXIES, on_galaxy=lambda: advance(False))  # noqa: FBT003
        with contextlib.suppress(OSError):  # another run was faster: the sky is the same
            sky.directory.rename(folder)
        shutil.rmtree(work, ignore_errors=True)
    return folder


def run(request: RunRequest) -> dict[str, Any]:
    """Make the data set.

    Returns:
        The manifest.

    Raises:
        GzError: the input cannot be used, or the run failed.
        Stopped: the user pressed Ctrl-C.
    """
    if request.runner == DATAFLOW and template_location(request.options) is not None:
        raise UsageError("A job that is written into a template is not run; add --no-wait.")
    with _begun(request) as (job, ready):
        if request.runner == DATAFLOW:
            _run_on_dataflow(ready(), request)
        else:
            _run_graph(job, ready, request)
    manifest: dict[str, Any] = read_json(job.folder.manifest)
    return manifest


def send(request: RunRequest) -> dict[str, str]:
    """Send the job away and return at once; it writes the manifest by itself.

    Returns:
        ``out``, and either ``job`` and ``console``, or ``template``, the file that the job was written to.

    Raises:
        UsageError: the engine needs us to the end.
        GzError: the input cannot be used, or the job was refused.
    """
    if request.runner != DATAFLOW:
        raise UsageError(f"--no-wait needs --runner {DATAFLOW}; {request.runner} ends when its launcher does.")
    with _begun(request) as (job, ready):
        sent = _send_to_dataflow(ready(), request)
    from gzcore.engines.beam.dataflow import receipt

    return {"out": str(job.folder.root), **receipt(sent, request.options)}


@contextlib.contextmanager
def _begun(request: RunRequest) -> Iterator[tuple[PreparationJob, Ready]]:
    """Check everything, claim the folder, and yield the job, and what waits until its images are at hand."""
    check_runner(request.runner, request.options)
    if request.runner == DATAFLOW:
        places = (request.out, request.data, request.catalogue, request.images)
        check_dataflow(JOBS, request.options, [place for place in places if place is not None])
    request = settle(request)
    if request.overwrite:
        start_over(request)
    job = plan(request)
    with locked(job.folder):
        check_folder(job)
        if is_left_over(job.folder, job.recipe):
            clear(job.folder, job.recipe.name)
        sweep(job.folder)
        write_plan(job)
        try:
            with images_at_hand(job, here=request.runner == DIRECT) as ready:
                yield job, ready
        except GzError:
            forget_plan(job.folder)
            raise


def _send_to_dataflow(job: PreparationJob, request: RunRequest) -> "Sent | None":
    """Send a job, and say at once where it is to be seen."""
    from gzprep.run.beam.pipeline import send as send_graph

    fleet = read_fleet(request.fleet)
    machines = fleet.machines_for(len(job.counts.bins()))
    sent = send_graph(job, dataflow_options(JOBS, fleet, request.options, job.folder.root, machines))
    if sent is not None:
        say(f"Dataflow has taken the job {sent.id}: {sent.address}")
    return sent


def _run_on_dataflow(job: PreparationJob, request: RunRequest) -> None:
    with one_sentence():
        sent = _send_to_dataflow(job, request)
        if sent is None:  # as run has seen
            return
        from gzcore.engines.beam.dataflow import follow
        from gzprep.run.beam.counters import NAMESPACE

        counters = follow(sent, say, NAMESPACE)
    say("Dataflow counted: " + ", ".join(f"{name} {value}" for name, value in sorted(counters.items())))


def start_over(request: RunRequest) -> None:
    """Remove the data set that is in the way, once the input has been found good."""
    open_input(request)
    out = request.out.absolute()
    if out.is_dir():
        folder = Folder(out)
        with locked(folder):
            clear(folder, request.recipe.name)


def _run_graph(job: PreparationJob, ready: Ready, request: RunRequest) -> None:
    galaxies = sum(job.galaxies.values())
    workers = request.workers or useful_workers(cores(), galaxies)
    with galaxy_progress("Preparing", galaxies) as advance, listen(advance) as address, one_sentence():
        if request.runner == DIRECT and workers > 1:
            prepare_to_fork()
        if request.runner == DIRECT and is_a_command():
            import_beam()
        from gzprep.run.beam.pipeline import run as run_graph  # Beam is imported while workers start

        awaited = request.runner in JOB_SERVERS
        run_graph(replace(ready(), progress=address, awaited=awaited), request.runner, workers, request.options)
