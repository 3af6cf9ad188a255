"""MixUp, CutMix and label smoothing: images, shares and losses are those of Keras' own classes for the same draws."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gztrain.config import read_config
from gztrain.training.backends import Task
from gztrain.training.fit import make_feed
from gztrain.training.job import make_job
from gztrain.training.losses import make_loss
from gztrain.training.mixing import Mixing, mix
from gztrain.training.request import TrainRequest
from tests.gztrain.synthetic import scheme_of, some_galaxies

BATCH, SIZE = 8, 16
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (BATCH, SIZE, SIZE, 3)).astype(np.float32)


def test_mixup_gives_the_images_and_labels_of_keras() -> None:
    others, plan = Mixing(0.2, 0, seed=3).draw(5, BATCH)
    drawn = {"mix_weight": plan[:, 0], "permutation_order": others}
    layer, labels = keras.layers.MixUp(), np.eye(BATCH, 4, dtype=np.float32)
    own = np.asarray(mix(IMAGES, IMAGES[others], plan))
    np.testing.assert_allclose(own, np.asarray(layer.transform_images(IMAGES, drawn)), rtol=1e-5)
    share = plan[:, :1]
    np.testing.assert_allclose(
        share * labels + (1 - share) * labels[others], np.asarray(layer.transform_labels(labels, drawn)), rtol=1e-6
    )


def test_cutmix_gives_the_images_and_shares_of_keras() -> None:
    others, plan = Mixing(0, 1.0, seed=3).draw(5, BATCH)
    layer = keras.layers.CutMix()
    left, right, top, bottom = (plan[:, 2:] * np.float32(SIZE)).T
    masks, weight = layer._generate_batch_mask(IMAGES.shape, (left, right, top, bottom))
    drawn = {"mix_weight": weight, "permutation_order": others, "batch_masks": masks}
    own = np.asarray(mix(IMAGES, IMAGES[others], plan))
    np.testing.assert_array_equal(own, np.asarray(layer.transform_images(IMAGES, drawn)))
    np.testing.assert_allclose(plan[:, 0], np.ravel(weight), atol=1e-5)
    assert (own != IMAGES).any()


@given(st.floats(0.05, 5), st.integers(0, 1000))
def test_what_is_drawn_is_a_permutation_and_shares_of_the_box(alpha: float, step: int) -> None:
    for mixing in (Mixing(alpha, 0, 1), Mixing(0, alpha, 1), Mixing(alpha, alpha, 1)):
        others, plan = mixing.draw(step, BATCH)
        assert sorted(others) == list(range(BATCH))
        assert ((plan >= 0) & (plan <= 1 + 1e-6)).all()
        area = (plan[:, 3] - plan[:, 2]) * (plan[:, 5] - plan[:, 4])
        np.testing.assert_allclose(1 - area * (1 - plan[:, 1]), plan[:, 0], atol=1e-5)


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    mixing = Mixing(0.2, 1.0, 7)
    for first, again in zip(mixing.draw(3, BATCH), Mixing(0.2, 1.0, 7).draw(3, BATCH), strict=True):
        np.testing.assert_array_equal(first, again)
    assert (mixing.draw(3, BATCH)[1] != mixing.draw(4, BATCH)[1]).any()
    assert (mixing.draw(3, BATCH)[1] != Mixing(0.2, 1.0, 8).draw(3, BATCH)[1]).any()
    cuts = [Mixing(0.2, 1.0, 7).draw(step, 2)[1][0, 1] == 0 for step in range(200)]
    assert 70 < sum(cuts) < 130


def test_mean_shares_are_those_of_the_distribution() -> None:
    _, plan = Mixing(0.2, 0, 0).draw(0, 20_000)
    assert plan[:, 0].mean() == pytest.approx(0.5, abs=0.02)
    assert plan[:, 0].var() == pytest.approx(0.25 / 1.4, rel=0.03)  # of Beta(a, a): 1 / (4 (2 a + 1))


def same(images: object, *_: object) -> object:
    return images


def test_the_loss_of_a_mixed_galaxy_leaves_masked_labels_out() -> None:
    """By hand: a label that is masked in one galaxy counts with the share of the other one alone."""
    scheme = scheme_of("all")
    loss, galaxies = make_loss("bce", scheme), some_galaxies(BATCH)
    targets, logits = loss.targets(galaxies), RNG.normal(size=(BATCH, len(scheme.names))).astype(np.float32)
    draws = np.zeros((BATCH, 6), np.float32)
    batch = Mixing(0.4, 0, 1).mixed((IMAGES, draws, targets), 0)
    found = np.asarray(Task(None, same, same, loss.per_galaxy).losses(batch, logits))
    labels, mask = np.split(targets, 2, axis=1)
    terms = mask * (np.logaddexp(0, logits) - labels * logits)
    (others, plan), expected = Mixing(0.4, 0, 1).draw(0, BATCH), np.zeros(BATCH)
    other_terms = mask[others] * (np.logaddexp(0, logits) - labels[others] * logits)
    expected = (plan[:, :1] * terms + (1 - plan[:, :1]) * other_terms).sum(1) / len(scheme.names)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    whole = mask.all(axis=1) & mask[others].all(axis=1)
    mixed = plan[:, :1] * labels + (1 - plan[:, :1]) * labels[others]
    crossentropy = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(found[whole], np.asarray(crossentropy(mixed, logits))[whole], rtol=1e-5)


def test_a_feed_mixes_the_same_at_the_same_step_also_where_it_goes_on(dataset: Path, tmp_path: Path) -> None:
    settings = ["stages.batch=16", "model.size=16", "augment.mixup=0.2", "augment.cutmix=1"]
    feed = make_feed(make_job(TrainRequest(dataset, tmp_path, read_config(None, settings))))
    whole = [fed.arrays for fed in feed.epoch(1)]
    rest = [fed.arrays for fed in feed.epoch(1, done=2)]
    assert [len(arrays) for arrays in whole] == [7] * feed.steps
    for first, again in zip(whole[2:], rest, strict=True):
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)


KERAS = {
    "bce": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2, reduction=None),
    "focal": keras.losses.BinaryFocalCrossentropy(from_logits=True, label_smoothing=0.2, gamma=2.0, reduction=None),
    "softmax": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2, reduction=None),
}


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_smooth_labels_are_those_of_keras_where_they_are_known(name: str) -> None:
    scheme, galaxies = scheme_of("all"), some_galaxies(64)
    loss = make_loss(name, scheme, smoothing=0.2)
    targets, logits = loss.targets(galaxies), RNG.normal(size=(64, loss.outputs)).astype(np.float32) * 3
    labels, mask = np.split(targets, 2, axis=1)
    found = np.asarray(loss.per_galaxy(targets, logits))
    flat = np.asarray(KERAS[name](labels.reshape(-1, 1), logits.reshape(-1, 1))).reshape(labels.shape)
    np.testing.assert_allclose(found, (mask * flat).sum(axis=1) / len(scheme.names), rtol=1e-4, atol=1e-6)


def test_smooth_classes_are_those_of_keras_for_each_question() -> None:
    scheme, galaxies = scheme_of("all"), some_galaxies(64)
    weights = RNG.uniform(0.5, 2, len(scheme.names)).astype(np.float32)
    loss = make_loss("softmax", scheme, weights, smoothing=0.2)
    targets, logits = loss.targets(galaxies), RNG.normal(size=(64, loss.outputs)).astype(np.float32) * 3
    expected = np.zeros(64)
    for block in loss._blocks:  # type: ignore[attr-defined]
        classes = targets[:, block]
        weight = (classes * weights[loss._label_of][block]).sum(axis=1)  # type: ignore[attr-defined]
        expected += weight * np.asarray(KERAS["softmax"](classes, logits[:, block]))
    np.testing.assert_allclose(
        np.asarray(loss.per_galaxy(targets, logits)), expected / len(scheme.questions), rtol=1e-4, atol=1e-6
    )
