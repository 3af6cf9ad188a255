"""The command line of gztrain."""

from typing import NoReturn

from gzcore.console.process import begin

__all__ = ["main", "main_process"]


def main() -> NoReturn:
    """Run the command line; SystemExit has the exit code."""
    from gztrain.cli import commands

    commands.main()


def main_process() -> NoReturn:
    """Run the command line as a process of its own, which ends here; Ctrl-C is heard before the imports begin."""
    begin("gztrain")
    from gztrain.cli import commands

    commands.main_process()
