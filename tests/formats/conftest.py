"""torch and grain come from the environment that make test-formats makes."""

import os
import site
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.running import ROOT

FORMATS = Path(os.environ.get("FORMATS_PYTHON", ROOT / ".venv" / "formats" / "bin" / "python"))
"""The Python of that environment."""


@pytest.fixture(scope="session")
def reader_python() -> Path:
    """The Python that other communities' readers are installed for."""
    if not FORMATS.is_file():
        pytest.skip(f"there is no {FORMATS}; make test-formats makes it")
    return FORMATS


def pytest_configure() -> None:
    """Let tests of this process import torch and grain: pinned packages of both environments have the same versions.

    Triton (torch's optimizers import it) and TensorFlow each have an LLVM; that of Triton must be loaded first.
    """
    for packages in FORMATS.parents[1].glob("lib/python*/site-packages"):
        site.addsitedir(str(packages))
        if find_spec("triton") is not None:
            import_module("triton._C.libtriton")


@pytest.fixture(scope="session")
def torch_and_grain(reader_python: Path) -> None:
    """torch and grain are there."""
