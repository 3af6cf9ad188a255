"""torch and grain come from the environment that make test-formats makes."""

import os
import site
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


@pytest.fixture(scope="session")
def torch_and_grain(reader_python: Path) -> None:
    """Tests of this process can import torch and grain: pinned packages of both environments have the same versions."""
    for packages in reader_python.parents[1].glob("lib/python*/site-packages"):
        site.addsitedir(str(packages))
