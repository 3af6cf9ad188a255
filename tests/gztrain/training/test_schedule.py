"""The protocol: stages, patience, and what is best."""

import math

import pytest

from gztrain.config import from_mapping
from gztrain.training.schedule import Best, Position, TrainingStage, Validation, plan_stages

CONFIG = from_mapping({"stages": {"epochs": 7, "fine_tune_epochs": 5}, "optimizer": {"rate": 0.01}})


def test_a_pretrained_model_learns_its_head_first() -> None:
    head, rest = plan_stages(CONFIG, pretrained=True)
    assert head == TrainingStage("head", 7, 0.01, frozen=True)
    assert (rest.name, rest.epochs, rest.frozen) == ("fine-tune", 5, False)
    assert math.isclose(rest.rate, 0.001)


def test_any_other_is_trained_whole() -> None:
    whole, rest = plan_stages(CONFIG, pretrained=False)
    assert whole == TrainingStage("whole", 7, 0.01, frozen=False)
    assert rest.name == "fine-tune"


def test_a_stage_of_no_epochs_is_left_out() -> None:
    config = from_mapping({"stages": {"epochs": 0, "fine_tune_epochs": 1}})
    assert [stage.name for stage in plan_stages(config, pretrained=True)] == ["fine-tune"]


def test_positions_count_steps_epochs_and_passes() -> None:
    place = Position()
    for _ in range(2):
        place = place.after_step().after_step().after_epoch()
    assert place == Position(stage=0, epoch=2, step=0, passes=2, steps=4)
    assert place.after_stage().after_step() == Position(stage=1, epoch=0, step=1, passes=2, steps=5)


NAN = float("nan")


@pytest.mark.parametrize(
    ("monitor", "epochs", "best"),
    [
        ("loss", [(0.5, 0.6), (0.4, 0.5), (0.45, 0.9)], 2),
        ("auc", [(0.5, 0.6), (0.4, 0.5), (0.45, 0.9)], 3),
        ("auc", [(0.5, 0.6), (0.4, 0.6)], 1),
        ("auc", [(0.5, NAN), (0.4, NAN), (0.6, NAN)], 2),
        ("loss", [(NAN, NAN), (0.4, NAN)], 1),
        ("loss", [(9.0, 0.5)], 1),
        ("last", [(0.5, 0.6), (0.4, 0.9), (0.45, NAN)], 3),
    ],
    ids=["loss", "auc", "equal is not better", "no auc: by loss", "nan", "the first is the best so far", "the last"],
)
def test_the_best_epoch_is_kept(monitor: str, epochs: list[tuple[float, float]], best: int) -> None:
    state = Best()
    for steps, found in enumerate(epochs, start=1):
        state = state.judge(Validation(*found), steps, monitor)  # type: ignore[arg-type]
    assert state.steps == best
    assert state.waited == len(epochs) - best


def test_patience_begins_anew_with_a_stage_and_the_best_remains() -> None:
    state = Best().judge(Validation(0.5, 0.5), 10, "loss").judge(Validation(0.6, 0.5), 20, "loss").begin_stage()
    assert (state.steps, state.waited) == (10, 0)
