"""Counters of the graph: galaxies in, out, and rejected by reason. Every engine shows them under these names."""

from apache_beam.metrics import Metrics

from gzprep.prepare.bin_record import BinRecord

NAMESPACE = "gzprep"
IN, OUT, REJECTED = "galaxies-in", "galaxies-out", "rejected-{reason}"
INCONSISTENT = "inconsistent-{kind}"


def add(name: str, amount: int) -> None:
    """Add to a counter."""
    Metrics.counter(NAMESPACE, name).inc(amount)


def count_bin(record: BinRecord) -> None:
    """Count the galaxies of a finished bin."""
    add(IN, record.galaxies)
    add(OUT, record.accepted)
    for reason, amount in record.rejected.items():
        add(REJECTED.format(reason=reason), amount)
    for kind, amount in record.inconsistent.items():
        add(INCONSISTENT.format(kind=kind), amount)
