"""What pip-audit says is told as it is: a package that was not looked up is not safe."""

from typing import Any

import pytest

from tools.advisories import judge

SAFE: dict[str, Any] = {"name": "numpy", "version": "2.3", "vulns": []}
BAD: dict[str, Any] = {"name": "pillow", "version": "9", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]}
SKIPPED: dict[str, Any] = {"name": "typer", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "words", "must_mend"),
    [
        pytest.param("no route to host", "nothing is known", False, id="no answer"),
        pytest.param({"dependencies": [SKIPPED, SKIPPED]}, "none of 2 was looked up", False, id="all skipped"),
        pytest.param({"dependencies": [SAFE, SKIPPED]}, "looked up, 1 could not be; 0", False, id="safe"),
        pytest.param({"dependencies": [SAFE, BAD]}, "pillow 9: PYSEC-1, GHSA-2", True, id="advisories"),
    ],
)
def test_what_is_said(found: Any, words: str, must_mend: bool) -> None:  # noqa: FBT001
    line, bad = judge("base.txt", found)
    assert words in line
    assert bad is must_mend
