"""Errors that a user can cause. Each is one sentence or two: what came, what was expected, what to do."""


class GzError(Exception):
    """Something in the input or around the run is wrong; the command ends with exit code 1."""

    exit_code = 1


class UsageError(GzError):
    """The command line or the recipe asks for something that does not exist; exit code 2."""

    exit_code = 2


class Stopped(GzError):
    """The user pressed Ctrl-C; exit code 130."""

    exit_code = 130
