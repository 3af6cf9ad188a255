"""The record as bytes: what all views of a galaxy share, serialised once."""

from gzcore.dataset.example import bytes_entry, float_entry, int_entry
from gzprep.catalogue.galaxy import Labels


def galaxy_entries(galaxy_id: str, fold: int, labels: Labels) -> bytes:
    """Map entries that all views of a galaxy share."""
    return b"".join(
        (
            bytes_entry("id", galaxy_id.encode()),
            int_entry("fold", (fold,)),
            float_entry("fraction", labels.fractions),
            float_entry("votes", labels.votes),
            int_entry("label_report", labels.report),
            int_entry("label_asked", labels.asked),
            int_entry("mask", labels.mask),
        )
    )
