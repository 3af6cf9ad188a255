"""Keras callbacks and averaged weights in our loop: the results are those of Keras' own ``fit`` on the same batches."""
# ruff: noqa: ARG002 -- Keras calls a hook with all that it may want

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from gzcore.errors import GzError, Stopped, UsageError
from gztrain.config import TrainConfig, read_config
from gztrain.data.stream import in_order
from gztrain.models import build
from gztrain.runs.folder import open_run
from gztrain.runs.history import read_history
from gztrain.runs.watch import Quiet
from gztrain.training import loop
from gztrain.training.callbacks import Callbacks
from gztrain.training.fit import fit, make_feed, make_task
from gztrain.training.job import TrainingJob, make_job
from gztrain.training.optimizer import make_optimizer, make_rate
from gztrain.training.request import TrainRequest
from tests.gztrain.run_folders import curve

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]
QUICK = (
    *("model.size=16", "stages.batch=32", "stages.epochs=4", "stages.fine_tune_epochs=0", "bootstrap=0"),
    *("log.tensorboard=false", "log.every=2", "optimizer.rate=0.01"),
)


def config(*settings: str) -> TrainConfig:
    return read_config(None, [*QUICK, *settings])


class Recorder(keras.callbacks.Callback):
    """Remembers what it was told, in attributes that a checkpoint keeps, and the weights, in one that it also keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []
        self.losses: list[float] = []
        self.epochs: list[dict[str, float]] = []
        self.weights: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.called.append("train_begin")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.called.append(f"epoch_begin {epoch}")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.called.append(f"batch_begin {batch}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.called.append(f"batch_end {batch}")
        self.losses.append(logs["loss"])

    def on_test_begin(self, logs: Any = None) -> None:
        self.called.append("test_begin")

    def on_test_end(self, logs: Any = None) -> None:
        self.called.append("test_end")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.called.append(f"epoch_end {epoch}")
        self.epochs.append(dict(logs))
        self.weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        self.called.append("train_end")


class StopAt(keras.callbacks.Callback):
    """Ends the training at a batch of an epoch, or at its end."""

    def __init__(self, epoch: int, batch: int | None = None) -> None:
        super().__init__()
        self.epoch, self.batch, self.now = epoch, batch, -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.now, batch) == (self.epoch, self.batch):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch and self.batch is None:
            self.model.stop_training = True


def plain_keras(job: TrainingJob, callbacks: list[Any]) -> None:
    """Train the same network on the same batches with Keras' own ``fit``."""
    settings, feed = job.config, make_feed(job)
    keras.utils.set_random_seed(settings.seed)
    galaxy = build(settings.model, job.dataset.crop, job.training_loss.outputs)
    task = make_task(job, galaxy)
    rate = make_rate(settings.optimizer, settings.optimizer.rate, settings.stages.epochs, feed.steps)
    variables = galaxy.body.trainable_variables
    settable = rate.constant
    optimizer = make_optimizer(settings.optimizer, rate, variables, settable=settable)
    galaxy.body.compile(optimizer, loss=task.loss)
    (held,) = in_order(job.reader, job.validation, len(job.validation))
    validation = (np.asarray(task.preprocess(held.images)), job.training_loss.targets(held))

    def batches() -> Any:
        for epoch in range(settings.stages.epochs):
            for fed in feed.epoch(epoch):
                yield np.asarray(task.inputs(fed.arrays)), fed.arrays[2]

    galaxy.body.fit(
        batches(),
        epochs=settings.stages.epochs,
        steps_per_epoch=feed.steps,
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    )


SHARED = ("loss", "val_loss")


@pytest.fixture
def compiled() -> Iterator[None]:
    """Steps are compiled, as Keras' own ``fit`` does; elsewhere in this file they are not."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(run_eagerly=False)
    yield
    tf.config.run_functions_eagerly(run_eagerly=True)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("settings", "swap", "stop"),
    [
        pytest.param((), (), partial(StopAt, 1), id="stops after an epoch", marks=pytest.mark.thorough),
        pytest.param((), (), partial(StopAt, 1, 1), id="stops within an epoch", marks=pytest.mark.thorough),
        pytest.param(
            ("optimizer.ema=true", "optimizer.ema_momentum=0.8"),
            (True,),
            partial(StopAt, 1, 1),
            id="averages weights and stops within an epoch",
        ),
        pytest.param(
            ("optimizer.schedule=constant", "optimizer.warmup=0"),
            (),
            lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1)),
            id="sets the learning rate",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_callbacks_see_what_they_see_in_plain_keras(
    settings: tuple[str, ...], swap: tuple[bool, ...], stop: Callable[[], Any], dataset: Path, tmp_path: Path
) -> None:
    ours, theirs = Recorder(), Recorder()
    request = TrainRequest(dataset, tmp_path / "run", config(*settings), callbacks=(stop(), ours))
    fit(request, Quiet())
    plain_keras(make_job(request), [*(keras.callbacks.SwapEMAWeights(each) for each in swap), stop(), theirs])
    assert ours.called == theirs.called
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-4)
    for own, expected in zip(ours.epochs, theirs.epochs, strict=True):
        assert [own[name] for name in SHARED] == pytest.approx([expected[name] for name in SHARED], rel=1e-3)
        assert {"learning_rate", "val_auc", "val_binary_accuracy"} <= own.keys()
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        assert np.linalg.norm(mine - other) <= 1e-3 * np.linalg.norm(other) + 1e-5  # Adam enlarges rounding errors


def test_the_saved_model_has_the_averaged_weights_of_the_best_epoch(dataset: Path, tmp_path: Path) -> None:
    class Best(keras.callbacks.Callback):
        loss, weights = float("inf"), ()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if logs["val_loss"] < self.loss:
                self.loss, self.weights = logs["val_loss"], self.model.get_weights()

    best = Best()
    fit(TrainRequest(dataset, tmp_path, config("optimizer.ema=true", "stages.epochs=2"), callbacks=(best,)), Quiet())
    saved = open_run(tmp_path).model().get_weights()
    assert saved
    for own, expected in zip(saved, best.weights, strict=True):
        np.testing.assert_array_equal(own, expected)


def pressing(step: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but the run is asked to stop when it is called for the given time."""
    calls = iter(range(1, 10**6))

    def pressed(own: loop.Loop) -> Any:
        own._parts.stop.pressed = next(calls) == step
        return function(own)

    return pressed


def callbacks() -> tuple[Any, ...]:
    stop = keras.callbacks.EarlyStopping("val_auc", mode="max", patience=2, restore_best_weights=True)
    return Recorder(), stop, keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1.0)


STEADY = (
    *("optimizer.ema=true", "optimizer.schedule=constant", "optimizer.warmup=0", "augment.mixup=0.3"),
    *("views=0", "stages.batch=12"),
)


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Any, ...]]:
    """A run with callbacks that was not interrupted, and its callbacks."""
    run, used = tmp_path_factory.mktemp("whole"), callbacks()
    fit(TrainRequest(dataset, run, config(*STEADY), callbacks=used), Quiet())
    return run, used


@pytest.mark.parametrize(
    "step",
    [pytest.param(3, id="within an epoch"), pytest.param(4, id="at the end of one", marks=pytest.mark.thorough)],
)
def test_a_run_with_callbacks_resumes_exactly(
    step: int,
    whole: tuple[Path, tuple[Any, ...]],
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (uncut, expected), settings, resumed = whole, config(*STEADY), callbacks()
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_after_step", pressing(step, loop.Loop._after_step))
        with pytest.raises(Stopped):
            fit(TrainRequest(dataset, tmp_path, settings, callbacks=callbacks()), Quiet())
    fit(TrainRequest(dataset, tmp_path, settings, resume=True, callbacks=resumed), Quiet())
    assert curve(tmp_path) == curve(uncut)
    assert len({row["rate"] for row in read_history(tmp_path / "history.csv")}) > 1
    assert (resumed[0].losses, resumed[0].epochs) == (expected[0].losses, expected[0].epochs)
    assert (resumed[1].wait, resumed[1].best_epoch) == (expected[1].wait, expected[1].best_epoch)
    models = [open_run(run).model().get_weights() for run in (tmp_path, uncut)]
    for own, other in zip(*models, strict=True):
        np.testing.assert_array_equal(own, other)


class Broken(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise KeyError("no such\nthing")


def test_a_callback_that_fails_is_named_and_the_run_goes_on_without_it(dataset: Path, tmp_path: Path) -> None:
    settings = config("stages.epochs=1", "views=0")
    with pytest.raises(GzError, match=r"^The callback Broken failed in on_epoch_end \(KeyError: .*--resume") as caught:
        fit(TrainRequest(dataset, tmp_path, settings, callbacks=(Recorder(), Broken())), Quiet())
    assert "\n" not in str(caught.value)
    fit(TrainRequest(dataset, tmp_path, settings, resume=True), Quiet())
    assert [row["epoch"] for row in read_history(tmp_path / "history.csv") if row["val_loss"]] == [1]


@pytest.mark.parametrize(
    ("callback", "part"),
    [
        (print, "callbacks[0] is builtin_function_or_method"),
        (Recorder, "callbacks[0] is type"),
        (keras.callbacks.BackupAndRestore("x"), "BackupAndRestore does not go together with gztrain: .*--resume"),
        (keras.callbacks.SwapEMAWeights(), "SwapEMAWeights does not go together with gztrain: with --ema"),
    ],
    ids=["a function", "a class", "backups", "averages"],
)
def test_what_is_no_callback_for_us_is_refused(callback: Any, part: str) -> None:
    with pytest.raises(UsageError, match=part.replace("[", r"\[")):
        Callbacks([callback])


class Counter(keras.callbacks.Callback):
    def __init__(self, **values: Any) -> None:
        super().__init__()
        vars(self).update(values)


def test_plain_attributes_go_into_a_checkpoint_and_come_back() -> None:
    values = {
        "numbers": [1, 2.5, float("inf"), True, None],
        "nested": {"a": (1, {"b": "text"}), 3: np.arange(3)},
        "array": np.ones((2, 2), np.float32),
        "scalar": np.float32(0.5),
    }
    states, arrays = Callbacks([Counter(**values, function=print, deep=[[[[[[[[[[1]]]]]]]]]])]).states()
    fresh = Counter(function=len, numbers=[])
    assert Callbacks([fresh]).restore(states, arrays) is None
    assert fresh.function is len
    assert not hasattr(fresh, "deep")
    assert (fresh.numbers, fresh.scalar) == (values["numbers"], 0.5)
    assert fresh.nested["a"] == (1, {"b": "text"})
    np.testing.assert_array_equal(fresh.nested[3], np.arange(3))
    np.testing.assert_array_equal(fresh.array, values["array"])


def test_other_callbacks_do_not_take_over_what_was_remembered() -> None:
    states, arrays = Callbacks([Counter(x=1)]).states()
    other = Recorder()
    note = Callbacks([other]).restore(states, arrays)
    assert note is not None
    assert "Counter" in note
    assert "Recorder" in note
    assert not hasattr(other, "x")


@pytest.mark.parametrize("state", [{}, {"state": 3}, {"state": {"x": {"array": 9}}}, {"state": {"x": {"what": 1}}}])
def test_a_damaged_checkpoint_of_a_callback_is_told(state: dict[str, Any]) -> None:
    with pytest.raises(GzError, match="The checkpoint is damaged in what it keeps of a callback"):
        Callbacks([Counter()]).restore([{"name": "Counter", **state}], ())
