"""Harmful images: every command gives the same verdict, in bounded memory, and goes on with the next."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_images import HOSTILE, SOUND, write_all
from tests.running import ROOT, gzprep


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "images"
    write_all(path)
    return path


@pytest.fixture(scope="module")
def said(folder: Path) -> dict[str, Any]:
    """What each command says of each file, in a process whose memory is limited."""
    call = [sys.executable, "-m", "tests.hostile_images", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "inspect"])
@pytest.mark.parametrize("name", HOSTILE)
def test_gzprep_rejects_it_with_its_reason(said: dict[str, Any], name: str, command: str) -> None:
    reason, words = said[name][command]
    assert (reason, HOSTILE[name].run[1] in words) == (HOSTILE[name].run[0], True), words


@pytest.mark.parametrize("name", HOSTILE)
def test_gztrain_says_the_same(said: dict[str, Any], name: str) -> None:
    verdict, words = said[name]["predict"]
    assert verdict == "unusable"
    assert (HOSTILE[name].predict or HOSTILE[name].run[1]) in words
    if said[name]["run"][0] == "unreadable":
        assert words == said[name]["run"][1] == said[name]["inspect"][1]


def test_a_sound_image_is_accepted_by_all(said: dict[str, Any]) -> None:
    assert said[SOUND] == {command: ["", ""] for command in ("run", "inspect", "predict")}


def test_a_bad_file_is_one_line_and_never_the_end_of_the_page(folder: Path, tmp_path: Path) -> None:
    result = gzprep("inspect", folder, "--all", "--html", tmp_path / "page")
    assert result.code == 0, result.err
    *lines, summary = result.out.splitlines()
    lines = [line for line in lines if line.startswith(("ok ", "rejected "))]
    assert len(lines) == len(HOSTILE)  # a folder is looked into, not at
    assert lines[-1].startswith(f"ok        {folder / SOUND}.jpg")
    assert summary == f"1 ok, {len(HOSTILE) - 1} rejected"
    assert f"{SOUND}.jpg" in (tmp_path / "page" / "index.html").read_text()
