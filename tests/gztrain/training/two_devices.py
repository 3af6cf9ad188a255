"""A training step on one device and on two, on the Keras backend that is set.

pytest runs this file when it is named: ``test_backends.py`` does so on TensorFlow, ``test_on_jax.py`` on JAX. Both do
it in a process of its own, since a backend makes its devices once, before anything else: TensorFlow here, JAX as
XLA_FLAGS says.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from gzcore.errors import UsageError
from gztrain.config import Compute, Optimizer
from gztrain.data.stream import ahead
from gztrain.models.augment import augment
from gztrain.models.spec import Augment
from gztrain.training.backends import Learner, StepPlan, Task, load_backend
from gztrain.training.checkpoint import values_of
from gztrain.training.devices import choose_precision, make_step_plan
from gztrain.training.mixing import Mixing
from gztrain.training.optimizer import Rate, make_optimizer

pytestmark = pytest.mark.both_backends
BATCH, STEPS = 16, 12


def make_two_devices() -> None:
    """Let TensorFlow see the processor as two devices."""
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)


if keras.backend.backend() == "tensorflow":
    make_two_devices()
BACKEND = load_backend()
Placed = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def batches() -> list[Placed]:
    """Images uint8 [B, 16, 16, 3], draws [B, 6] and targets [B, 2] that depend on them."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(STEPS):
        images = (rng.integers(0, 256, (BATCH, 16, 16, 3)) * rng.random((BATCH, 1, 1, 1))).astype(np.uint8)
        bright = images.mean((1, 2, 3), keepdims=True)[:, 0, 0] > 64
        found.append(
            (images, rng.random((BATCH, 6), np.float32), np.concatenate([bright, ~bright], 1).astype(np.float32))
        )
    return found


def parts(*, norm: bool) -> tuple[Any, Any]:
    """A body of a backbone and a head, with or without batch norm, always the same; and its backbone."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False)(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.BatchNormalization(momentum=0.5)(x) if norm else x
    backbone = keras.Model(pixels, keras.layers.ReLU()(x), name="backbone")
    images = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(backbone(images))
    return keras.Model(images, keras.layers.Dense(2, name="head")(x)), backbone


def shrink(images: Any) -> Any:
    return ops.average_pool(ops.cast(images, "float32"), 2, 2)


def vary(images: Any, draws: Any) -> Any:
    return augment(images, draws, rules=Augment())


def loss(targets: Any, logits: Any) -> Any:
    return ops.mean(ops.softplus(logits) - targets * logits, axis=-1)


def learner(devices: Sequence[str], *, norm: bool = True, frozen: bool = False, **plan: Any) -> tuple[Learner, Any]:
    """A learner, made as a run makes it, and its body; within the scope of its devices."""
    body, backbone = parts(norm=norm)
    backbone.trainable = not frozen
    optimizer = make_optimizer(Optimizer(), Rate(0.05, warmup=3), body.trainable_variables)
    return BACKEND.make_learner(Task(body, shrink, vary, loss), optimizer, StepPlan(tuple(devices), **plan)), body


def losses(devices: Sequence[str], of: Sequence[Any] | None = None, **options: Any) -> np.ndarray:
    with BACKEND.spread(tuple(devices)):
        made, _ = learner(devices, **options)
        return np.array([np.asarray(made.train(made.put(batch))) for batch in of or batches()])


BOTH = BACKEND.local_devices()
ONE = BOTH[:1]


@cache
def losses_of_one(*, norm: bool) -> np.ndarray:
    """Losses on one device, made once for all tests that compare with them."""
    return losses(ONE, norm=norm)


def test_there_are_two_devices_without_bfloat16() -> None:
    assert len(BOTH) == 2
    assert choose_precision(BACKEND, Compute()) == "float32"
    assert make_step_plan(BACKEND, Compute(), Optimizer(), 16).devices == BOTH
    with pytest.raises(UsageError, match="there are 2"):
        make_step_plan(BACKEND, Compute(devices=3), Optimizer(), 15)


def test_one_device_twice_gives_the_same_bits() -> None:
    first = losses_of_one(norm=True)
    assert losses(ONE).tobytes() == first.tobytes()
    assert first[-3:].mean() < 0.7 * first[:3].mean()


LOSSES = (0.70256674, 0.71409118, 0.66898513, 0.6487751, 0.66146898)
MOVED = (0.01162772, 0.01379096, -0.00749484)
"""What five steps give on either backend: the losses, and how far the mean square of each weight has moved."""


def test_steps_are_those_of_the_other_backend() -> None:
    """Both backends begin with the same weights, which numpy draws; the figures were recorded with TensorFlow."""
    with BACKEND.spread(ONE):
        made, body = learner(ONE, norm=False)
        rng = np.random.default_rng(1)
        for variable in body.variables:
            variable.assign(rng.normal(0, 0.3, variable.shape))
        made.reload()
        before = values_of(body.variables)
        found = [float(np.asarray(made.train(made.put(batch)))) for batch in batches()[:5]]
        made.sync()
    moved = [
        float(np.mean(new**2) - np.mean(old**2)) for new, old in zip(values_of(body.variables), before, strict=True)
    ]
    assert found == pytest.approx(LOSSES, rel=2e-5)
    assert moved == pytest.approx(MOVED, rel=2e-4)


def test_two_devices_give_the_losses_of_one() -> None:
    np.testing.assert_allclose(losses(BOTH), losses_of_one(norm=True), rtol=2e-4)


def test_mixed_batches_give_the_same_losses_on_two_devices_and_in_pieces() -> None:
    mixed = [Mixing(0.2, 1.0, seed=1).mixed(batch, step) for step, batch in enumerate(batches())]
    one = losses(ONE, of=mixed, norm=False)
    np.testing.assert_allclose(losses(BOTH, of=mixed, norm=False, accumulate=2), one, rtol=2e-4)
    assert np.abs(one - losses_of_one(norm=False)).max() > 0.01  # the images were mixed


def test_averaged_weights_are_those_of_one_device() -> None:
    found = []
    for devices in (ONE, BOTH):
        with BACKEND.spread(devices):
            body, _ = parts(norm=False)
            optimizer = make_optimizer(Optimizer(ema=True, ema_momentum=0.8), Rate(0.01), body.trainable_variables)
            made = BACKEND.make_learner(Task(body, shrink, vary, loss), optimizer, StepPlan(tuple(devices)))
            for batch in batches()[:5]:
                made.train(made.put(batch))
            made.sync()
            own = values_of(body.trainable_variables)
            optimizer.finalize_variable_values(body.trainable_variables)
            found.append(values_of(body.trainable_variables))
    assert any((average != value).any() for average, value in zip(found[1], own, strict=True))
    for one, both in zip(*found, strict=True):
        np.testing.assert_allclose(both, one, rtol=1e-3, atol=1e-5)


def test_what_other_code_puts_into_the_variables_is_learned_on_from() -> None:
    for devices in (ONE, BOTH):
        with BACKEND.spread(devices):
            made, body = learner(devices)
            made.train(made.put(batches()[0]))
            made.sync()
            kept = values_of(body.variables)
            first = float(np.asarray(made.train(made.put(batches()[1]))))
            for variable, value in zip(body.variables, kept, strict=True):
                variable.assign(value)
            made.reload()
            assert float(np.asarray(made.train(made.put(batches()[1])))) == pytest.approx(first, rel=1e-5)


def rows_on(placed: Any) -> list[int]:
    """How many rows of the images of a batch lie on each device."""
    if keras.backend.backend() == "jax":
        return [len(shard.data) for shard in placed[0].addressable_shards]
    return [len(part) for part in placed[0].values]


def test_each_device_gets_its_share_whatever_thread_places_it() -> None:
    with BACKEND.spread(BOTH):
        made, body = learner(BOTH)
        with ahead(iter(batches()[:1]), made.put) as placed:
            batch = next(placed)
        assert rows_on(batch) == [BATCH // 2] * 2
        made.train(batch)
        made.sync()
        assert all(value.dtype == np.float32 for value in values_of(body.variables))


def test_pieces_give_the_losses_of_the_whole() -> None:
    small = 1e-7  # as small as Adam's epsilon, so that it cannot make up for what is cut off
    whole = losses(ONE, norm=False, clip=small)
    np.testing.assert_allclose(losses(ONE, norm=False, accumulate=4, clip=small), whole, rtol=2e-4)
    np.testing.assert_allclose(losses(BOTH, norm=False, accumulate=2, clip=small), whole, rtol=2e-4)
    assert np.abs(losses_of_one(norm=False) - whole).max() > 0.01  # the limit was felt


def test_a_frozen_backbone_stays_and_so_do_its_statistics() -> None:
    for frozen in (True, False):
        made, body = learner(ONE, frozen=frozen)
        before = [np.array(ops.convert_to_numpy(v.value)) for v in body.variables]
        for batch in batches()[:3]:
            made.train(made.put(batch))
        made.sync()
        changed = {
            variable.path.split("/")[0]: not np.array_equal(ops.convert_to_numpy(variable.value), value)
            for variable, value in zip(body.variables, before, strict=True)
        }
        assert changed["head"]
        assert any(moved for name, moved in changed.items() if name != "head") is not frozen, changed


def test_what_was_learned_is_in_the_variables() -> None:
    for devices in (ONE, BOTH):
        with BACKEND.spread(devices):
            made, body = learner(devices)
            images = batches()[0][0]
            for batch in batches()[:3]:
                made.train(made.put(batch))
            made.sync()
            told = made.infer(made.put((images,)))
            expected = ops.convert_to_numpy(body(shrink(images), training=False))
            np.testing.assert_allclose(told, expected, rtol=1e-4, atol=1e-5)
            made.train(made.put(batches()[3]))  # sync took nothing away
            assert np.abs(made.infer(made.put((images,))) - told).max() > 1e-4
