"""The policy ``debiased``: labels by the debiased fractions of Hart et al. 2016, from a data set's catalogue.parquet.

Records do not hold them, so that shards are the same with and without. They are found by the galaxy's id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.console import reason_of
from gzcore.dataset.layout import CATALOGUE
from gzcore.dataset.making import remake
from gzcore.errors import GzError, UsageError
from gzcore.storage.damage import DAMAGE
from gzcore.storage.places import Place, as_place, for_arrow
from gztrain.data.dataset import Dataset

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
_VECTORS = ("label_debiased", "mask_debiased")


def policies_of(dataset: Dataset) -> tuple[str, ...]:
    """The label policies that a data set has labels for."""
    known = dataset.manifest["labels"].get("policies", ("asked", "report"))
    return tuple(policy for policy in known if policy != "report" or not _joins_questions(dataset))


def _joins_questions(dataset: Dataset) -> bool:
    """Whether a folder was joined from some with other questions: labels of those that a galaxy's folder lacks are 0.

    Names of surveys do not tell it: those of own labels are named after the file of their catalogue.
    """
    inputs = dataset.manifest.get("source", {}).get("inputs") or ()
    return len({_questions(entry) for entry in inputs}) > 1


def _questions(entry: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """The suffix and the names of the questions of a folder that was joined; both are empty for Galaxy Zoo 2."""
    survey = entry.get("recipe", {}).get("survey") or {}
    return survey.get("suffix") or "", frozenset(question["name"] for question in survey.get("questions", ()))


def check_policy(dataset: Dataset, policy: str) -> None:
    """Check that a data set has labels for a policy.

    Raises:
        UsageError: it has none.
    """
    known = policies_of(dataset)
    if policy == "report" and policy not in known:
        raise UsageError(
            f"{dataset.place} was joined from folders with different questions, and --labels report, which masks "
            f"nothing, would make up answers to the questions that a folder does not have; choose {' or '.join(known)}."
        )
    if policy not in known:
        raise UsageError(
            f"{dataset.place} has no labels for --labels {policy}, since its catalogue had no debiased fractions; "
            f"choose {' or '.join(known)}, or make it again from a catalogue with columns such as "
            "smooth-or-featured-gz2_smooth_debiased."
        )


@dataclass(frozen=True, eq=False)
class DebiasedVotes:
    """Debiased fractions and labels of the galaxies of a data set; nothing is read before they are asked for.

    Attributes:
        place: the dataset folder.
        columns: of its catalogue, one a vote fraction of a record.
        width: number of labels.
        version: what tells the catalogue from one that stood in the same folder before; None in a bucket.
    """

    place: Place
    columns: tuple[str, ...]
    width: int
    version: tuple[int, int, int] | None = None

    def labels(self, ids: Sequence[str]) -> tuple[Ints, Ints]:
        """Labels and mask of B galaxies, each int64 [B, L].

        Raises:
            GzError: the catalogue cannot be read, or lacks a galaxy.
        """
        table, rows = self._rows(ids)
        return table.labels[rows].astype(np.int64), table.mask[rows].astype(np.int64)

    def fractions(self, ids: Sequence[str]) -> Floats:
        """Debiased fractions of B galaxies, float32 [B, F]; NaN where no volunteer was asked."""
        table, rows = self._rows(ids)
        return table.fractions[rows]

    def _rows(self, ids: Sequence[str]) -> tuple["_Table", list[int]]:
        table = _read(str(self.place), self.columns, self.width, self.version)
        try:
            return table, [table.row_of[galaxy] for galaxy in ids]
        except KeyError as error:
            raise GzError(
                f"Galaxy {error.args[0]!r} is not in {self.place / CATALOGUE}; gzprep verify tells more."
            ) from None


def debiased_votes(dataset: Dataset) -> DebiasedVotes:
    """The debiased fractions and labels of a data set."""
    columns = tuple(f"{column}_debiased" for question in dataset.questions for column in question.columns)
    return DebiasedVotes(dataset.place, columns, dataset.widths.labels, _version(dataset.place / CATALOGUE))


def _version(path: Place) -> tuple[int, int, int] | None:
    """Number, size and time of a file of this machine: a program may make a data set again and go on."""
    try:
        state = path.stat() if isinstance(path, Path) else None
    except OSError:
        return None
    return None if state is None else (state.st_ino, state.st_size, state.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class _Table:
    row_of: dict[str, int]
    labels: npt.NDArray[np.int8]
    mask: npt.NDArray[np.int8]
    fractions: Floats


@lru_cache(maxsize=2)
def _read(
    place: str,
    columns: tuple[str, ...],
    width: int,
    version: tuple[int, int, int] | None,  # noqa: ARG001 -- it tells tables apart
) -> _Table:
    path: Any = as_place(place) / CATALOGUE
    try:
        table = pq.read_table(for_arrow(path), columns=["id_str", *columns, *_VECTORS])
        table = table.filter(pc.is_valid(table[_VECTORS[0]]))  # of rejected galaxies nothing is known
        vectors = [np.array(table[name].to_pylist(), np.int8).reshape(len(table), width) for name in _VECTORS]
        fractions = np.stack([table[name].to_numpy() for name in columns], 1).astype(np.float32)
        ids = table["id_str"].to_pylist()
    except DAMAGE as error:
        raise GzError(
            f"{path} cannot be read for its debiased labels ({reason_of(error)}); {remake(path.parent)}."
        ) from None
    return _Table(dict(zip(ids, range(len(ids)), strict=True)), vectors[0], vectors[1], fractions)
