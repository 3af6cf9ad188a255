"""Rows of the catalogue from images: each image is looked at once, and columns are made for a whole part.

The network gets batches of 64. Columns are made for the 1024 rows of a part, since most of that time is the same for
one row as for a thousand.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gztrain.data.labels import Doubles, Floats
from gztrain.predict.catalogue.columns import Column
from gztrain.predict.catalogue.fitted_file import Fitted
from gztrain.predict.catalogue.network import Network, Seen
from gztrain.predict.catalogue.picture import measure, statistics_of
from gztrain.predict.catalogue.votes import Votes, expected_votes
from gztrain.predict.crops import Crop, Cut, read_crop
from gztrain.predict.images import BATCH, Advance
from gztrain.predict.threads import in_batches, read_ahead
from gztrain.runs.folder import Run

_Part = TypeVar("_Part")
Images: TypeAlias = tuple[_Part, Sequence[str | None]]
"""A part, and its files."""
NOT_FOUND = "no image was found"


@dataclass(frozen=True, eq=False)
class Member:
    """One run, opened for predicting."""

    run: Run
    model: str
    network: Network
    fitted: Fitted

    def votes(self, seen: Seen) -> Votes:
        """Votes for images that its network has seen."""
        return expected_votes(seen, self.run.scheme, self.fitted.scalings, self.fitted.usual)


@dataclass(eq=False)
class Looked:
    """What came of the images of N galaxies.

    Attributes:
        usable: whether each has an image that can be used.
        sizes: 1 where it has another size than those of the training, 0 where it has not, -1 where that is not known.
        reasons: why it cannot be used; None where it can.
        seen: what each network says of the images that can be used, batch by batch.
        measured: their pictures, batch by batch; empty where pictures are not compared.
    """

    usable: list[bool] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)
    seen: list[list[Seen]] = field(default_factory=list)
    measured: list[Future[Floats]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class RowMaker:
    """All that making rows needs.

    Attributes:
        members: runs whose votes are averaged.
        carried: columns of the source that come along.
        cut: how the input of the networks is cut out of an image.
        columns: of the output.
        pool: threads that decode and measure images.
    """

    members: tuple[Member, ...]
    carried: tuple[str, ...]
    cut: Cut
    columns: tuple[Column, ...]
    pool: Executor

    def look(self, parts: Iterable[Images[_Part]], advance: Advance) -> Iterator[tuple[_Part, Looked]]:
        """Look at the images of all parts; the threads read the next ones meanwhile, also those of the next part.

        Args:
            parts: what is given back with what came of it, and its files; None where a galaxy has none.
            advance: told how many more galaxies are done.
        """
        begun: deque[Images[_Part]] = deque()
        looked = Looked()
        for crops in read_ahead(self.pool, partial(_read, cut=self.cut), _batches(parts, begun)):
            self._look(crops, looked)
            advance(len(crops))
            if len(looked.usable) == len(begun[0][1]):
                yield begun.popleft()[0], looked
                looked = Looked()

    def _look(self, crops: Sequence[Crop], looked: Looked) -> None:
        """Add what comes of a batch; the threads measure it while the networks look at it."""
        pixels = [crop.pixels for crop in crops if crop.pixels is not None]
        if pixels:
            stacked = np.stack(pixels)
            if self.members[0].fitted.picture is not None:
                looked.measured.append(self.pool.submit(measure, stacked))
            looked.seen.append([member.network(stacked, BATCH) for member in self.members])
        looked.usable += [crop.pixels is not None for crop in crops]
        looked.sizes += [-1 if crop.other_size is None else int(crop.other_size) for crop in crops]
        looked.reasons += [crop.reason for crop in crops]

    def table(self, ids: Sequence[str], rows: pa.Table, looked: Looked) -> pa.Table:
        """A row for each of N galaxies.

        Args:
            ids: N names.
            rows: N rows of the source.
            looked: what came of their images.
        """
        found: dict[str, Any] = {"id": ids, **{name: rows[name].combine_chunks() for name in self.carried}}
        found |= {"other_size": looked.sizes, "reason": looked.reasons}
        if looked.seen:
            seen = [_joined(looks) for looks in zip(*looked.seen, strict=True)]
            measured = [future.result() for future in looked.measured]
            found |= _spread_out(self._numbers(seen, measured), np.array(looked.usable))
        arrays = [_array(column, found.get(column.name), len(ids)) for column in self.columns]
        return pa.table(arrays, schema=pa.schema([column.field() for column in self.columns]))

    def _numbers(self, seen: Sequence[Seen], measured: Sequence[Floats]) -> dict[str, Doubles]:
        """Values of all columns that come from images, float64 [N] each; ``seen`` has one entry a member."""
        votes = [member.votes(look) for member, look in zip(self.members, seen, strict=True)]
        first = self.members[0]
        doubts = {**_doubt_columns(first.fitted, seen[0]), **_picture_columns(first.fitted, measured)}
        return {**_vote_columns(first, votes), **doubts}


def _batches(parts: Iterable[Images[_Part]], begun: deque[Images[_Part]]) -> Iterator[Sequence[str | None]]:
    """The files of all parts in batches, none with files of two parts; a part is noted when its first ones come."""
    for part in parts:
        begun.append(part)
        yield from in_batches(part[1], BATCH)


def _read(path: str | None, cut: Cut) -> Crop:
    return Crop("", None, NOT_FOUND) if path is None else read_crop(path, cut)


def _joined(looks: Sequence[Seen]) -> Seen:
    """What a network says of several batches, one below the other."""
    return Seen(
        np.concatenate([look.probabilities for look in looks]),
        _all_or_none([look.logits for look in looks]),
        _all_or_none([look.features for look in looks]),
    )


def _all_or_none(arrays: Sequence[Floats | None]) -> Floats | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if known else None


def _spread_out(numbers: Mapping[str, Doubles], usable: npt.NDArray[np.bool_]) -> dict[str, Doubles]:
    """Numbers of the images that can be used, at their places among all; NaN for the others."""
    spread = {}
    for name, values in numbers.items():
        spread[name] = np.full(len(usable), np.nan)
        spread[name][usable] = values
    return spread


def _array(column: Column, values: Any, number: int) -> pa.Array:  # noqa: ANN401 -- what a column is made of
    if values is None:
        return pa.array([""] * number) if column.kind == pa.string() else pa.nulls(number, column.kind)
    if isinstance(values, np.ndarray):
        return pa.array(values, column.kind, from_pandas=True)  # NaN becomes null
    found = values.cast(column.kind) if isinstance(values, pa.Array) else pa.array(values, column.kind)
    return found.fill_null("") if column.kind == pa.string() else found  # astropy cannot read texts that are null


def _vote_columns(first: Member, votes: Sequence[Votes]) -> dict[str, Doubles]:
    """Means over the members, and the standard deviation of the fractions."""
    scheme, found = first.run.scheme, {}
    fractions, low, high, asked = (
        np.mean([getattr(vote, key) for vote in votes], axis=0) for key in ("fractions", "low", "high", "asked")
    )
    scatter = np.std([vote.fractions for vote in votes], axis=0)
    for place, (question, block) in enumerate(zip(scheme.questions, scheme.fraction_blocks, strict=True)):
        found[f"{question.name}_asked"] = asked[:, place]
        found[f"{question.name}_expected-votes"] = asked[:, place] * first.fitted.usual
        for number, name in enumerate(question.columns, block.start):
            found[f"{name}_fraction"] = fractions[:, number]
            known = np.isfinite(fractions[:, number])
            found[f"{name}_low"], found[f"{name}_high"] = (
                np.where(known, ends[:, number], np.nan) for ends in (low, high)
            )
            found[f"{name}_spread"] = scatter[:, number]
    return found


def _doubt_columns(fitted: Fitted, seen: Seen) -> dict[str, Doubles]:
    if fitted.familiar is None or seen.features is None:
        return {}
    distances = fitted.familiar.distances(seen.features)
    return {
        "feature_distance": distances.astype(np.float64),
        "feature_distance_quantile": fitted.familiar.quantiles(distances),
    }


def _picture_columns(fitted: Fitted, measured: Sequence[Floats]) -> dict[str, Doubles]:
    if fitted.picture is None:
        return {}
    distances = fitted.picture.distances(statistics_of(measured))
    return {
        "picture_distance": distances.astype(np.float64),
        "picture_distance_quantile": fitted.picture.quantiles(distances),
    }
