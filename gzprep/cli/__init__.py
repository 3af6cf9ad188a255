"""The command line of gzprep."""

from gzprep.cli.commands import main

__all__ = ["main"]
