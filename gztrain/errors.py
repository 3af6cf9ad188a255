"""Errors a user can cause. Each is one sentence or two: what came, what was expected, what to do.

gzprep has its own: the dataset folder is the only bridge between the two packages.
"""


class GztrainError(Exception):
    """Something in the data set, the run folder or around them is wrong; the command ends with exit code 1."""

    exit_code = 1


class UsageError(GztrainError):
    """The command line or the recipe asks for something that does not exist; exit code 2."""

    exit_code = 2


class Stopped(GztrainError):
    """The user pressed Ctrl-C; exit code 130."""

    exit_code = 130
