"""The house: rooms of the three packages, which imports which, and that ARCHITECTURE.md says the same.

A *room* is a folder or a module right below a package. A room stands one floor above the highest room that it imports.
"""

import ast
import functools
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.running import ROOT

PACKAGES = ("gzcore", "gzprep", "gztrain")
MAY_IMPORT = {"gzcore": {"gzcore"}, "gzprep": {"gzcore", "gzprep"}, "gztrain": {"gzcore", "gztrain"}}
ROOMS, FLOORS, LINES = 10, 7, 400
"""At most."""


def modules(package: str) -> Iterator[Path]:
    yield from sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of everything that a module imports, wherever in the module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str | None:
    """The room that a dotted name is in; None for the package itself."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and not parts[1].startswith("__") else None


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@functools.cache
def rooms(package: str) -> dict[str, set[str]]:
    """Each room of a package, and the rooms that it imports."""
    found: dict[str, set[str]] = {}
    for path in modules(package):
        own = room_of(module_name(path))
        if own is not None:
            others = {room_of(name) for name in imported(path) if name.split(".")[0] == package}
            found.setdefault(own, set()).update(room for room in others if room and room != own)
    return {room: {other for other in others if other in found} for room, others in found.items()}


@functools.cache
def floors(package: str) -> dict[str, int]:
    """Each room of a package, and its floor: 1 is the ground. Fails where rooms import each other in a circle."""
    found: dict[str, int] = {}
    for room in TopologicalSorter(rooms(package)).static_order():
        found[room] = 1 + max((found[other] for other in rooms(package)[room]), default=0)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_few_rooms_on_few_floors(package: str) -> None:
    assert len(rooms(package)) <= ROOMS
    assert max(floors(package).values()) <= FLOORS


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_gzcore_and_not_each_other(package: str) -> None:
    wrong = {
        f"{module_name(path)} imports {name}"
        for path in modules(package)
        for name in imported(path)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[package]
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_too_long(package: str) -> None:
    assert not [path for path in modules(package) if len(path.read_text(encoding="utf-8").splitlines()) > LINES]


def table() -> dict[str, dict[str, int]]:
    """ARCHITECTURE.md's tables: package to room to floor."""
    found: dict[str, dict[str, int]] = {package: {} for package in PACKAGES}
    for package, text in re.findall(
        r"^## (gz\w+)\n(.*?)(?=^## |\Z)", ARCHITECTURE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        for floor, names in re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE):
            found[package] |= dict.fromkeys(re.findall(r"`(\w+)/?`", names), int(floor))
    return found


ARCHITECTURE = ROOT / "ARCHITECTURE.md"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_says_which_room_stands_on_which_floor(package: str) -> None:
    assert table()[package] == floors(package)
