"""Heavy libraries stay where the design puts them, and the pins of the requirements are whole."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.isolated import lacking
from tests.running import ROOT, SMALL


def modules(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / package).rglob("*.py"))


@functools.cache
def libraries_of(path: Path) -> frozenset[str]:
    """The packages that a module imports, at any place."""
    return frozenset(name.split(".")[0] for name in imports(path))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


APART = {"gzcore": ("gzprep", "gztrain"), "gzprep": ("gztrain",), "gztrain": ("gzprep",)}


@pytest.mark.parametrize("package", APART)
def test_a_package_imports_no_package_above_or_beside_it(package: str) -> None:
    wrong = [path for path in modules(package) if any(uses(path, other) for other in APART[package])]
    assert not [path.relative_to(ROOT).as_posix() for path in wrong]


BEAM = ("gzcore/engines/beam/", "gzprep/run/beam/", "gztrain/predict/beam/")
"""The rooms that may import Apache Beam."""


def test_beam_is_imported_in_its_rooms_only() -> None:
    users = [path.relative_to(ROOT).as_posix() for path in every_module() if uses(path, "apache_beam")]
    assert not [path for path in users if not path.startswith(BEAM)]


def every_module() -> Iterator[Path]:
    return (path for package in ("gzcore", "gzprep", "gztrain") for path in modules(package))


def uses(path: Path, library: str) -> bool:
    return library in libraries_of(path)


PLOTS = {"matplotlib": ("gzcore/console/theme.py", "gzprep/report/")}
"""Modules that draw; a worker imports none of them."""


@pytest.mark.parametrize("library", ["tensorflow", "keras", "matplotlib", "torch", "pandas"])
def test_a_worker_needs_no(library: str) -> None:
    users = (path for path in every_module() if uses(path, library))
    names = (path.relative_to(ROOT).as_posix() for path in users)
    assert not [name for name in names if not name.startswith(("gztrain/", *PLOTS.get(library, ())))]


def test_galaxy_datasets_is_imported_by_fetch_alone() -> None:
    assert [path.name for path in modules("gzprep") if uses(path, "galaxy_datasets")] == ["fetch.py"]


@pytest.mark.slow
def test_a_data_set_needs_the_base_install_alone(tmp_path: Path) -> None:
    """Without albumentations even, which our views are only compared with."""
    absent = (
        "albumentations",
        "astropy",
        "galaxy_datasets",
        "tensorflow",
        "keras",
        "jax",
        "matplotlib",
        "sklearn",
        "pandas",
    )
    sky, out = tmp_path / "sky", tmp_path / "out"
    with lacking(*absent, libraries="apache_beam cv2 pyarrow.parquet scipy.ndimage simplejpeg") as process:
        process.do("command", "gzprep", "simulate", sky, "--galaxies", "8")
        process.do("command", "gzprep", "run", "--data", sky, "--out", out, *SMALL)
        process.do("command", "gzprep", "inspect", sky / "images", "--html", tmp_path / "page")
        process.do("command", "gzprep", "verify", out, "--replay", "3")


def test_requirements_are_pinned_with_hashes_and_without_an_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        assert "--index" not in text
        blocks = [block for block in text.replace("\\\n", " ").splitlines() if block.strip()]
        assert all("==" in block and "--hash=sha256:" in block for block in blocks)


@pytest.mark.slow
def test_loading_beam_says_nothing_and_leaves_everything_as_it_was() -> None:
    program = "import gc, logging, gzprep.run.beam; print(gc.isenabled(), logging.root.manager.disable)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True 0\n", "")
