"""Which questions the report page calls calibrated."""

import pytest

from gztrain.evaluation.report.panel_tables import calibration_words

FINE, OFF, UNKNOWN = (
    {"ece": 0.04, "ece_limit": 0.04},
    {"ece": 0.05, "ece_limit": 0.04},
    {"ece": None, "ece_limit": None},
)
HELPED = "As well calibrated as these galaxies can show, so that no temperature can be seen to help: "
ABOVE = "Calibration error above that of a perfectly calibrated model: "


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        pytest.param({"Q0 smooth": FINE, "Q1 edge-on": FINE}, f"{HELPED}Q0 smooth, Q1 edge-on.", id="all are"),
        pytest.param({"Q0 smooth": FINE, "Q3 bar": OFF}, f"{HELPED}Q0 smooth. {ABOVE}Q3 bar.", id="one is not"),
        pytest.param({"Q3 bar": OFF, "Q4 spiral": UNKNOWN}, f"{ABOVE}Q3 bar.", id="one that no galaxy was asked"),
        pytest.param({"Q4 spiral": UNKNOWN}, "", id="nothing is known"),
    ],
)
def test_words_of_calibration(questions: dict[str, dict[str, float | None]], words: str) -> None:
    assert calibration_words(questions) == words
