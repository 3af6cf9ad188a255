"""The imports point one way, and heavy libraries stay where the design puts them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    {"errors", "chance"},
    {"patience"},
    {"stores"},
    {"storage"},
    {"tree"},
    {"records", "config", "tfrecord", "runners"},
    {"labels", "geometry", "catalogue", "examples", "shards", "folder", "console", "progress", "spool"},
    {"card", "dataflow", "images", "defects", "reading", "job", "fetch", "simulate", "template"},
    {"scale", "views"},
    {"prepare", "preview", "inspect"},
    {"rows", "replay", "dryrun", "review"},
    {"rejudge"},
    {"bins", "verify"},
    {"manifest", "pool"},
    {"beam"},
    {"launch"},
    {"cli"},
    {"__main__"},
)
"""A module imports from layers above its own in this list, never from its own or one below."""


def modules(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    """The module of gzprep that an import is from."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def layer(module: str) -> int:
    return next(place for place, names in enumerate(LAYERS) if module in names)


@pytest.mark.parametrize("path", list(modules("gzprep")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = path.relative_to(ROOT / "gzprep").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    used = {top(name) for name in imports(path) if name.startswith("gzprep.")} - {"__version__"}
    wrong = {name for name in used if name != own and layer(name) >= layer(own)}
    assert not wrong


@pytest.mark.parametrize("package", ["gzprep", "gztrain"])
def test_beam_is_imported_in_the_beam_packages_only(package: str) -> None:
    users = {path.relative_to(ROOT / package).parts[0] for path in modules(package) if uses(path, "apache_beam")}
    assert users <= {"beam"}


def uses(path: Path, library: str) -> bool:
    return any(name.split(".")[0] == library for name in imports(path))


@pytest.mark.parametrize("library", ["tensorflow", "keras", "matplotlib", "torch", "pandas"])
def test_a_worker_needs_no(library: str) -> None:
    assert not [path.name for path in modules("gzprep") if uses(path, library)]


def test_the_trainer_imports_nothing_of_the_preparation() -> None:
    assert not [path.name for path in modules("gztrain") if uses(path, "gzprep")]


def test_galaxy_datasets_is_imported_by_fetch_alone() -> None:
    assert [path.name for path in modules("gzprep") if uses(path, "galaxy_datasets")] == ["fetch.py"]


HELP = """
import sys
from gzprep.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
heavy = {"apache_beam", "numpy", "cv2", "albumentations", "pyarrow", "astropy"}
sys.stderr.write(",".join(sorted(heavy & set(sys.modules))))
"""


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["simulate", "--help"]], ids=" ".join)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", HELP, *command], capture_output=True, text=True, check=True)
    assert not done.stderr
    assert "Usage" in done.stdout


def test_requirements_are_pinned_with_hashes_and_without_an_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        assert "--index" not in text
        blocks = [block for block in text.replace("\\\n", " ").splitlines() if block.strip()]
        assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_loading_beam_says_nothing_and_leaves_everything_as_it_was() -> None:
    program = "import gc, logging, gzprep.beam; print(gc.isenabled(), logging.root.manager.disable)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True 0\n", "")
