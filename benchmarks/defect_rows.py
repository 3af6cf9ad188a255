"""What scores come to at a threshold: recall of planted and of real defects, false alarms, precision."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from defect_survey import HOUGH, Case, Survey


def row(seen: Survey, detector: str, threshold: float, *, baseline: bool = False) -> dict[str, Any]:
    """All figures of a detector at a threshold; those of the Hough transform in its place with ``baseline``."""
    name = HOUGH if baseline else detector
    unseen = seen.cases(detector, chosen_on=False)
    others = [image for image in seen.others(detector) if not image.chosen_on]
    return {
        "threshold": threshold,
        "planted_cases_unseen": len(unseen),
        "planted_recall_unseen": share_of((case.hough if baseline else case.score for case in unseen), threshold),
        **({} if baseline else _places(unseen, threshold)),
        "false_alarm_rate_unseen": share_of(seen.scores(name, others), threshold),
        "false_alarms": [one.id for one in seen.others(detector) if seen.real[name][one.id] >= threshold],
        "unsure_alarms": sorted(_alarms(seen, name, threshold) & seen.lists.having(detector, "unsure")),
        **_real_figures(seen, detector, name, threshold),
    }


def _places(cases: Iterable[Case], threshold: float) -> dict[str, float]:
    """How far, px, the lines that were found lie from those that were planted: median and 95 %."""
    away = [case.aside for case in cases if case.score >= threshold and not math.isnan(case.aside)]
    return {"px_aside_median": float(np.median(away)), "px_aside_95": float(np.percentile(away, 95))} if away else {}


def share_of(scores: Iterable[float], threshold: float) -> float:
    """Share of scores that reach a threshold."""
    known = list(scores)
    return sum(one >= threshold for one in known) / len(known) if known else math.nan


def _alarms(seen: Survey, name: str, threshold: float) -> set[str]:
    return {id_ for id_, score in seen.real[name].items() if score >= threshold}


def _real_figures(seen: Survey, detector: str, name: str, threshold: float) -> dict[str, Any]:
    """Found of the lists, and precision; once of all images and once of the unseen half."""
    alarms, true = _alarms(seen, name, threshold), seen.lists.having(detector)
    unsure = seen.lists.having(detector, "unsure")
    figures: dict[str, Any] = {}
    for half, ids in (
        ("all", {image.id for image in seen.images}),
        ("unseen", {image.id for image in seen.images if not image.chosen_on}),
    ):
        lists = {
            "listed": seen.lists.defects.get(detector, set()),
            "elsewhere": seen.lists.elsewhere.get(detector, set()),
            "known": true,
        }
        figures[half] = {key: [len(alarms & one & ids), len(one & ids)] for key, one in lists.items()}
        sure = (alarms & ids) - unsure
        figures[half]["precision"] = len(sure & true) / len(sure) if sure else math.nan
    figures["missed"] = sorted((true & seen.real[name].keys()) - alarms)
    return {"real": figures}
