"""The command line of gzprep."""

from gzprep.cli.commands import main, main_process

__all__ = ["main", "main_process"]
