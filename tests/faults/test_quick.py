"""A few faults of each kind, as every run of the tests repeats them; ``make faults`` runs the whole comparison."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.faults.cases import all_cases
from tests.faults.commands import COMMANDS
from tests.faults.run import QUICK
from tests.running import python

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes() -> Mapping[str, Any]:
    """What became of each case; all of them in one process, which imports TensorFlow once."""
    done = python("-m", "tests.faults.run", "--quick", "--json")
    sys.stderr.write(done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {"/".join(map(str, line["case"].values())): line for line in lines}


@pytest.mark.parametrize("case", QUICK, ids=str)
def test_a_fault_costs_nothing_but_time(case: Any, outcomes: Mapping[str, Any]) -> None:
    outcome = outcomes[f"{case.command}/{case.kind}/{case.seed}"]
    assert outcome["outcome"] in {"unharmed", "made good", "refused"}, outcome["told"]


def test_the_whole_comparison_is_large_enough() -> None:
    cases = all_cases()
    assert len(cases) >= 200
    assert len(set(cases)) == len(cases)
    assert {case.command for case in cases} == set(COMMANDS)
