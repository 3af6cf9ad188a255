"""The engines a run can be sent to, without importing Beam."""

from gzprep.errors import UsageError

DIRECT = "DirectRunner"
KNOWN = (DIRECT, "PortableRunner", "PrismRunner", "FlinkRunner", "DataflowRunner")
_REFUSED = {
    "DaskRunner": "Beam's DaskRunner reports success while it drops branches of a graph",
    "InteractiveRunner": "it keeps every intermediate result in memory",
}


def check_runner(name: str) -> str:
    """Return the name of a runner that can be used.

    Raises:
        UsageError: there is no such runner, or it cannot be trusted.
    """
    if name in _REFUSED:
        raise UsageError(f"--runner {name} is refused: {_REFUSED[name]}. Choose one of {', '.join(KNOWN)}.")
    if name not in KNOWN:
        raise UsageError(f"There is no runner {name!r}; choose one of {', '.join(KNOWN)}.")
    return name
