"""The check for equal lines in two packages finds them, and nothing else."""

import pytest

from tools.repeated_lines import EXCEPTIONS, RUN, repeated

BLOCK = [f"    value_{number} = compute(number)" for number in range(RUN)]
OTHERS = [f"    other_{number} = something_else(number)" for number in range(RUN)]


def module(*lines: str) -> str:
    return "\n".join(("def work():", *lines)) + "\n"


@pytest.mark.parametrize(
    ("name", "sources", "expected"),
    [
        ("equal in two packages", {"gzprep/a.py": module(*BLOCK), "gztrain/b.py": module(*BLOCK)}, True),
        ("other white space", {"gzprep/a.py": module(*BLOCK), "gzcore/b.py": module(*("  " + x for x in BLOCK))}, True),
        ("a comment between", {"gzprep/a.py": module(*BLOCK), "gzcore/b.py": module("# why", *BLOCK)}, True),
        ("in one package", {"gzprep/a.py": module(*BLOCK), "gzprep/b.py": module(*BLOCK)}, False),
        ("one line fewer", {"gzprep/a.py": module(*BLOCK[1:]), "gztrain/b.py": f"{chr(10).join(BLOCK[1:])}\n"}, False),
        ("other lines", {"gzprep/a.py": module(*BLOCK), "gztrain/b.py": module(*OTHERS)}, False),
        ("imports", dict.fromkeys(("gzprep/a.py", "gztrain/b.py"), "from gzcore.errors import GzError\n" * RUN), False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_found(name: str, sources: dict[str, str], *, expected: bool) -> None:
    assert bool(repeated(sources)) is expected, name


def test_a_sentence_names_both_places() -> None:
    (sentence,) = repeated({"gzprep/a.py": module(*BLOCK), "gztrain/b.py": module(*OTHERS, *BLOCK)})
    assert sentence.startswith(
        f"gzprep/a.py:2 and gztrain/b.py:{RUN + 2} have {RUN} equal lines from: {BLOCK[0].strip()}"
    )


def test_exceptions_have_reasons() -> None:
    assert all(reason.endswith(".") for reason in EXCEPTIONS.values())
