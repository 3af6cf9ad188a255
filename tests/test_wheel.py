"""What is installed works without the checkout: recipes, templates and tables are in the wheel."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.gztrain.run_folders import told_run
from tests.running import ROOT, SMALL

pytestmark = pytest.mark.slow
SOURCES = ("gzcore", "gzprep", "gztrain", "docs", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "_build", "generated"))
        else:
            shutil.copy(source, copy / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, copy)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the wheel, as an installer unpacks them, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def pip(*arguments: str | Path) -> None:
    call = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(installed: Path, cwd: Path, *arguments: str | Path) -> str:
    """Run a module of what is installed, far from the checkout."""
    call = [sys.executable, *map(str, arguments)]
    settings = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=cwd, env=settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    files = [path.relative_to(ROOT) for name in SOURCES[:3] for path in (ROOT / name).rglob("*") if path.is_file()]
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {path.as_posix() for path in files if "__pycache__" not in path.parts} <= names


def test_pages_that_messages_name_are_in_the_wheel(wheel: Path) -> None:
    sources = [path.read_text() for name in SOURCES[:3] for path in (ROOT / name).rglob("*.py")]
    named = {page for source in sources for page in re.findall(r"(?<![\w./])docs/[\w/-]+\.md", source)}
    with zipfile.ZipFile(wheel) as archive:
        there = {name.partition("/share/doc/gzprep/")[2] for name in archive.namelist()}
    assert "docs/images.md" in named
    assert named <= there


def test_what_runs_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    program = "import gzcore, gzprep, gztrain; print(gzcore.__file__, gzprep.__file__, gztrain.__file__)"
    assert all(file.startswith(str(installed)) for file in run(installed, tmp_path, "-c", program).split())


def test_a_data_set_is_made_by_the_name_of_a_recipe(installed: Path, small_sky: Path, tmp_path: Path) -> None:
    given = ("run", "--data", small_sky, "--out", tmp_path / "out", "--recipe", "sample", *SMALL, "--views", "1")
    run(installed, tmp_path, "-m", "gzprep", *given)
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert "sample" in run(installed, tmp_path, "-m", "gzprep", "recipes")
    run(installed, tmp_path, "-m", "gzprep", "inspect", tmp_path / "out", "--html", tmp_path / "page")
    assert list((tmp_path / "page").glob("*.html"))


def test_a_report_finds_its_template_its_style_and_the_published_figures(
    installed: Path, dataset: Path, tmp_path: Path
) -> None:
    told_run(tmp_path / "run", dataset, scheme="q1")
    assert "vit" in run(installed, tmp_path, "-m", "gztrain", "recipes")
    run(installed, tmp_path, "-m", "gztrain", "report", tmp_path / "run", "--html", tmp_path / "page")
    assert list((tmp_path / "page").glob("*.html"))
