"""Counters of the graph: galaxies in, out, and rejected by reason. Every engine shows them under these names."""

from apache_beam.metrics import Metrics

from gzprep.records import Rejection

NAMESPACE = "gzprep"
IN, OUT, REJECTED = "galaxies-in", "galaxies-out", "rejected-{reason}"


def increment(name: str) -> None:
    """Add one to a counter."""
    Metrics.counter(NAMESPACE, name).inc()


def count_galaxy(rejection: Rejection | None) -> None:
    """Count one judged galaxy."""
    increment(IN)
    increment(OUT if rejection is None else REJECTED.format(reason=rejection.reason))
