"""What to think of a run, in a sentence or two: first of all, whether its output depends on the image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gztrain.data.labels import Floats

SAME = 1e-4
"""A probability that moves by less than this over all galaxies does not depend on them."""

Json = Mapping[str, Any]


def spreads(probabilities: Floats) -> list[float]:
    """Largest less smallest probability of each label over galaxies, of float32 [N, L]."""
    return [float(spread) for spread in np.ptp(probabilities.astype(np.float64), axis=0)]


def verdict(found: Json, majority: Json, intervals: Json) -> dict[str, Any]:
    """Say what figures mean.

    Args:
        found: figures of the predictions.
        majority: those of the commonest answers.
        intervals: how sure the figures are; may be empty.

    Returns:
        ``constant``, whether no output depends on the image (None for a single galaxy), ``constant_labels``, those of
        which it does not, and ``verdict``, the words.
    """
    if found["galaxies"] == 1:
        words = "One galaxy cannot show whether the output depends on the image."
        return {"constant": None, "constant_labels": [], "verdict": words}
    same = [name for name, label in found["per_label"].items() if label["spread"] < SAME]
    constant = len(same) == len(found["per_label"])
    words = _blind(found) if constant else f"{_seeing(same)}{_ranking(found, intervals)} {_answers(found, majority)}"
    return {"constant": constant, "constant_labels": same, "verdict": words.strip()}


def _blind(found: Json) -> str:
    return (
        f"The output does not depend on the image: no probability moves by {SAME:g} or more over {found['galaxies']} "
        "galaxies, so the figures show how frequent labels are, not what the model sees."
    )


def _seeing(same: Sequence[str]) -> str:
    return "The output depends on the image" + (f", except that for {', '.join(same)}" if same else "")


def _ranking(found: Json, intervals: Json) -> str:
    auc, bounds = found["auc_macro"], intervals.get("auc_macro")
    if auc is None:
        return "; no label has both classes here, so nothing can be ranked."
    sure = f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else ""
    if (bounds[0] if bounds else auc) > 0.5:
        return f": mean AUC of a label {auc:.3f}{sure}, where one that does not look has 0.500."
    return f", but ranks galaxies no better than chance: mean AUC of a label {auc:.3f}{sure}, where chance has 0.500."


def _answers(found: Json, majority: Json) -> str:
    if found["accuracy"] is None:
        return ""
    return f"Accuracy {found['accuracy']:.3f}; the commonest answers alone have {majority['accuracy']:.3f}."
