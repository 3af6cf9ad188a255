"""Losses against scipy and formulas by hand, on the Keras backend that is set.

``tests/gztrain/test_on_jax.py`` runs those that are marked `both_backends` on JAX.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
from scipy import special, stats

from gzcore.errors import GzError, UsageError
from gztrain.training.losses import LOSSES, TrainingLoss, make_loss, questions_without_votes
from gztrain.training.losses.votewise import log_rising
from tests.gztrain.synthetic import ALL_SCHEMES, Galaxies, scheme_of, some_galaxies

ON_JAX = keras.backend.backend() == "jax"
N = 20  # galaxies in nearly all tests: JAX compiles every operation for every shape
EXTREME = (-1e30, -1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4, 1e30)


def differentiate(function: Callable[[Any], Any], at: np.ndarray) -> np.ndarray:
    """Gradient of the sum of what a function gives."""
    if ON_JAX:
        import jax

        return np.asarray(jax.jit(jax.grad(lambda x: function(x).sum()))(at))
    import tensorflow as tf

    x = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x).numpy()


def gradient(training_loss: TrainingLoss, targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return differentiate(lambda z: training_loss.per_galaxy(targets, z), logits)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    if ON_JAX:
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def loss_of(training_loss: TrainingLoss, targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(training_loss.per_galaxy(targets, logits))


def probabilities_of(training_loss: TrainingLoss, logits: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(training_loss.probabilities(logits))


def some_logits(training_loss: TrainingLoss, number: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (number, training_loss.outputs)).astype(np.float32)


def some_weights(labels: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 3, labels).astype(np.float32)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    ("scheme", "outputs"),
    # label; label and twin; every answer
    [
        ("q0", (1, 2, 3)),
        ("q1", (1, 2, 2)),
        ("q4", (3, 3, 4)),
        ("q6", (3, 3, 3)),
        ("q7", (1, 2, 3)),
        ("q9", (6, 6, 6)),
        ("hubble", (4, 8, 9)),
        ("reduced", (8, 13, 14)),
        ("all", (21, 27, 30)),
    ],
)
def test_the_number_of_outputs(scheme: str, outputs: tuple[int, int, int]) -> None:
    names = ("bce", "softmax", "dirichlet")
    assert tuple(make_loss(name, scheme_of(scheme)).outputs for name in names) == outputs
    assert make_loss("focal", scheme_of(scheme)).outputs == outputs[0]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("policy", ["asked", "report"])
def test_every_scheme_has_a_finite_loss_and_probabilities(name: str, policy: Any) -> None:
    galaxies = some_galaxies(N)
    for scheme in map(scheme_of, ALL_SCHEMES):
        training_loss = make_loss(name, scheme, policy=policy)
        logits = some_logits(training_loss, N)
        targets = training_loss.targets(galaxies)
        loss, chances = loss_of(training_loss, targets, logits), probabilities_of(training_loss, logits)
        assert (training_loss.name, loss.shape, loss.dtype, targets.dtype) == (name, (N,), np.float32, np.float32)
        assert chances.shape == (N, len(scheme.names))
        assert np.isfinite(loss).all()
        assert (loss >= 0).all()
        assert ((chances > 0) & (chances < 1)).all()


@pytest.mark.both_backends
@pytest.mark.parametrize("name", LOSSES)
def test_a_masked_question_has_no_gradient(name: str) -> None:
    scheme = scheme_of("all")
    training_loss = make_loss(name, scheme, some_weights(21))
    galaxies = some_galaxies(N)
    found = gradient(training_loss, training_loss.targets(galaxies), some_logits(training_loss, N))
    for question, block in zip(scheme.questions, output_blocks(name), strict=True):
        known = heard(name, galaxies, question.index)
        assert 0 < known.sum() < N
        assert (found[~known][:, block] == 0).all()
        assert (found[known][:, block] != 0).any(axis=1).all()


def heard(name: str, galaxies: Galaxies, question: int) -> np.ndarray:
    """Whether a question counts: it has a label, or votes."""
    if name == "dirichlet":
        return galaxies.votes[:, question] > 0
    first_label = (0, 1, 2, 3, 4, 7, 8, 11, 12, 15, 21)
    return galaxies.mask[:, first_label[question]] == 1


def output_blocks(name: str) -> list[slice]:
    """Outputs of Q0-4 and Q6-10, by hand."""
    widths = {
        "bce": (1, 1, 1, 1, 3, 3, 1, 3, 6, 1),
        "softmax": (2, 2, 2, 2, 3, 3, 2, 3, 6, 2),
        "dirichlet": (3, 2, 2, 2, 4, 3, 3, 3, 6, 2),
    }
    ends = np.cumsum((0, *widths.get(name, widths["bce"])))
    return [slice(start, stop) for start, stop in pairwise(ends)]


@pytest.mark.both_backends
@pytest.mark.parametrize("name", LOSSES)
def test_a_galaxy_without_labels_or_votes_has_no_loss(name: str) -> None:
    blank = some_galaxies(N)
    blank.mask[:] = blank.label_asked[:] = 0
    blank.votes[:] = blank.fractions[:] = np.nan
    training_loss = make_loss(name, scheme_of("all"))
    logits = some_logits(training_loss, N)
    assert (loss_of(training_loss, training_loss.targets(blank), logits) == 0).all()
    assert (gradient(training_loss, training_loss.targets(blank), logits) == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_a_galaxy_does_not_depend_on_its_batch(name: str) -> None:
    training_loss = make_loss(name, scheme_of("all"), some_weights(21))
    targets, logits = training_loss.targets(some_galaxies(N)), some_logits(training_loss, N)
    together = loss_of(training_loss, targets, logits)
    apart = [loss_of(training_loss, targets[part], logits[part]) for part in (slice(0, 19), slice(19, 20))]
    assert np.concatenate(apart) == pytest.approx(together, rel=1e-6)


@pytest.mark.both_backends
@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_are_finite(name: str) -> None:
    training_loss = make_loss(name, scheme_of("all"), some_weights(21))
    galaxies = some_galaxies(N)
    for shift in range(3):  # every output at every extreme, beside another one
        rows = np.array(EXTREME, np.float32)[(np.arange(N)[:, None] + shift * np.arange(training_loss.outputs)) % 9]
        targets = training_loss.targets(galaxies)
        assert np.isfinite(loss_of(training_loss, targets, rows)).all()
        assert np.isfinite(gradient(training_loss, targets, rows)).all()
        chances = probabilities_of(training_loss, rows)
        assert ((chances >= 0) & (chances <= 1)).all()


@pytest.mark.slow
@pytest.mark.both_backends
@pytest.mark.parametrize("name", LOSSES)
def test_compiling_changes_nothing(name: str) -> None:
    training_loss = make_loss(name, scheme_of("all"), some_weights(21))
    targets, logits = training_loss.targets(some_galaxies(N)), some_logits(training_loss, N)
    fast = keras.ops.convert_to_numpy(compiled(training_loss.per_galaxy)(targets, logits))
    assert fast == pytest.approx(loss_of(training_loss, targets, logits), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_computed_with_in_single(name: str) -> None:
    training_loss = make_loss(name, scheme_of("all"))
    targets, logits = training_loss.targets(some_galaxies(N)), some_logits(training_loss, N).astype(np.float16)
    assert loss_of(training_loss, targets, logits) == pytest.approx(
        loss_of(training_loss, targets, logits.astype(np.float32)), rel=1e-6
    )


def test_a_loss_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no loss 'hinge'; choose one of bce, softmax, focal, dirichlet"):
        make_loss("hinge", scheme_of("q0"))


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1, 2], "Scheme q4 has 3 labels, but 2 weights came"),
        ([1, -1, 1], "must be finite and not negative"),
        ([1, np.nan, 1], "must be finite and not negative"),
    ],
)
def test_weights_that_cannot_be(weights: list[float], sentence: str) -> None:
    with pytest.raises(GzError, match=sentence):
        make_loss("bce", scheme_of("q4"), np.array(weights, np.float32))


# ---------------------------------------------------------------- label by label


def cross_entropy(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    z = logits.astype(np.float64)
    return -(labels * special.log_expit(z) + (1 - labels) * special.log_expit(-z))


@pytest.mark.both_backends
@pytest.mark.parametrize("policy", ["asked", "report"])
def test_cross_entropy_is_the_formula(policy: Any) -> None:
    scheme, galaxies, weights = scheme_of("all"), some_galaxies(N), some_weights(21)
    training_loss = make_loss("bce", scheme, weights, policy=policy)
    logits = some_logits(training_loss, N)
    labels, mask = (part[:, list(scheme.places)] for part in galaxies.labels(policy))
    expected = (weights * mask * cross_entropy(labels, logits)).sum(axis=1) / 21
    assert loss_of(training_loss, training_loss.targets(galaxies), logits) == pytest.approx(expected, rel=1e-5)
    assert probabilities_of(training_loss, logits) == pytest.approx(special.expit(logits), rel=1e-5)


@pytest.mark.both_backends
@pytest.mark.parametrize("name", ["bce", "focal"])
@pytest.mark.parametrize("label", [0, 5, 20])
def test_a_weight_changes_the_gradient_of_its_own_label_only(name: str, label: int) -> None:
    scheme = scheme_of("all")
    plain, weights = make_loss(name, scheme), np.ones(21, np.float32)
    weights[label] = 3
    weighted = make_loss(name, scheme, weights)
    targets, logits = plain.targets(some_galaxies(N)), some_logits(plain, N)
    before, after = gradient(plain, targets, logits), gradient(weighted, targets, logits)
    others = np.arange(21) != label
    assert (before[:, others] == after[:, others]).all()
    assert after[:, label] == pytest.approx(3 * before[:, label])
    signs = np.sign(before[:, label])
    assert {-1, 1} <= set(signs)  # both terms: where it is 1, and where it is 0


@pytest.mark.both_backends
def test_the_gradient_of_cross_entropy_is_what_is_said_less_what_is_true() -> None:
    training_loss = make_loss("bce", scheme_of("q4"))
    targets = np.array([[1, 0, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0]], np.float32)
    logits = np.array([[0, 0, 2], [0, -3, 1]], np.float32)  # at zero, too, where a formula with |z| has a kink
    expected = (special.expit(logits) - targets[:, :3]) * targets[:, 3:] / 3
    assert gradient(training_loss, targets, logits) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("logit", "label", "gamma", "expected"),
    [
        (0.0, 1, 2.0, 0.25 * np.log(2)),
        (0.0, 0, 2.0, 0.25 * np.log(2)),
        (np.log(3), 1, 1.0, 0.25 * np.log(4 / 3)),  # p = 3/4
        (np.log(3), 0, 1.0, 0.75 * np.log(4)),
        (np.log(9), 1, 2.0, 0.01 * np.log(10 / 9)),  # p = 9/10
        (np.log(9), 1, 0.0, np.log(10 / 9)),
    ],
)
def test_focal_by_hand(logit: float, label: int, gamma: float, expected: float) -> None:
    training_loss = make_loss("focal", scheme_of("q1"), gamma=gamma)
    targets, logits = np.array([[label, 1]], np.float32), np.array([[logit]], np.float32)
    assert loss_of(training_loss, targets, logits) == pytest.approx([expected], rel=1e-5)


def test_focal_without_focus_is_cross_entropy() -> None:
    plain, focal = (make_loss(name, scheme_of("all"), some_weights(21), gamma=0) for name in ("bce", "focal"))
    targets, logits = plain.targets(some_galaxies(N)), some_logits(plain, N)
    assert loss_of(focal, targets, logits) == pytest.approx(loss_of(plain, targets, logits), rel=1e-6)


# ---------------------------------------------------------------- question by question


@pytest.mark.both_backends
def test_softmax_is_the_formula() -> None:
    scheme, galaxies, weights = scheme_of("all"), some_galaxies(N), some_weights(21)
    training_loss = make_loss("softmax", scheme, weights)
    logits = some_logits(training_loss, N)
    labels, mask = (part[:, list(scheme.places)] for part in galaxies.labels("asked"))
    expected = np.zeros(N)
    for block, out in zip(scheme.blocks, output_blocks("softmax"), strict=True):
        log_p = special.log_softmax(logits[:, out].astype(np.float64), axis=1)
        if block.stop - block.start == 1:
            chosen = weights[block] * np.where(labels[:, block] == 1, log_p[:, :1], log_p[:, 1:])
        else:
            chosen = (weights[block] * labels[:, block] * log_p).sum(axis=1, keepdims=True)
        expected -= (mask[:, block][:, :1] * chosen)[:, 0] / len(scheme.questions)
    assert loss_of(training_loss, training_loss.targets(galaxies), logits) == pytest.approx(expected, rel=1e-5)


def test_softmax_probabilities_of_a_question_add_up_to_one() -> None:
    scheme = scheme_of("all")
    training_loss = make_loss("softmax", scheme)
    logits = some_logits(training_loss, N)
    found = probabilities_of(training_loss, logits)
    assert found[:, scheme.blocks[4]].sum(axis=1) == pytest.approx(np.ones(N), rel=1e-5)
    # A question of one label has two outputs, and only their difference counts.
    assert found[:, 0] == pytest.approx(special.expit(logits[:, 0] - logits[:, 1]), rel=1e-5)


@pytest.mark.both_backends
@pytest.mark.parametrize("label", [0, 4])
def test_a_weight_changes_the_gradient_of_its_own_question_only(label: int) -> None:
    """In a softmax the answers of a question share one term."""
    scheme, weights = scheme_of("all"), np.ones(21, np.float32)
    weights[label] = 3
    plain, weighted = make_loss("softmax", scheme), make_loss("softmax", scheme, weights)
    targets, logits = plain.targets(some_galaxies(N)), some_logits(plain, N)
    changed = gradient(plain, targets, logits) != gradient(weighted, targets, logits)
    own = output_blocks("softmax")[label]
    assert changed[:, own].any()
    assert changed.any(axis=0).sum() == own.stop - own.start


# ---------------------------------------------------------------- vote by vote


@pytest.mark.both_backends
def test_dirichlet_is_scipys() -> None:
    scheme, galaxies = scheme_of("all"), some_galaxies(N)
    training_loss = make_loss("dirichlet", scheme)
    logits = some_logits(training_loss, N)
    concentrations = 1 + 100 * special.expit(logits.astype(np.float64))
    expected = np.zeros(N)
    for question, block in zip(scheme.questions, output_blocks("dirichlet"), strict=True):
        places = [scheme.fraction_places[place] for place in range(block.start, block.stop)]
        total = galaxies.votes[:, question.index]
        for row in np.flatnonzero(total > 0):
            votes = np.rint(galaxies.fractions[row, places] * total[row]).astype(int)
            alpha = concentrations[row, block]
            expected[row] -= stats.dirichlet_multinomial.logpmf(votes, alpha, votes.sum()) / len(scheme.questions)
    assert loss_of(training_loss, training_loss.targets(galaxies), logits) == pytest.approx(expected, rel=2e-5)


@pytest.mark.both_backends
def test_the_gradient_of_dirichlet_is_scipys() -> None:
    training_loss = make_loss("dirichlet", scheme_of("all"))
    votes, logits = training_loss.targets(some_galaxies(N)), some_logits(training_loss, N)
    p = special.expit(logits.astype(np.float64))
    alpha = 1 + 100 * p
    slope = special.digamma(alpha + votes) - special.digamma(alpha)
    for block in output_blocks("dirichlet"):
        size, total = (part[:, block].sum(axis=1, keepdims=True) for part in (alpha, votes))
        slope[:, block] += special.digamma(size) - special.digamma(size + total)
    expected = -slope * 100 * p * (1 - p) / 10  # 10 questions
    expected[:, -2:] /= 100  # Q10 has the votes of Q4 and Q7
    assert gradient(training_loss, votes, logits) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("scheme", "heard"), [("all", 0.01), ("reduced", 1.0), ("q10", 1.0)])
def test_votes_that_two_questions_have_are_heard_once(scheme: str, heard: float) -> None:
    """``reduced`` has Q10, and neither Q4 nor Q7."""
    asked, alone = make_loss("dirichlet", scheme_of(scheme)), make_loss("dirichlet", scheme_of("q10"))
    galaxies = some_galaxies(N)
    votes, logits = asked.targets(galaxies), some_logits(asked, N)
    own = gradient(alone, votes[:, -2:], logits[:, -2:]) / len(scheme_of(scheme).questions)
    assert np.abs(own).max() > 0.01
    assert gradient(asked, votes, logits)[:, -2:] == pytest.approx(heard * own, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("start", [1.0, 1.5, 7.0, 101.0, 606.0])
@pytest.mark.parametrize("steps", [0, 1, 2, 40, 80, 5000])
def test_log_rising(start: float, steps: int) -> None:
    found = keras.ops.convert_to_numpy(log_rising(np.float32(start), np.float32(steps)))
    expected = special.gammaln(start + steps) - special.gammaln(start)
    assert found == pytest.approx(expected, rel=1e-6, abs=2e-6)


def test_votes_are_whole_numbers_and_zero_where_unknown() -> None:
    galaxies = some_galaxies(2)
    galaxies.votes[:, 0] = 30, np.nan
    galaxies.fractions[:, :3] = [[0.333, 0.567, 0.1], [0.3, 0.6, 0.1]]  # a table rounds to three decimals
    found = make_loss("dirichlet", scheme_of("q0")).targets(galaxies)
    assert found.tolist() == [[10, 17, 3], [0, 0, 0]]


@pytest.mark.parametrize(("min_votes", "counted"), [(0, 2), (1, 2), (5, 2), (6, 1), (31, 0)])
def test_dirichlet_masks_questions_of_few_votes(min_votes: int, counted: int) -> None:
    galaxies = some_galaxies(3)
    galaxies.votes[:, 1] = 30, 5, 0
    galaxies.fractions[:, 3:5] = [[0.5, 0.5], [0.2, 0.8], [np.nan, np.nan]]
    found = make_loss("dirichlet", scheme_of("q1"), min_votes=min_votes).targets(galaxies)
    assert (found.sum(axis=1) > 0).sum() == counted


@pytest.mark.both_backends
def test_dirichlet_probabilities_are_shares_among_label_and_twin() -> None:
    logits = np.array([[0, 0, 9, -9, 0, 2, 5]], np.float32)
    alpha = 1 + 100 * special.expit(logits[0].astype(np.float64))
    q0 = make_loss("dirichlet", scheme_of("q0"))  # smooth, featured, artifact
    assert probabilities_of(q0, logits[:, :3]) == pytest.approx(np.array([[0.5]]))
    q4 = make_loss("dirichlet", scheme_of("q4"))  # three sizes, no bulge
    assert probabilities_of(q4, logits[:, 3:]) == pytest.approx(alpha[None, 3:6] / alpha[3:6].sum(), rel=1e-5)


def test_dirichlet_has_no_use_for_weights() -> None:
    plain, weighted = (make_loss("dirichlet", scheme_of("all"), weights) for weights in (None, some_weights(21)))
    targets, logits = plain.targets(some_galaxies(N)), some_logits(plain, N)
    assert (loss_of(plain, targets, logits) == loss_of(weighted, targets, logits)).all()


def test_questions_without_votes_are_named() -> None:
    votes = np.full((4, 11), np.nan, np.float32)
    votes[:, 0], votes[:, 1], votes[2, 2] = 20, 0, 3
    assert questions_without_votes(votes, scheme_of("hubble")) == ("bar-gz2", "bulge-gz2")
    assert questions_without_votes(votes, scheme_of("q1")) == ("disk-edge-on-gz2",)
