"""What a run on this machine does not import."""

import importlib
import sys

import pytest

from gzcore.engines.lean import UNNEEDED, without
from tests.running import python


@pytest.mark.parametrize("name", ["this", "xml.sax"])
def test_a_module_is_absent_within_and_there_again_after(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, name, raising=False)
    with without([name.split(".", maxsplit=1)[0]]), pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)
    assert importlib.util.find_spec(name) is not None


def test_what_is_imported_already_stays() -> None:
    with without(["json"]):
        assert importlib.import_module("json") is sys.modules["json"]


@pytest.mark.slow
def test_beam_is_there_and_none_of_the_unneeded() -> None:
    code = "import sys, gzcore.engines.lean as lean; lean.import_beam(); print(*sys.modules)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    imported = done.stdout.split()
    assert "apache_beam.pipeline" in imported
    begins = tuple(f"{name}." for name in UNNEEDED)  # google.cloud itself is an empty name that installers put there
    assert not [name for name in imported if name.startswith(begins)]
