"""Magnitudes, sizes and redshifts of galaxies: columns of a catalogue that are carried through beside the votes.

They are known by their names, in capital or small letters, and keep them. No record has them and no hash of a data set
counts them. The names are those of these tables:

- SkyServer of the Sloan Digital Sky Survey, ``PhotoObj``: ``petroMag_r``, ``petroR90_r``, ``modelMag_g``, ``dered_r``;
- Galaxy Zoo 2, table of metadata: ``PETROMAG_R``, ``PETROMAG_MR``, ``PETROR50_R``, ``REDSHIFT``;
- Galaxy Zoo DECaLS and DESI: ``elpetro_absmag_r``, ``petro_th50``, ``est_petro_th50_kpc``, ``mag_r_desi``, ``photo_z``;
- SExtractor: ``MAG_AUTO``, ``FLUX_RADIUS``, ``KRON_RADIUS``.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from gzprep.catalogue.columns import is_simple, numbers

_BAND = r"(?:[ugrizyjhk]|f\d{3,4}w)"
_RADIUS = r"(?:rad|radius|r50|r90|th50|th90|theta)"
_PATTERNS = {
    "magnitude": (
        rf"(?:petro|c?model|psf|fiber|exp|dev|kron|elpetro)?_?(?:abs)?_?mag(?:nitude)?(?:_auto)?(?:_m?{_BAND})?(?:_desi)?",
        rf"{_BAND}_?mag|dered_{_BAND}",
    ),
    "size": (
        rf"(?:est_)?(?:petro|exp|dev|kron|sersic|effective|half_light|flux)_?{_RADIUS}(?:_{_BAND})?(?:_kpc|_arcsec)?",
        r"shape_r|r_?eff|r_?e",
    ),
    "redshift": (
        r"redshift(?:_(?:spec|photo?|best|nsa))?",
        r"(?:spec|photo?)_?z|z_?(?:spec|photo?|best)",
    ),
}
"""Kind of a quantity to regular expressions of the names that it has. ``z`` alone may be a magnitude or a redshift."""
KINDS = tuple(_PATTERNS)
_KNOWN = {kind: re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS[kind]), re.IGNORECASE) for kind in KINDS}

Measures = tuple[tuple[str, float | None], ...]
"""Names and values of one galaxy; None where the table has no number."""


def measure_kind(name: str) -> str | None:
    """``magnitude``, ``size`` or ``redshift``, as the name of a column tells; None for any other column."""
    return next((kind for kind, pattern in _KNOWN.items() if pattern.fullmatch(name)), None)


def measures_in(schema: pa.Schema, known: Collection[str]) -> list[str]:
    """The columns of a file that are carried through: one number a row, and there once.

    Args:
        schema: of the file.
        known: columns that are read as something else, such as a user's own labels.
    """
    counts = Counter(schema.names)
    fit = (column.name for column in schema if counts[column.name] == 1 and is_simple(column.type))
    return [name for name in fit if measure_kind(name) and name not in known]


def measures_of(table: pa.Table | pa.RecordBatch, names: Sequence[str], *, comma: bool) -> list[Measures]:
    """Values of N rows, N tuples. What is no finite number becomes None: it costs no galaxy.

    Args:
        table: some rows.
        names: of the columns.
        comma: numbers of text are written with a decimal comma.
    """
    if not names:
        return [()] * table.num_rows
    columns = [numbers(table[name], comma=comma)[0] for name in names]
    values = np.stack(columns, 1).tolist()
    finite = np.isfinite(np.stack(columns, 1)).tolist()
    return [
        tuple((name, value if good else None) for name, value, good in zip(names, row, goods, strict=True))
        for row, goods in zip(values, finite, strict=True)
    ]
