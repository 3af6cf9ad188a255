"""The garbage collector rests while something is imported, and is as it was thereafter."""

import gc
from collections.abc import Iterator

import pytest

from gztrain.environment import uncollected


@pytest.fixture(params=[True, False], ids=["on", "off"])
def collects(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the collector is on, for as long as a test takes."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield bool(request.param)
    (gc.enable if before else gc.disable)()


def test_it_rests_and_is_as_it_was(collects: bool) -> None:  # noqa: FBT001
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() == collects


def test_it_is_as_it_was_where_an_import_fails(collects: bool) -> None:  # noqa: FBT001
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled() == collects
