"""What describes the packages says the same everywhere: pyproject, the conda recipe, CITATION.cff, codemeta.json."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import gzcore
import gzprep
import gztrain
from gzcore import cli
from tests.running import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CODEMETA = json.loads((ROOT / "codemeta.json").read_text())
CONDA_NAMES = {"opencv-python-headless": "py-opencv", "matplotlib": "matplotlib-base", "tensorflow-cpu": "tensorflow"}
"""Packages that conda-forge has under another name."""


def requirements(lines: list[str]) -> set[tuple[str, str]]:
    """Name on conda-forge and version of each requirement, without markers."""
    found = (re.match(r"([\w-]+)\s*(.*?)\s*(;|$)", line) for line in lines)
    return {(CONDA_NAMES.get(match[1], match[1]), match[2]) for match in found if match}


@pytest.mark.parametrize(
    "version",
    [gzprep.__version__, gztrain.__version__, CONDA["context"]["version"], CITATION["version"], CODEMETA["version"]],
    ids=["gzprep", "gztrain", "conda", "citation", "codemeta"],
)
def test_the_version_is_that_of_gzcore(version: str) -> None:
    assert version == gzcore.__version__


def test_conda_asks_for_what_pyproject_asks_for() -> None:
    asked = requirements(CONDA["requirements"]["run"]) - {("python", PROJECT["requires-python"])}
    assert asked == requirements(PROJECT["dependencies"])
    assert f"python {PROJECT['requires-python']}" in CONDA["requirements"]["host"]
    train = requirements(PROJECT["optional-dependencies"]["train"])
    assert requirements(CONDA["requirements"]["run_constraints"]) == train


def test_conda_brings_the_same_commands() -> None:
    commands = {f"{name} = {target}" for name, target in PROJECT["scripts"].items()}
    assert set(CONDA["build"]["python"]["entry_points"]) == commands


def test_authors_licence_and_description_are_the_same() -> None:
    (author,) = PROJECT["authors"]
    assert CITATION["authors"] == [author]
    assert [each["name"] for each in CODEMETA["author"]] == [author["name"]]
    assert PROJECT["license"] == CITATION["license"] == CONDA["about"]["license"] == Path(CODEMETA["license"]).name
    assert PROJECT["description"] == CODEMETA["description"] == CONDA["about"]["summary"]


def test_a_citation_file_has_what_its_format_requires() -> None:
    assert {"cff-version", "message", "title", "authors"} <= CITATION.keys()
    assert all({"type", "title", "authors"} <= each.keys() for each in CITATION["references"])


def test_no_extra_is_there_under_two_names() -> None:
    extras = list(PROJECT["optional-dependencies"].values())
    assert all(extras.count(extra) == 1 for extra in extras)


def test_every_extra_that_a_message_names_is_there() -> None:
    sources = "".join(
        file.read_text() for name in ("gzcore", "gzprep", "gztrain") for file in (ROOT / name).rglob("*.py")
    )
    assert set(re.findall(r"gzprep\[(\w+)\]", sources)) <= PROJECT["optional-dependencies"].keys()


def test_an_installed_command_says_where_the_page_is_that_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "share/doc/gzprep/docs/images.md"
    page.parent.mkdir(parents=True)
    page.touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert cli._where_is_the_page("Crop it (docs/images.md).") == ""
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "lib/gzcore/cli.py"))
    assert cli._where_is_the_page("Crop it (docs/images.md).") == f" That page is {page}."
    assert cli._where_is_the_page("Crop it.") == cli._where_is_the_page("Crop it (docs/none.md).") == ""
