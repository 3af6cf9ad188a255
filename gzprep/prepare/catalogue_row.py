"""A row of the data set's own catalogue: verdict, scores, split, fold, shard, votes and labels of one galaxy."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from gzprep.catalogue.galaxy import LINED, Debiased, DefectVerdict
from gzprep.catalogue.names import EXTRAS
from gzprep.catalogue.survey import Survey
from gzprep.config import Fits, Recipe
from gzprep.dataset.shards import Bin
from gzprep.images.defects import DETECTORS
from gzprep.prepare.galaxy import Judged

_NUMBERS = ("ra", "dec")
_LINE = pa.struct([(name, pa.float32()) for name in ("x0", "y0", "x1", "y1", "width")])
_LABEL_VECTORS = ("label_report", "label_asked", "mask")
_DEBIASED_VECTORS = ("label_debiased", "mask_debiased")

_BEFORE = pa.schema(
    [
        ("id_str", pa.string()),
        ("split", pa.string()),
        ("fold", pa.int8()),
        ("shard", pa.int32()),
        ("verdict", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("inpainted", pa.list_(pa.string())),
        *((f"score_{name}", pa.float64()) for name in DETECTORS),
        *((f"line_{name}", _LINE) for name in LINED),
        ("subfolder", pa.string()),
        ("filename", pa.string()),
        ("image_digest", pa.string()),
        *((name, pa.float64() if name in _NUMBERS else pa.string()) for name in EXTRAS),
    ]
)
"""Columns of ``catalogue.parquet`` that come before those of votes and labels.

``image_digest`` has 32 hexadecimal digits that tell the bytes of one image file from those of another (blake2b of 16
bytes); null where there is no file.

A ``line_`` column has the line of the score beside it, past the threshold or not, as a ``DefectLine`` has it.
"""


MEASURED = {"arcsec": pa.float64(), "not_numbers": pa.int32(), "below_black": pa.int32()}
"""Columns of FITS images: arcsec a pixel by the WCS, null where it says none; pixels that are no numbers; and pixels
below ``images.fits.min``."""


def catalogue_schema(recipe: Recipe, *, debiased: bool = False, measures: Sequence[str] = ()) -> pa.Schema:
    """Columns of ``catalogue.parquet``; votes under the survey's names, fractions of unasked questions NaN.

    Debiased fractions, and the labels by them, are there where every catalogue of the source has them.

    Magnitudes, sizes and redshifts follow under the names that they have in the catalogues of the source.

    Where the recipe says how FITS images are stretched, or that images are scaled, what was measured comes last.
    """
    survey, images = recipe.survey, recipe.images
    votes = (*survey.fraction_names, *survey.count_columns, *survey.total_columns)
    vectors = [pa.field(name, pa.list_(pa.int8())) for name in _LABEL_VECTORS]
    measured = [pa.field(name, kind) for name, kind in MEASURED.items()]
    if debiased:
        votes = (*votes, *survey.debiased_names)
        vectors += [pa.field(name, pa.list_(pa.int8())) for name in _DEBIASED_VECTORS]
    last = [] if images.fits == Fits() and images.fit != "scale" else measured
    own = [pa.field(name, pa.float64()) for name in measures]
    return pa.schema([*_BEFORE, *(pa.field(name, pa.float64()) for name in votes), *vectors, *own, *last])


REJECT_COLUMNS = {"id": "id_str", "split": "split", "stage": "stage", "reason": "reason", "detail": "detail"}
"""Columns of ``rejects.parquet``, and where in the catalogue they come from."""


def reject_schema() -> pa.Schema:
    """Columns of ``rejects.parquet``."""
    return pa.schema([_BEFORE.field(column).with_name(name) for name, column in REJECT_COLUMNS.items()])


def catalogue_row(judged: Judged, target: Bin, survey: Survey) -> dict[str, Any]:
    """The row of one galaxy; ``verdict`` is accepted, flagged or rejected."""
    galaxy, labels = judged.galaxy, judged.labels
    return {
        "id_str": galaxy.id,
        "split": galaxy.split.value,
        "fold": target.fold,
        "shard": target.index,
        **verdict_columns(judged.verdict),
        "subfolder": galaxy.subfolder,
        "filename": galaxy.filename,
        "image_digest": judged.digest or None,
        **dict(zip(EXTRAS, galaxy.extras, strict=True)),
        **dict(zip(survey.fraction_names, labels.fractions, strict=True)),
        **dict(zip(survey.count_columns, galaxy.votes.counts, strict=True)),
        **dict(zip(survey.total_columns, galaxy.votes.totals, strict=True)),
        **dict(zip(_LABEL_VECTORS, (labels.report, labels.asked, labels.mask), strict=True)),
        **_debiased_columns(judged.labels.debiased, survey),
        **dict(galaxy.measures),
        **({} if judged.measured is None else judged.measured._asdict()),
    }


def _debiased_columns(debiased: Debiased | None, survey: Survey) -> dict[str, Any]:
    if debiased is None:
        return {}
    fractions = dict(zip(survey.debiased_names, debiased.fractions, strict=True))
    return {**fractions, **dict(zip(_DEBIASED_VECTORS, (debiased.labels, debiased.mask), strict=True))}


def verdict_columns(verdict: DefectVerdict) -> dict[str, Any]:
    """Columns that say what the detectors found and what became of the galaxy."""
    columns = {
        "flags": verdict.flags,
        "inpainted": verdict.inpainted,
        **{f"score_{name}": score for name, score in verdict.scores.items()},
        **{f"line_{name}": asdict(line) for name, line in verdict.lines.items()},
    }
    rejection = verdict.rejection
    if rejection is None:
        return {"verdict": "flagged" if verdict.flags else "accepted", **columns}
    where = {"stage": rejection.stage.value, "reason": rejection.reason.value, "detail": rejection.detail}
    return {"verdict": "rejected", **where, **columns}
