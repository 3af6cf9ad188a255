"""Writes the outcomes of the whole comparison into the table of docs/reliability.md.

``python -m tests.faults.table docs/reliability.md outcomes.jsonl`` does it from a file that ``--write`` has kept.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.faults.cases import Case, Outcome

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
_ORDER = ("unharmed", "made good", "refused", "failed")


def write_table(page: Path, outcomes: Sequence[Outcome]) -> None:
    """Replace the table of a page."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{table(outcomes)}\n{END}{after}", encoding="utf-8")


def table(outcomes: Sequence[Outcome]) -> str:
    """The table in Markdown: a row for each kind of fault and command, and the totals."""
    total = Counter(outcome.outcome for outcome in outcomes)
    totals = ", ".join(f"{total[name]} {name}" for name in _ORDER if total[name])
    lines = [
        f"{len(outcomes)} faults: {totals}.",
        "",
        "| fault | command | seeds | ended | outcome |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *_rows(outcomes)])


def _rows(outcomes: Iterable[Outcome]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.kind, outcome.case.command), []).append(outcome)
    for (kind, command), members in sorted(groups.items()):
        ended = _counts(member.ended for member in members)
        yield f"| {kind} | {command} | {len(members)} | {ended} | {_counts(member.outcome for member in members)} |"


def _counts(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(Counter(names).items()))


def read_outcomes(path: Path) -> list[Outcome]:
    """Outcomes as ``--write`` has kept them; of a case that was run twice, the last one."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    newest = {Case(**line["case"]): Outcome(**{**line, "case": Case(**line["case"])}) for line in lines}
    return list(newest.values())


if __name__ == "__main__":
    write_table(Path(sys.argv[1]), read_outcomes(Path(sys.argv[2])))
