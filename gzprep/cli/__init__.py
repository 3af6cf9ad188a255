"""The command line of gzprep. Nothing is imported here, so that Ctrl-C is heard from the first moment."""

import sys

__all__ = ["main", "main_process"]


def main() -> None:
    """Run the command line; SystemExit has the exit code."""
    from gzprep.cli import commands

    commands.main()


def main_process() -> None:
    """Run the command line as a process of its own, which ends here."""
    try:
        from gzcore.console.process import begin

        begin("gzprep")
    except KeyboardInterrupt:
        sys.stderr.write("gzprep: Stopped.\n")
        raise SystemExit(130) from None
    from gzprep.cli import commands

    commands.main_process()
