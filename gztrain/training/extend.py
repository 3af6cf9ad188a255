"""``gztrain fit --extend``: a run goes on for longer than its recipe first said.

It goes on from the last step of its training, with the state of the optimizer. So at a constant learning rate, a run
that was extended is the run that would have been asked for so many epochs from the beginning. Under ``cosine`` it is
not: the first epochs had the rates of the shorter run. ``config.json`` keeps what was asked for before.
"""

from dataclasses import replace
from typing import Any

from gzcore.errors import GzError, UsageError
from gzcore.recipe.overlay import leaves
from gztrain.config import TrainConfig, as_mapping
from gztrain.runs.folder import Run
from gztrain.training.checkpoint import Checkpoints, Snapshot
from gztrain.training.schedule import TrainingStage

RAISED = ("stages.epochs", "stages.fine_tune_epochs", "stages.patience")
"""Keys that ``--extend`` may raise."""
_OPTIONS = {key: f"--{key.removeprefix('stages.').replace('_', '-')}" for key in RAISED}


def last_state(run: Run) -> Snapshot:
    """The state that an extended run goes on from: that at the end of the last epoch, or an earlier one if interrupted.

    Raises:
        GzError: there is none, or it is damaged.
    """
    checkpoints = Checkpoints(run.folder.checkpoint)
    snapshot = checkpoints.load()
    if snapshot is not None and snapshot.progress.done:
        snapshot = checkpoints.load_end()
    if snapshot is None:
        raise GzError(
            f"{run.folder.root} has no state to go on from: an earlier version trained it, or its checkpoint was "
            "removed; train it again with --overwrite."
        )
    return replace(snapshot, progress=replace(snapshot.progress, stopped=False))


def check_extended(run: Run, config: TrainConfig, stages: tuple[TrainingStage, ...]) -> None:
    """Check that a run can go on with larger numbers of epochs.

    Args:
        run: the run as it is.
        config: what is asked for now.
        stages: the stages of the run as it is.

    Raises:
        UsageError: nothing is raised, something is lowered, or the stage that is to be longer is over.
        GzError: there is no state to go on from.
    """
    before, now = (leaves(as_mapping(each)) for each in (run.config, config))
    lowered = next((key for key in RAISED if now[key] < before[key]), None)
    if lowered is not None:
        raise UsageError(f"--extend raises numbers, but {_OPTIONS[lowered]} was {before[lowered]}, not {now[lowered]}.")
    progress = last_state(run).progress
    stage = stages[min(progress.position.stage, len(stages) - 1)]
    if stage.name == "fine-tune" and now["stages.epochs"] > before["stages.epochs"]:
        raise UsageError(
            f"The first stage of {run.folder.root} is over, and the second one has gone on from it; raise "
            f"--fine-tune-epochs (it was {before['stages.fine_tune_epochs']}), or train anew with --overwrite."
        )
    waited = progress.best.waited
    if all(now[key] == before[key] for key in RAISED) or _waits_in_vain(before, now, waited):
        raise UsageError(_nothing_to_do(before, waited))


def _waits_in_vain(before: dict[str, Any], now: dict[str, Any], waited: int) -> bool:
    """Whether the current stage was ended by its patience, and no stage is added."""
    more = now["stages.fine_tune_epochs"] > before["stages.fine_tune_epochs"] == 0
    return bool(waited >= now["stages.patience"] and not more)


def _nothing_to_do(before: dict[str, Any], waited: int) -> str:
    had = ", ".join(f"{_OPTIONS[key]} {before[key]}" for key in RAISED)
    if waited >= before["stages.patience"]:
        return f"The last stage ended early, by its patience; raise --patience, too. The run had {had}."
    return f"--extend needs a larger number than the run had: {had}."


def raised(run: Run, config: TrainConfig) -> dict[str, Any]:
    """What a run had before it was extended, by key."""
    before, now = (leaves(as_mapping(each)) for each in (run.config, config))
    return {key: before[key] for key in RAISED if now[key] != before[key]}
