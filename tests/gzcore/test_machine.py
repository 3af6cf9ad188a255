"""What differs between systems is asked in one place, and has the same result on all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gzcore import machine
from tests.running import ROOT


def test_cores_are_those_we_may_use_or_all_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert machine.cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


@pytest.mark.parametrize("preadv", [True, False])
def test_bytes_are_read_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, preadv: bool) -> None:
    if not preadv:
        monkeypatch.delattr(os, "preadv", raising=False)
    (tmp_path / "file").write_bytes(bytes(range(100)))
    with (tmp_path / "file").open("rb") as file:
        for offset, length, expected in ((10, 5, 5), (0, 100, 100), (98, 10, 2), (200, 3, 0)):
            target = bytearray(length)
            assert machine.read_at(file.fileno(), memoryview(target), offset) == expected
            assert target[:expected] == bytes(range(100))[offset : offset + expected]


@pytest.mark.skipif(os.name != "posix", reason="limits are of Unix")
def test_the_limit_of_memory_is_that_of_the_shell() -> None:
    program = "from gzcore.machine import memory_limit; print(memory_limit())"
    for limit, told in (("unlimited", "None"), ("4000000", "4096000000")):
        call = ["sh", "-c", f'ulimit -v {limit}; exec "$0" -c "$1"', sys.executable, program]
        assert subprocess.run(call, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == told
