"""A dozen real galaxies give the recorded bytes; `make same-bytes` compares all of them, made in every way."""

from pathlib import Path

import pytest

from tests.running import gzprep, shard_sums
from tests.same_bytes.making import QUICK, options, recorded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", QUICK)
def test_the_bytes_are_those_that_were_recorded(name: str, gz2: Path, tmp_path: Path) -> None:
    made = gzprep("run", *options(QUICK[name], gz2, tmp_path / "out"), "--workers", "1")
    assert made.code == 0, made.err
    assert shard_sums(tmp_path / "out") == recorded()["shards"][name]
