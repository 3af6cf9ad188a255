"""The members of an ensemble: which may be joined, the scheme and the model that they make, and what each adds.

Members that answer the same questions are averaged. Members that answer other questions stand side by side: together
they are a model of a scheme of their data set (row F58 of the report: one model for each question).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gzcore.errors import GzError
from gztrain.data.dataset import Dataset, Scheme, choose_scheme
from gztrain.data.label_counts import LabelCounts
from gztrain.data.labels import Policy
from gztrain.runs.folder import Json, Run

FIGURES = ("accuracy", "auc_macro")
"""What members are compared by."""


def in_groups(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs by the questions that they answer; each group has one scheme.

    Raises:
        GzError: two runs share some questions, but not all; or questions have other labels.
    """
    groups: list[list[Run]] = []
    for run in runs:
        group = next((group for group in groups if _questions(group[0]) & _questions(run)), None)
        if group is None:
            groups.append([run])
            continue
        _check_same(group[0], run)
        group.append(run)
    return groups


def _questions(run: Run) -> set[str]:
    return {question.name for question in run.scheme.questions}


def _check_same(first: Run, other: Run) -> None:
    pairs = {
        "answer the same questions, or others altogether": (first.scheme.name, other.scheme.name),
        "have the same labels": (first.scheme.names, other.scheme.names),
    }
    for wish, (one, two) in pairs.items():
        if one != two:
            raise GzError(
                f"The runs of an ensemble must {wish}; {first.folder.root} has {one}, {other.folder.root} has {two}."
            )


def in_order(groups: Sequence[list[Run]], dataset: Dataset) -> tuple[Scheme, list[list[Run]]]:
    """The scheme whose questions the groups answer together, and the groups in the order of its labels.

    Raises:
        GzError: the data set has no such scheme.
    """
    if len(groups) == 1:
        return groups[0][0].scheme, list(groups)
    ordered = sorted(groups, key=lambda group: group[0].scheme.places[0])
    names = tuple(name for group in ordered for name in group[0].scheme.names)
    known = [choose_scheme(dataset, name) for name in dataset.manifest["labels"]["schemes"]]
    scheme = next((scheme for scheme in known if scheme.names == names), None)
    if scheme is None:
        told = ", ".join(group[0].scheme.name for group in ordered)
        wanted = ", ".join(scheme.name for scheme in known if len(scheme.questions) > 1)
        raise GzError(
            f"The runs answer the questions of {told}, which together are no scheme of {dataset.place}; give runs for "
            f"every question of one of {wanted}."
        )
    return scheme, ordered


def joined_counts(groups: Sequence[Sequence[Run]]) -> Mapping[Policy, LabelCounts]:
    """How often each label is 1 among the training galaxies; for the policies that are known of every group."""
    parts = [group[0].label_counts for group in groups]
    policies = [policy for policy in parts[0] if all(policy in part for part in parts)]
    return {policy: _side_by_side([part[policy] for part in parts]) for policy in policies}


def _side_by_side(parts: Sequence[LabelCounts]) -> LabelCounts:
    return LabelCounts(
        names=tuple(name for part in parts for name in part.names),
        galaxies=max(part.galaxies for part in parts),
        answered=np.concatenate([part.answered for part in parts]),
        positives=np.concatenate([part.positives for part in parts]),
    )


def join(groups: Sequence[Sequence[Any]], sides: int) -> Any:  # noqa: ANN401 -- keras.Models
    """A model of all labels: the mean of each group's probabilities, and the groups side by side.

    Args:
        groups: models, each uint8 [B, S, S, 3] to probabilities, float32 [B, L]; they are renamed.
        sides: 1, or 8 for the mean over the symmetries of the square.
    """
    import keras

    from gztrain.models.layers import symmetries

    images = keras.Input(groups[0][0].input_shape[1:], dtype="uint8", name="images")
    seen = symmetries(images) if sides > 1 else [images]
    for place, model in enumerate(model for group in groups for model in group):
        model.name = f"member_{place}"  # two layers of one name cannot be in a model
    means = [_mean([model(view) for model in group for view in seen]) for group in groups]
    return keras.Model(images, means[0] if len(means) == 1 else keras.layers.Concatenate()(means), name="ensemble")


def _mean(probabilities: Sequence[Any]) -> Any:  # noqa: ANN401 -- Keras tensors
    import keras

    return probabilities[0] if len(probabilities) == 1 else keras.layers.Average(dtype="float32")(probabilities)


# ---------------------------------------------------------------- what each adds


def compared(told: Mapping[str, Json], judged: Json) -> list[Json]:
    """A row for each member: its own figures, and what the ensemble has more on the same questions.

    Args:
        told: of each member, by its place, its own figures of the split; empty where it was not judged on it.
        judged: the figures of the ensemble.
    """
    return [{"run": place, **_figures(own, judged)} for place, own in told.items()]


def _figures(own: Json, judged: Json) -> Json:
    questions = list(own.get("per_question", {}))
    same = set(questions) == set(judged["per_question"])
    whole = judged if same else judged["per_question"][questions[0]] if len(questions) == 1 else {}
    found: Json = {"questions": len(questions)}
    for key in FIGURES:
        mine, ours = own.get(key), whole.get(key)
        found[key] = mine
        found[f"{key}_gain"] = None if mine is None or ours is None else ours - mine
    return found
