"""Recipes and settings that were written by mistake or to do harm: both programs refuse them in one sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.checks import check_refused, contents
from tests.running import gzprep, gztrain

TEXTS: dict[str, bytes] = {
    "not TOML": b"views = ",
    "not UTF-8": b"\xff\xfe\x00",
    "brackets nested 100,000 deep": b"a = " + b"[" * 100_000,
    "tables nested 100,000 deep": b"a = " + b"{b = " * 100_000,
    "a key of 50,000 parts": b"a." * 50_000 + b"a = 1",
    "a table of 50,000 parts": b"[" + b"a." * 50_000 + b"a]",
    "a number of 10,000 digits": b"seed = " + b"9" * 10_000,
    "a key twice": b"seed = 1\nseed = 2",
    "an unknown key": b"sed = 1",
    "an unknown key with an escape sequence": b'"\\u001b[2J" = 1',
    "a table for a number": b"[seed]\na = 1",
    "a seed beyond 64 bits": b"seed = 99999999999999999999999",
    "a list of a million": b"seed = [" + b"1," * 400_000 + b"]",
    "two megabytes": b"# " + b"a" * 2_000_000,
}
KINDS: dict[str, Callable[[Path], object]] = {
    "absent": lambda _: None,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}
PAIRS = [
    *("seed", "=1", "seed=", "seed.a=1", "seed=nan", "seed=1e999"),
    *("a" + ".a" * 50_000 + "=1", "seed=" + "[" * 100_000, "seed={a" + ".a" * 50_000 + "=1}"),
]


def check_both_refuse(tmp_path: Path, dataset: Path, small_sky: Path, *options: str | Path) -> None:
    before = contents(tmp_path) if not any(path.is_symlink() or path.is_fifo() for path in tmp_path.iterdir()) else {}
    check_refused(gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *options))
    check_refused(gztrain("fit", dataset, "--run", tmp_path / "run", *options))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "run").exists()
    assert not before or contents(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_a_recipe_is_refused(name: str, tmp_path: Path, dataset: Path, small_sky: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(TEXTS[name])
    check_both_refuse(tmp_path, dataset, small_sky, "--recipe", tmp_path / "recipe.toml")


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_that_is_no_file_is_refused(kind: str, tmp_path: Path, dataset: Path, small_sky: Path) -> None:
    KINDS[kind](tmp_path / "recipe.toml")
    check_both_refuse(tmp_path, dataset, small_sky, "--recipe", tmp_path / "recipe.toml")


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{pair[:12]} of {len(pair)}" for pair in PAIRS])
def test_a_setting_is_refused(pair: str, tmp_path: Path, dataset: Path, small_sky: Path) -> None:
    check_both_refuse(tmp_path, dataset, small_sky, "--set", pair)
