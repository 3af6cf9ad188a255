"""The command line of gztrain."""

from gztrain.cli.commands import main, main_process

__all__ = ["main", "main_process"]
