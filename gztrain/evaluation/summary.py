"""The verdict on a run in one or two sentences: whether its output depends on the image, and how good it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gztrain.data.labels import Floats
from gztrain.evaluation.verdicts import SAME, Finding, by_chance, in_short

Json = Mapping[str, Any]


def spreads(probabilities: Floats) -> list[float]:
    """Largest minus smallest probability of each label over all galaxies, from float32 [N, L]."""
    return [float(spread) for spread in np.ptp(probabilities.astype(np.float64), axis=0)]


def summarise(figures: Json, majority: Json, intervals: Json, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """Say in words what the figures mean.

    Args:
        figures: figures of the predictions.
        majority: figures of the baseline that gives the most common answers.
        intervals: confidence intervals of the figures; may be empty.
        findings: what is wrong, question by question and label by label.

    Returns:
        ``constant``: whether no output depends on the image (None for a single galaxy). ``constant_labels``: the
        labels whose output does not. ``verdict``: the sentences, and below them a line for each kind of finding.
    """
    if figures["galaxies"] == 1:
        words = "One galaxy cannot show whether the output depends on the image."
        return {"constant": None, "constant_labels": [], "verdict": words}
    same = [name for name, label in figures["per_label"].items() if label["spread"] < SAME]
    constant = len(same) == len(figures["per_label"])
    words = (
        _constant(figures)
        if constant
        else f"{_varying(same)}{_ranking(figures, intervals)} {_accuracy(figures, majority)}\n"
        f"{in_short(findings, figures, majority)}"
    )
    return {"constant": constant, "constant_labels": same, "verdict": words.strip()}


def _constant(figures: Json) -> str:
    return (
        f"The output does not depend on the image: no probability moves by {SAME:g} or more over {figures['galaxies']} "
        "galaxies, so the figures show how frequent labels are, not what the model sees."
    )


def _varying(same: Sequence[str]) -> str:
    return "The output depends on the image" + (f", except that for {', '.join(same)}" if same else "")


def _ranking(figures: Json, intervals: Json) -> str:
    auc, bounds = figures["auc_macro"], intervals.get("auc_macro")
    if auc is None:
        return "; no label has both classes here, so nothing can be ranked."
    mean_auc = f"mean AUC of a label {auc:.3f}" + (f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else "")
    reach = _by_chance(figures)
    if (bounds[0] if bounds else auc) > 0.5 and auc >= 0.5 + reach:
        return f": {mean_auc}, where a model that ignores the image has 0.500."
    few = f"few cases give up to {min(1.0, 0.5 + reach):.3f} by chance" if reach else "chance has 0.500"
    return f", but is not shown to rank galaxies better than chance: {mean_auc}, where {few}."


def _by_chance(figures: Json) -> float:
    """How far from 0.5 few cases take the mean AUC of a label, if those of all labels are off together."""
    return float(np.mean([by_chance(label) for label in figures["per_label"].values() if label["auc"] is not None]))


def _accuracy(figures: Json, majority: Json) -> str:
    if figures["accuracy"] is None:
        return ""
    return f"Accuracy {figures['accuracy']:.3f}; the commonest answers alone have {majority['accuracy']:.3f}."
