"""Models that are broken on purpose: what is wrong stands in the verdict, in words, and a sound model is left alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gztrain.data.label_counts import count_labels
from gztrain.data.labels import Floats, Ints
from gztrain.evaluation.baselines import make_baseline
from gztrain.evaluation.metrics import judge
from gztrain.evaluation.predictions import Predictions
from gztrain.evaluation.swapped import _auc, _errors_of_gains, find_swapped, standard_errors
from gztrain.evaluation.verdicts import _ranks
from tests.gztrain.synthetic import scheme_of

SCHEME = scheme_of("reduced")
SMOOTH, EDGE_ON, SPIRAL, BAR = SCHEME.names[:4]


def sound(number: int = 600, seed: int = 0) -> Predictions:
    """Calibrated probabilities: each label is drawn with the probability that is predicted of it."""
    rng = np.random.default_rng(seed)
    p, labels = np.zeros((2, number, len(SCHEME.names)))
    for block in SCHEME.blocks:
        width = block.stop - block.start
        shares = rng.dirichlet(np.full(max(width, 2), 0.4), number)
        winner = (shares.cumsum(axis=1) > rng.random((number, 1))).argmax(axis=1)
        p[:, block], labels[:, block] = shares[:, :width], winner[:, None] == np.arange(width)
    ids = tuple(map(str, range(number)))
    whole = labels.astype(np.int64)
    return Predictions(ids, p.astype(np.float32), whole, np.ones_like(whole), SCHEME.names)


def verdict(predictions: Predictions) -> tuple[str, set[tuple[str, str]]]:
    baseline = make_baseline(count_labels(SCHEME, predictions.labels, predictions.mask), SCHEME)
    found = judge(predictions, SCHEME, baseline=baseline, bootstrap=200)
    return found["verdict"], {(finding["kind"], finding["of"]) for finding in found["findings"]}


def changed(change: Callable[[Floats, np.random.Generator], Floats]) -> Predictions:
    predictions = sound()
    probabilities = change(predictions.probabilities.copy(), np.random.default_rng(1))
    return replace(predictions, probabilities=np.clip(probabilities, 0, 1).astype(np.float32))


def swap(p: Floats, first: int, second: int) -> Floats:
    p[:, [first, second]] = p[:, [second, first]]
    return p


def column(p: Floats, place: int, values: object) -> Floats:
    p[:, place] = values
    return p


def shuffled_labels() -> Predictions:
    """As a model is that learned from shuffled labels: its output varies, and has nothing to do with the galaxy."""
    predictions = sound()
    rows = np.random.default_rng(2).permutation(len(predictions.ids))
    return replace(predictions, probabilities=predictions.probabilities[rows])


def few_bars() -> Predictions:
    """33 galaxies were asked, 3 have a bar."""
    predictions = sound()
    labels, mask = predictions.labels.copy(), predictions.mask.copy()
    labels[:, 3], mask[:, 3] = 0, 0
    labels[:3, 3], mask[:33, 3] = 1, 1
    return replace(predictions, labels=labels, mask=mask)


BROKEN: dict[str, tuple[Callable[[], Predictions], str]] = {
    "constant output": (
        lambda: changed(lambda p, _: np.broadcast_to(p.mean(axis=0), p.shape)),
        "The output does not depend on the image",
    ),
    "positions in place of tokens: a constant that rounding moves": (
        lambda: changed(lambda p, rng: p.mean(axis=0) + 1e-6 * rng.random(p.shape)),
        "The output does not depend on the image",
    ),
    "noise of 0.001": (
        lambda: changed(lambda p, rng: p.mean(axis=0) + 1e-3 * rng.random(p.shape)),
        f"Hardly any dependence on the image: {SMOOTH}, ",
    ),
    "shuffled labels": (shuffled_labels, "but is not shown to rank galaxies better than chance"),
    "outputs of two labels swapped": (
        lambda: changed(lambda p, _: swap(p, 1, 2)),
        f"Outputs look swapped: {EDGE_ON}, {SPIRAL}.",
    ),
    "one minus p": (
        lambda: changed(lambda p, _: column(p, 0, 1 - p[:, 0])),
        f"Worse than chance, so labels look swapped: {SMOOTH} (AUC 0.",
    ),
    "p cubed": (lambda: changed(lambda p, _: p**3), "Probabilities are off: smooth-or-featured-gz2 (by 0."),
    "a bar that is never found": (
        lambda: changed(lambda p, _: column(p, 3, 0.4 * p[:, 3])),
        f"Never says yes: {BAR}.",
    ),
    "a bar that is everywhere": (
        lambda: changed(lambda p, _: column(p, 3, 0.6 + 0.4 * p[:, 3])),
        f"Always says yes: {BAR}.",
    ),
    "worse than the commonest answer": (
        lambda: changed(lambda p, rng: column(p, 3, rng.random(len(p)))),
        "Not shown to be better than the commonest answer: bar-gz2 (0.",
    ),
    "few galaxies": (few_bars, f"Few galaxies: {BAR} (33 galaxies, 3 positive)."),
}


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named(broken: Callable[[], Predictions], words: str) -> None:
    assert words in verdict(broken())[0]


@pytest.mark.slow
def test_a_sound_model_has_no_finding() -> None:
    assert verdict(sound()) == (verdict(sound())[0], set())
    assert len(verdict(sound())[0].splitlines()) == 1


@pytest.mark.parametrize("seed", range(5))
def test_false_alarms_are_rare(seed: int) -> None:
    """Of a sound model, nothing but a calibration error beyond twice the limit could be named by chance; it is not."""
    assert verdict(sound(400, seed))[1] == set()


@pytest.mark.parametrize(
    ("auc", "positives", "expected"),
    [
        pytest.param(0.0, 1, "chance", id="one galaxy, ranked last"),
        pytest.param(1.0, 1, "chance", id="one galaxy, ranked first"),
        pytest.param(0.05, 99, "chance", id="one negative"),
        pytest.param(0.05, 5, "reversed", id="five galaxies, ranked last"),
        pytest.param(0.95, 5, None, id="five galaxies, ranked first"),
        pytest.param(0.7, 5, "chance", id="five galaxies, ranked so so"),
        pytest.param(0.6, 50, None, id="many galaxies"),
        pytest.param(0.4, 50, "reversed", id="many galaxies, ranked badly"),
    ],
)
def test_few_cases_show_no_ranking(auc: float, positives: int, expected: str | None) -> None:
    """Intervals by drawing galaxies again are narrow where one galaxy has a label: 0.02 here, whatever the AUC."""
    label = {"auc": auc, "positives": positives, "known_labels": 100}
    found = list(_ranks("x", label, [auc - 0.02, auc + 0.02]))
    assert [finding.kind for finding in found] == ([] if expected is None else [expected])


def test_swapped_outputs_are_not_also_reversed() -> None:
    """The labels are opposites of each other, so the swapped outputs rank each label worse than chance."""
    predictions = sound()
    opposite: Ints = predictions.labels.copy()
    opposite[:, 2] = 1 - opposite[:, 1]
    p = column(predictions.probabilities.copy(), 2, 1 - predictions.probabilities[:, 1])
    found = verdict(replace(predictions, labels=opposite, probabilities=swap(p, 1, 2)))[1]
    assert {("swapped", EDGE_ON), ("swapped", SPIRAL)} <= found
    assert not {each for each in found if each[0] == "reversed"}


def weak(number: int, seed: int) -> Predictions:
    """A network that sees little: half of its log-odds, calibrated, on few galaxies; one in six is edge-on."""
    rng = np.random.default_rng(seed)
    base = np.full(len(SCHEME.names), 0.5)
    base[1] = 0.17
    seen, unseen = rng.normal(size=(2, number, len(base)))
    odds = np.log(base / (1 - base)) + seen
    p = 1 / (1 + np.exp(-odds))
    labels = (rng.random(p.shape) < 1 / (1 + np.exp(-odds - unseen))).astype(np.int64)
    ids = tuple(map(str, range(number)))
    return Predictions(ids, p.astype(np.float32), labels, np.ones_like(labels), SCHEME.names)


def own_aucs(predictions: Predictions) -> dict[int, float]:
    """AUC of each label by its own output; all are known of all galaxies."""
    columns = zip(predictions.labels.T, predictions.probabilities.T, strict=True)
    return {place: float(roc_auc_score(*column)) for place, column in enumerate(columns)}


@pytest.mark.parametrize("seed", range(3))
def test_swapped_outputs_of_a_weak_network_are_found_on_145_galaxies_and_sound_ones_are_not(seed: int) -> None:
    predictions = weak(145, seed)
    assert not list(find_swapped(predictions, own_aucs(predictions)))
    swapped = replace(predictions, probabilities=swap(predictions.probabilities.copy(), 1, 2))
    assert [pair.labels for pair in find_swapped(swapped, own_aucs(swapped))] == [(1, 2)]


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_network_that_knows_nothing_is_not_called_swapped_on_40_galaxies(seed: int) -> None:
    """The AUC of some pairs is above 0.6 by chance, and that of their own outputs much lower."""
    predictions = weak(40, seed)
    rows = np.random.default_rng(seed + 99).permutation(40)
    shuffled = replace(predictions, probabilities=predictions.probabilities[rows])
    assert not list(find_swapped(shuffled, own_aucs(shuffled)))


def of_one_question(number: int, seed: int, answers: int) -> Predictions:
    """A network that knows nothing, and a question with a label for each of its answers."""
    rng = np.random.default_rng(seed)
    labels = np.eye(answers, dtype=np.int64)[rng.integers(0, answers, number)]
    p = rng.dirichlet(np.ones(answers), number).astype(np.float32)
    mask = np.repeat((rng.random((number, 1)) < 0.8).astype(np.int64), answers, axis=1)
    return Predictions(tuple(map(str, range(number))), p, labels, mask, SCHEME.names[:answers])


@pytest.mark.parametrize("answers", [2, 3])
def test_gains_are_measured_by_their_scatter_also_where_two_labels_are_of_one_question(answers: int) -> None:
    """Of two answers, the output of one is 1 less that of the other, and both gains are the same."""
    found = []
    for seed in range(100):
        drawn = of_one_question(60, seed, answers)
        own, crossed = ((_auc(drawn, 0, one), _auc(drawn, 1, other)) for one, other in ((0, 1), (1, 0)))
        found.append(_errors_of_gains(drawn, (0, 1), list(zip(own, crossed, strict=True))))
    assert np.std(found) == pytest.approx(1, abs=0.2)


def test_a_wrong_frequency_alone_is_no_exchange() -> None:
    """Each output has the frequency of the other label, and ranks its own."""
    predictions = weak(600, 0)
    p = predictions.probabilities.astype(np.float64)
    odds = 0.3 * np.log(p / (1 - p))
    odds[:, 1] += 0.7 * np.log(0.17 / 0.83)  # the frequencies stay, the outputs say less
    shift = np.log(0.17 / 0.83)
    odds[:, 1], odds[:, 2] = odds[:, 1] - shift, odds[:, 2] + shift
    moved = replace(predictions, probabilities=(1 / (1 + np.exp(-odds))).astype(np.float32))
    assert standard_errors(moved, 1, 2) > 4
    assert not list(find_swapped(moved, own_aucs(moved)))
