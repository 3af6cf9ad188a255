"""From a runner's name to a runner. Names, and why some are refused, are in :mod:`gzprep.runners`."""

from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from gzprep.runners import DIRECT


def make_runner(name: str) -> PipelineRunner:
    """Make a runner.

    Beam's own ``DirectRunner`` is a switch that first tries to download a Go binary; ours is always FnApiRunner.
    """
    if name == DIRECT:
        return FnApiRunner()
    return create_runner(name)
