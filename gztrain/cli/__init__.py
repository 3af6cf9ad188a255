"""The command line of gztrain."""

from gztrain.cli.commands import main

__all__ = ["main"]
