"""A graph is made and run where IPython is, as it is elsewhere."""

import sys
from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.utils.interactive_utils import is_in_ipython

from gzcore.engines.beam import notebooks
from gzcore.engines.beam.run import make_pipeline


@pytest.fixture
def in_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Beam asks IPython for."""
    shell = SimpleNamespace(execution_count=3, config={})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.mark.usefixtures("in_ipython")
def test_a_graph_runs_and_its_steps_keep_their_names() -> None:
    pipeline = make_pipeline("DirectRunner", [])
    pipeline | "Numbers" >> beam.Create([1, 2]) | "Double" >> beam.Map(lambda number: 2 * number)
    assert {name.partition("/")[0] for name in pipeline.applied_labels} == {"Numbers", "Double"}
    pipeline.run().wait_until_finish()
    assert not Path(pipeline.local_tempdir).exists()


@pytest.mark.usefixtures("in_ipython")
def test_beam_knows_of_the_notebook_afterwards() -> None:
    make_pipeline("DirectRunner", []) | "Numbers" >> beam.Create([1])
    assert is_in_ipython()
    assert beam.pipeline.is_in_ipython()


@pytest.mark.usefixtures("in_ipython")
def test_two_graphs_at_one_time_leave_beam_as_it_was() -> None:
    first, second = notebooks.outside(), notebooks.outside()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not beam.pipeline.is_in_ipython()
    second.__exit__(None, None, None)
    assert beam.pipeline.is_in_ipython()
