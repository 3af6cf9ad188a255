"""``gztrain predict --catalogue``: a row a galaxy of the catalogue, in its order.

Rows are made in parts of 1024, each a file in a hidden folder beside the output, which appears whole. A command that
was killed goes on with the parts that are missing. At the end the parts become one file, and the folder goes.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.errors import GzError, UsageError
from gzcore.machine import cores
from gzcore.storage.atomic import appearing, sweep, writing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.locks import locked
from gzcore.storage.places import Place
from gztrain import __version__
from gztrain.data.labels import Doubles
from gztrain.predict.catalogue.columns import Column, columns_of
from gztrain.predict.catalogue.fitted import fitted_of
from gztrain.predict.catalogue.fitted_file import NAME, Fitted
from gztrain.predict.catalogue.formats import check_format, convert, schema_of
from gztrain.predict.catalogue.network import Network, Seen
from gztrain.predict.catalogue.source import Source, find_images, ids_of, open_source
from gztrain.predict.catalogue.votes import Votes, expected_votes
from gztrain.predict.crops import Crop, Cut, read_crop
from gztrain.predict.images import BATCH, ROW_GROUP, Scale, cut_of
from gztrain.runs.folder import Json, Run, open_run

_FORMAT = 3
_IDENTITY = b"gztrain.part"
_NAMED = 3
"""Galaxies without an image are counted; so many are named."""
NOT_FOUND = "no image was found"


@dataclass(frozen=True)
class CatalogueRequest:
    """What the user asked for.

    Attributes:
        runs: run folders; the votes of several are averaged.
        catalogue: the catalogue that is read.
        images: folder of the images.
        out: file to write; its ending says the format.
        keep: columns of the catalogue that are carried.
        data: the dataset folder of the run, if it has moved.
        resize: bring images of another size than those of the training to that size.
    """

    runs: tuple[Path, ...]
    catalogue: Path
    images: Path
    out: Path
    keep: tuple[str, ...] = ()
    data: Place | None = None
    resize: bool = False


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


@dataclass
class Counts:
    """What came of the rows."""

    galaxies: int = 0
    predicted: int = 0
    not_found: int = 0
    unusable: int = 0
    other_size: int = 0
    from_before: int = 0
    missing: list[str] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        """Count the rows of a part."""
        reasons, ids = rows["reason"].to_pylist(), rows["id"].to_pylist()
        lost = [name for name, reason in zip(ids, reasons, strict=True) if reason == NOT_FOUND]
        known = sum(not reason for reason in reasons)
        self.galaxies += len(rows)
        self.predicted += known
        self.not_found += len(lost)
        self.unusable += len(rows) - known - len(lost)
        self.other_size += sum(value == 1 for value in rows["other_size"].to_pylist())
        self.missing += lost[: _NAMED - len(self.missing)]


@dataclass(frozen=True, eq=False)
class _Work:
    """All that making a part needs."""

    request: CatalogueRequest
    source: Source
    members: tuple[Member, ...]
    cut: Cut
    columns: tuple[Column, ...]
    told: dict[str, str]
    pool: Executor

    @property
    def folder(self) -> Path:
        """Where parts wait."""
        return self.request.out.with_name(f".{self.request.out.name}.parts")


Advance = Callable[[int], Any]


def make_catalogue(request: CatalogueRequest, advance: Advance = lambda _: None) -> Json:
    """Predict the galaxies of a catalogue, and write a row for each, in the order of the catalogue.

    Args:
        request: what to do.
        advance: told how many more galaxies are done.

    Returns:
        Counts: ``galaxies``, ``predicted``, ``not_found``, ``unusable``, ``other_size``, ``from_before``; ``missing``,
        ids of the first galaxies without an image; ``told``, what the file says about itself.

    Raises:
        UsageError: something that was asked for does not fit.
        GzError: something cannot be read or written.
    """
    check_format(request.out)
    _check_places(request)
    source = open_source(request.catalogue, request.keep)
    members = tuple(map(partial(_open_member, data=request.data), request.runs))
    _check_alike(members)
    doubt = members[0].fitted.familiar is not None
    columns = columns_of(source, members[0].run.scheme, doubt=doubt, members=len(members))
    with ThreadPoolExecutor(cores()) as pool:
        cut = cut_of(members[0].run, resize=request.resize)
        work = _Work(request, source, members, cut, columns, _told(request, members), pool)
        return _make(work, advance)


def _make(work: _Work, advance: Advance) -> Json:
    counts, out = Counts(), work.request.out
    sweep(out.parent, out.name)
    with locked(out.parent, work.folder.name, "name another file", made=out), writing(out.parent):
        sweep(work.folder)
        parts = [_part(work, number, rows, counts, advance) for number, rows in _numbered(work.source)]
        whole = work.folder / "whole.parquet"
        with appearing(whole) as file, pq.ParquetWriter(file, schema_of(work.columns, work.told)) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part).replace_schema_metadata(writer.schema.metadata))
        convert(whole, out, work.columns, work.told)
        shutil.rmtree(work.folder, ignore_errors=True)
    return {**vars(counts), "told": work.told}


def _numbered(source: Source) -> Iterator[tuple[int, pa.Table]]:
    number = -1
    for number, rows in enumerate(source.parts(ROW_GROUP)):
        yield number, rows
    if number < 0:
        raise GzError(f"{source.path} has no rows.")


def _part(work: _Work, number: int, rows: pa.Table, counts: Counts, advance: Advance) -> Path:
    """Make the rows of a part, unless they are there already."""
    path = work.folder / f"part-{number:06d}.parquet"
    ids = ids_of(rows, work.source)
    images = find_images(rows, ids, work.request.images)
    identity = _identity(work, rows, images)
    made = _finished(path, identity)
    if made is None:
        batches = list(_predicted(work, ids, rows, images, advance))
        made = pa.Table.from_batches(batches).replace_schema_metadata({_IDENTITY: identity})
        with appearing(path) as file:
            pq.write_table(made, file)
    else:
        counts.from_before += len(made)
        advance(len(made))
    counts.add(made)
    return path


def _identity(work: _Work, rows: pa.Table, images: Sequence[Path | None]) -> str:
    """Hash of all that decides the rows of a part; of an image its name, size and time stand for its bytes."""
    said = json.dumps([_FORMAT, work.told, work.request.resize, [column.name for column in work.columns]])
    digest = hashlib.blake2b(said.encode(), digest_size=32)
    digest.update(repr(rows.to_pydict()).encode(errors="surrogateescape"))
    for path in images:
        state = None if path is None else path.stat()
        digest.update(repr(state and (str(path), state.st_size, state.st_mtime_ns)).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _finished(path: Path, identity: str) -> pa.Table | None:
    """The rows of a part that is there and made of the same; else None."""
    try:
        table = pq.read_table(path)
    except DAMAGE:
        return None
    return table if (table.schema.metadata or {}).get(_IDENTITY) == identity.encode() else None


def _predicted(
    work: _Work, ids: Sequence[str], rows: pa.Table, images: Sequence[Path | None], advance: Advance
) -> Iterator[pa.RecordBatch]:
    """Yield rows in batches; the images of the next batch are decoded meanwhile."""
    read = partial(_read, cut=work.cut)
    coming = work.pool.map(read, images[:BATCH])
    for start in range(0, len(images), BATCH):
        crops = list(coming)
        here = slice(start, start + BATCH)
        coming = work.pool.map(read, images[here.stop : here.stop + BATCH])
        yield _rows(work, ids[here], rows.slice(start, BATCH), crops)
        advance(len(crops))


def _read(path: Path | None, cut: Cut) -> Crop:
    return Crop(Path(), None, NOT_FOUND) if path is None else read_crop(path, cut)


def _rows(work: _Work, ids: Sequence[str], rows: pa.Table, crops: Sequence[Crop]) -> pa.RecordBatch:
    usable = np.array([crop.pixels is not None for crop in crops])
    found: dict[str, Any] = {"id": ids, **{name: rows[name].combine_chunks() for name in work.source.carried}}
    found["other_size"] = [-1 if crop.other_size is None else int(crop.other_size) for crop in crops]
    found["reason"] = [crop.reason for crop in crops]
    if usable.any():
        found |= _spread_out(
            _numbers(work, np.stack([crop.pixels for crop in crops if crop.pixels is not None])), usable
        )
    arrays = [_array(column, found.get(column.name), len(ids)) for column in work.columns]
    return pa.record_batch(arrays, schema=pa.schema([column.field() for column in work.columns]))


def _spread_out(numbers: dict[str, Doubles], usable: Any) -> dict[str, Doubles]:  # noqa: ANN401 -- an array of bool
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


def _numbers(work: _Work, pixels: Any) -> dict[str, Doubles]:  # noqa: ANN401 -- uint8 [N, crop, crop, 3]
    """Values of all columns that come from the network, float64 [N] each."""
    seen = [member.network(pixels, BATCH) for member in work.members]
    votes = [member.votes(look) for member, look in zip(work.members, seen, strict=True)]
    first = work.members[0]
    return {**_vote_columns(first, votes), **_doubt_columns(first.fitted, seen[0])}


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


# ------------------------------------------------------------ before it begins


def _check_places(request: CatalogueRequest) -> None:
    if not request.images.is_dir():
        raise UsageError(f"--images {request.images}: there is no such folder.")
    if request.out.resolve() == request.catalogue.resolve():
        raise UsageError(f"--out {request.out} is the catalogue itself; choose another name.")
    if request.out.is_dir():
        raise UsageError(f"--out {request.out} is a folder; name a file.")
    if not request.out.parent.is_dir():
        raise UsageError(f"There is no folder {request.out.parent} to write into.")


def _open_member(folder: Path, data: Place | None) -> Member:
    run = open_run(folder)
    network = Network(run.model())
    with run.folder.model.open("rb") as file:
        model = hashlib.file_digest(file, "sha256").hexdigest()
    return Member(run, model, network, fitted_of(run, model, network, data))


def _check_alike(members: Sequence[Member]) -> None:
    first = members[0].run
    for member in members[1:]:
        if member.run.scheme != first.scheme or member.run.crop != first.crop:
            raise UsageError(
                f"{member.run.folder.root} and {first.folder.root} answer other questions or see images of another "
                "size, so their votes cannot be averaged."
            )


def _told(request: CatalogueRequest, members: Sequence[Member]) -> dict[str, str]:
    """What the file says about itself; words of at most eight capitals, as FITS wants them."""
    run, fitted = members[0].run, members[0].fitted
    with request.catalogue.open("rb") as file:
        catalogue = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "CREATOR": f"gztrain {__version__}",
        "NETWORK": run.config.model.name,
        "LOSS": run.config.loss.name,
        "SCHEME": run.scheme.name,
        "MODEL": ", ".join(member.model for member in members),
        "FITTED": ", ".join(_hash_of(member.run.folder.root / NAME) for member in members),
        "DATAHASH": run.data.data_hash or "not known",
        "RECIPE": run.data.recipe_hash,
        "CATALOG": request.catalogue.name,
        "CATHASH": catalogue,
        "LEVEL": f"{fitted.told['level']:.0%}".replace("%", " %"),
        "METHOD": fitted.told["method"],
        "USUALVOT": f"{fitted.usual:g}",
        "COVERAGE": coverage_sentence(fitted.told),
    }


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def coverage_sentence(told: Json) -> str:
    """How many votes of the test split the intervals held, in words."""
    level, coverage = f"{100 * told['level']:.0f} % intervals", told["coverage"]
    if coverage is None or coverage["held"] is None:
        return f"{level} were not checked: the data set has no test galaxies with known votes."
    return (
        f"{level} held {100 * coverage['held']:.1f} % of {coverage['votes']} vote fractions of {coverage['galaxies']} "
        "test galaxies."
    )


def notes(counts: Json, images: str, scale: Scale = "tell") -> Iterator[str]:
    """Sentences for the user: what could not be classified, and why; how far the intervals can be trusted."""
    if counts["from_before"]:
        yield f"{counts['from_before']} of them had been made before this command was interrupted."
    if counts["not_found"]:
        yield (
            f"{counts['not_found']} have no image below {images} (such as {', '.join(counts['missing'])}): files are "
            "looked for by the columns file_loc, path or filename, then by the id, with .jpg, .jpeg or .png."
        )
    if counts["unusable"]:
        yield f"{counts['unusable']} have an image that cannot be used; the column `reason` says why."
    if counts["other_size"] and scale != "assume":
        yield (
            f"{counts['other_size']} images have another size than those of the training; see the column `other_size`, "
            "and --resize."
        )
    yield counts["told"]["COVERAGE"]
