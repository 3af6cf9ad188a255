"""Examples in docstrings run as they stand there, on the small sky: every module of ours that has a ``>>>``."""

import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.running import ROOT

PACKAGES = ("gzcore", "gzprep", "gztrain")


def files() -> list[Path]:
    """The modules that have examples, a package before its modules."""
    every = (path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    return sorted(path for path in every if ">>> " in path.read_text())


def examples() -> Iterator[doctest.DocTest]:
    """Every docstring that has examples."""
    for path in files():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield from doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly:UserWarning")
@pytest.mark.usefixtures("beside_sky", "lean_training")
def test_every_example_gives_what_it_shows() -> None:
    """In the order of the modules: the example of gztrain trains the run that later ones open."""
    runner, told, ran = doctest.DocTestRunner(), [""], 0
    for docstring in examples():
        ran += runner.run(docstring, out=told.append).attempted
    assert not "".join(told)
    assert ran == sum(path.read_text().count(">>> ") for path in files())
