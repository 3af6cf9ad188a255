"""A verdict where every label rests on few galaxies: one sentence in place of a list."""

from gztrain.evaluation.verdicts import Finding, in_short


def said(few: int, labels: int) -> str:
    """The line about the first labels of several."""
    names = [f"l{place}" for place in range(labels)]
    judged = {"per_label": {name: {"known_labels": 10 + place, "positives": place} for place, name in enumerate(names)}}
    return in_short([Finding("few", name, "") for name in names[:few]], judged, {})


def test_all_labels_are_told_together() -> None:
    assert said(5, 5) == "Few galaxies: each of the 5 labels rests on 10 to 14 galaxies, 0 to 4 of them positive."


def test_some_labels_are_named() -> None:
    assert said(2, 5) == "Few galaxies: l0 (10 galaxies, 0 positive), l1 (11 galaxies, 1 positive)."


def test_the_only_labels_are_named() -> None:
    assert said(1, 1) == "Few galaxies: l0 (10 galaxies, 0 positive)."
