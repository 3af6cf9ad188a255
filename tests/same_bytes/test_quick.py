"""A dozen real galaxies give the recorded bytes; `make same-bytes` compares all of them, made in every way."""

from pathlib import Path

import pytest

from tests.same_bytes.making import QUICK, make, recorded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", QUICK)
def test_the_bytes_are_those_that_were_recorded(name: str, gz2: Path, tmp_path: Path) -> None:
    assert make(QUICK[name], gz2, tmp_path / "out", "--workers", "1") == recorded()["shards"][name]
