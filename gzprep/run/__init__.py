"""A run: launched, watched, estimated, sent to an engine. ``gzprep.run(...)`` calls :func:`gzprep.run.python.run`."""

from gzcore.console.call import callable_module
from gzprep.run.python import run

callable_module(__name__, run)
