"""``gztrain fit``: from a dataset folder and a config to a run folder with a model that was judged."""

import contextlib
from dataclasses import replace
from functools import partial

from gzcore.errors import UsageError
from gzcore.storage.atomic import beside, sweep, writing
from gztrain.config import FREE, TrainConfig
from gztrain.environment import quiet_imports
from gztrain.evaluation.evaluate import evaluate
from gztrain.models import build
from gztrain.models.augment import augment
from gztrain.models.body import GalaxyModel
from gztrain.runs.arrays import Array
from gztrain.runs.data_set import record_of
from gztrain.runs.folder import Json, RunFolder, open_run, write_config
from gztrain.runs.galaxies import write_galaxies
from gztrain.runs.history import History, open_scalars
from gztrain.runs.resume import check_same
from gztrain.runs.saved_model import add_origin
from gztrain.runs.watch import Watch
from gztrain.training.backends import Backend, Task, load_backend
from gztrain.training.callbacks import Callbacks
from gztrain.training.checkpoint import Checkpoints, Snapshot, assign_values, check_fits, values_of
from gztrain.training.devices import choose_precision, make_step_plan, policy
from gztrain.training.extend import RAISED, check_extended, last_state, raised
from gztrain.training.feed import Feed
from gztrain.training.job import TrainingJob, make_job, stages_of
from gztrain.training.journal import Journal
from gztrain.training.loop import Loop, LoopParts, Machine
from gztrain.training.mixing import Mixing
from gztrain.training.request import TrainRequest
from gztrain.training.stop import StopSwitch, stop_switch
from gztrain.training.telling import closing, opening
from gztrain.training.validation import Validator


def fit(request: TrainRequest, watch: Watch) -> Json:
    """Train a model, judge it on the validation fold, and leave everything in the run folder.

    Returns:
        What metrics.json says.

    Raises:
        GzError: something in the data, or around the run, is wrong.
        UsageError: the run folder has a run already, or the request asks for what does not exist.
        Stopped: the user pressed Ctrl-C.
    """
    folder = RunFolder(request.run)
    check_free(folder, request)
    backend, callbacks, job = load_backend(), Callbacks(request.callbacks), make_job(request)
    check_resumed(folder, job)
    for note in job.notes:
        watch.tell(note)
    with contextlib.ExitStack() as held:
        values = train(job, folder, backend, watch, held, callbacks=callbacks)
        save_model(job, values, folder)
        metrics = evaluate(folder.root, "val", data=request.data, fit_temperatures=job.config.calibrate)
        request.saved()
    return metrics


def check_free(folder: RunFolder, request: TrainRequest) -> None:
    """Refuse, before anything is loaded, a folder that has a run.

    Raises:
        UsageError: it has, and the request does not say what to do with it.
    """
    if folder.has_run() and not (request.resume or request.overwrite):
        raise UsageError(
            f"{folder.root} has a run already; go on with it by --resume, begin anew with --overwrite, "
            "or choose another folder."
        )


def check_resumed(folder: RunFolder, job: TrainingJob) -> None:
    """Refuse to go on with a run that was begun in another way.

    Raises:
        GzError: the data differ.
        UsageError: the config or the backend does.
    """
    if not _goes_on(folder, job.request):
        if job.request.extend:
            raise UsageError(f"There is no run in {folder.root} to extend; leave --extend out.")
        return
    run = open_run(folder.root)
    if job.request.extend:
        check_extended(run, job.config, stages_of(run.config))
    free = (*FREE, *RAISED) if job.request.extend else FREE
    check_same(run, job.config, job.dataset, backend_name(), free)


def check_machine(job: TrainingJob, backend: Backend) -> None:
    """Build the model of a job as training would: what this machine cannot do is known before a folder changes.

    Raises:
        UsageError: there are fewer devices than asked for, or the batch cannot be cut evenly.
        GzError: the weights are not there, or do not fit the model.
    """
    import keras

    config = job.config
    make_step_plan(backend, config.compute, config.optimizer, config.stages.batch)
    keras.utils.clear_session()
    build(config.model, job.dataset.crop, job.training_loss.outputs)


def _goes_on(folder: RunFolder, request: TrainRequest) -> bool:
    return request.resume and folder.config.exists()


def backend_name() -> str:
    """The Keras backend in use."""
    import keras

    return str(keras.backend.backend())


def begin(folder: RunFolder, job: TrainingJob, galaxy: GalaxyModel, held: contextlib.ExitStack) -> Snapshot | None:
    """Take the run folder, now that nothing more can be wrong with the request.

    Another command may have trained into it since it was checked, so it is checked again with the lock held.

    Args:
        folder: the run folder.
        job: what is trained.
        galaxy: the model.
        held: holds the lock of the folder from here on.

    Returns:
        The checkpoint to go on from; None for a run that begins.

    Raises:
        GzError: another command trains into the folder; or the checkpoint is damaged or of another model. The folder
            is as it was.
        UsageError: the folder has a run by now.
    """
    held.enter_context(folder.locked())
    check_free(folder, job.request)
    check_resumed(folder, job)
    goes_on = _goes_on(folder, job.request)
    snapshot, extended = (_snapshot(folder, galaxy, job), _extensions(folder, job)) if goes_on else (None, ())
    if not goes_on:
        folder.clear()
    elif job.request.extend:
        folder.clear_results()
        Checkpoints(folder.checkpoint).take_end()
    data = record_of(job.dataset)  # when a run goes on, its free keys and the place of its data may have changed
    counts = job.label_counts
    write_config(folder, job.config, data, job.scheme, backend_name(), label_counts=counts, extended=extended)
    apart = None if job.config.share_views else job.config.fold
    write_galaxies(folder, job.galaxies, (name for name, fold in job.galaxies.items() if fold != apart))
    for place in (folder.root, folder.checkpoint):
        sweep(place)
    job.request.saved()
    return snapshot


def _extensions(folder: RunFolder, job: TrainingJob) -> tuple[Json, ...]:
    """When the run was extended, now included."""
    run = open_run(folder.root)
    if not job.request.extend:
        return run.extended
    return (*run.extended, {"step": last_state(run).progress.position.steps, "before": raised(run, job.config)})


def _snapshot(folder: RunFolder, galaxy: GalaxyModel, job: TrainingJob) -> Snapshot | None:
    """The checkpoint to go on from, if there is one; it fits the model."""
    checkpoints = Checkpoints(folder.checkpoint)
    snapshot = last_state(open_run(folder.root)) if job.request.extend else checkpoints.load()
    if snapshot is not None:
        check_fits(galaxy.body.variables, snapshot.model, checkpoints.last)
    return snapshot


def train(  # noqa: PLR0913 -- all that a training needs
    job: TrainingJob,
    folder: RunFolder,
    backend: Backend,
    watch: Watch,
    held: contextlib.ExitStack,
    *,
    callbacks: Callbacks,
) -> tuple[Array, ...]:
    """Train, from the last checkpoint if there is one; gives the values of the best model's variables.

    The lock of the run folder is taken once the model is built, and handed to ``held``.
    """
    import keras

    config = job.config
    machine = Machine(backend, make_step_plan(backend, config.compute, config.optimizer, config.stages.batch))
    keras.utils.clear_session()
    with quiet_imports():
        keras.utils.set_random_seed(config.seed)  # Keras seeds TensorFlow, too, whatever its backend
    with backend.spread(machine.plan.devices), policy(choose_precision(backend, config.compute)), stop_switch() as stop:
        galaxy = build(config.model, job.dataset.crop, job.training_loss.outputs)
        snapshot = begin(folder, job, galaxy, held)
        if snapshot is not None and snapshot.progress.done:
            watch.tell("This run has ended already; nothing is left to train.")
            return snapshot.model
        journal = _open_journal(folder, job, snapshot, watch)
        parts = _join(job, galaxy, machine, journal, stop, callbacks=callbacks)
        precision = choose_precision(backend, config.compute)
        watch.introduce(opening(job, parts.feed.steps, machine.plan.devices, backend_name(), precision))
        progress = Loop(parts, snapshot).run()
        watch.conclude(closing(job, folder, progress.best))
        return values_of(galaxy.body.variables)


def _open_journal(folder: RunFolder, job: TrainingJob, snapshot: Snapshot | None, watch: Watch) -> Journal:
    scalars, note = open_scalars(folder.tensorboard, wanted=job.config.log.tensorboard)
    if note is not None:
        watch.tell(note)
    steps = 0 if snapshot is None else snapshot.progress.position.steps
    return Journal(Checkpoints(folder.checkpoint, job.request.saved), History(folder.history, steps), scalars, watch)


def _join(  # noqa: PLR0913 -- all parts
    job: TrainingJob,
    galaxy: GalaxyModel,
    machine: Machine,
    journal: Journal,
    stop: StopSwitch,
    *,
    callbacks: Callbacks,
) -> LoopParts:
    """Put everything together."""
    config, size = job.config, job.config.stages.batch
    return LoopParts(
        config=config,
        stages=job.stages,
        machine=machine,
        task=make_task(job, galaxy),
        model=galaxy.model,
        backbone=galaxy.backbone,
        feed=make_feed(job),
        validator=Validator(job.reader, job.validation, job.training_loss, job.label_source, size),
        journal=journal,
        stop=stop,
        callbacks=callbacks,
    )


def make_feed(job: TrainingJob) -> Feed:
    """The training records of a job as batches."""
    config, rules = job.config, job.config.augment
    mixing = Mixing(rules.mixup, rules.cutmix, config.seed) if rules.mixup or rules.cutmix else None
    return Feed(job.reader, job.training, job.training_loss, config.stages.batch, config.seed, mixing)


def make_task(job: TrainingJob, galaxy: GalaxyModel) -> Task:
    """What a training step of a job computes."""
    return Task(galaxy.body, galaxy.stem, partial(augment, rules=job.config.augment), job.training_loss.per_galaxy)


def save_model(job: TrainingJob, values: tuple[Array, ...], folder: RunFolder) -> None:
    """Write model.keras: the trained variables in a model that computes in float32, whatever trained it."""
    import keras

    keras.utils.clear_session()
    spec = _without_weights(job.config)
    with policy("float32"):
        galaxy = build(spec.model, job.dataset.crop, job.training_loss.outputs)
        assign_values(galaxy.body.variables, values, folder.checkpoint)
        probabilities = job.training_loss.probabilities(galaxy.model.output)
        model = keras.Model(galaxy.model.input, probabilities, name=job.config.model.name)
    with writing(folder.root), beside(folder.model) as temporary, quiet_imports():
        model.save(temporary)  # Keras looks for TensorFlow's types, whatever its backend
        add_origin(temporary, record_of(job.dataset), job.scheme.names)


def _without_weights(config: TrainConfig) -> TrainConfig:
    """The same model with random weights: those to come are ours, and a file of others may be gone by now."""
    return replace(config, model=replace(config.model, weights="none"))
