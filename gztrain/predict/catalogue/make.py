"""``gztrain predict --catalogue``: a row a galaxy of the catalogue, in its order.

Rows are made in parts of 1024, each a file in a hidden folder beside the output, which appears whole. A command that
was killed goes on with the parts that are missing. At the end the parts become one file, and the folder goes.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gzcore.errors import GzError, UsageError
from gzcore.storage.ahead import one_ahead
from gzcore.storage.atomic import appearing, sweep, writing
from gzcore.storage.damage import DAMAGE
from gzcore.storage.locks import locked
from gzcore.storage.places import Place
from gztrain import __version__
from gztrain.predict.catalogue.columns import Column, columns_of
from gztrain.predict.catalogue.fitted import fitted_of
from gztrain.predict.catalogue.fitted_file import NAME
from gztrain.predict.catalogue.formats import check_format, convert, schema_of
from gztrain.predict.catalogue.network import Network
from gztrain.predict.catalogue.rows import NOT_FOUND, Images, Looked, Member, RowMaker
from gztrain.predict.catalogue.source import ImageFile, Source, find_images, ids_of, open_source
from gztrain.predict.images import ROW_GROUP, Advance, Scale, count_true, cut_of
from gztrain.predict.threads import reading_threads
from gztrain.runs.folder import Json, open_run

_FORMAT = 5
_IDENTITY = b"gztrain.part"
_NAMED = 3
"""Galaxies without an image are counted; so many are named."""


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
        lost = rows.filter(pc.equal(rows["reason"], NOT_FOUND))
        known = count_true(pc.equal(rows["reason"], ""))
        self.galaxies += len(rows)
        self.predicted += known
        self.not_found += len(lost)
        self.unusable += len(rows) - known - len(lost)
        self.other_size += count_true(pc.equal(rows["other_size"], 1))
        self.missing += lost["id"][: _NAMED - len(self.missing)].to_pylist()


@dataclass(frozen=True, eq=False)
class _Work:
    """All that making the catalogue needs."""

    request: CatalogueRequest
    source: Source
    maker: RowMaker
    told: dict[str, str]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the output."""
        return self.maker.columns

    @property
    def folder(self) -> Path:
        """Where parts wait."""
        return part_file(self.request.out, 0).parent


def part_file(out: Path, number: int) -> Path:
    """Where a part of a catalogue waits until all are there."""
    return out.with_name(f".{out.name}.parts") / f"part-{number:06d}.arrow"


def make_catalogue(request: CatalogueRequest, advance: Advance = lambda _: None) -> Json:
    """Predict the galaxies of a catalogue, and write a row for each, in the order of the catalogue.

    Args:
        request: what to do.
        advance: told how many more galaxies are done.

    Returns:
        Counts: ``galaxies``, ``predicted``, ``not_found``, ``unusable``, ``other_size``, ``from_before``; ``missing``,
        ids of the first galaxies without an image; ``told``, what the file says about itself; ``older``, the file of
        the run that an older version wrote, so that pictures are not compared, or None.

    Raises:
        UsageError: something that was asked for does not fit.
        GzError: something cannot be read or written.
    """
    check_format(request.out)
    _check_places(request)
    source = open_source(request.catalogue, request.keep)
    with reading_threads() as pool:
        members = tuple(map(partial(_open_member, data=request.data), request.runs))
        _check_alike(members)
        doubt = members[0].fitted.familiar is not None
        picture = members[0].fitted.picture is not None
        columns = columns_of(source, members[0].run.scheme, doubt=doubt, picture=picture, members=len(members))
        cut = cut_of(members[0].run, resize=request.resize)
        maker = RowMaker(members, source.carried, cut, columns, pool)
        return _make(_Work(request, source, maker, _told(request, members)), advance)


def _make(work: _Work, advance: Advance) -> Json:
    counts, out = Counts(), work.request.out
    sweep(out.parent, out.name)
    with locked(out.parent, work.folder.name, "name another file", made=out), writing(out.parent):
        sweep(work.folder)
        parts = list(_parts(work, counts, advance))
        whole = work.folder / "whole.parquet"
        _join(parts, whole, schema_of(work.columns, work.told))
        convert(whole, out, work.columns, work.told)
        shutil.rmtree(work.folder, ignore_errors=True)
    return {**vars(counts), "told": work.told, "older": _older(work.maker.members[0])}


def _join(parts: Sequence[Path], whole: Path, schema: pa.Schema) -> None:
    """Write all parts to one parquet file; dictionaries of numbers would take a third more time, and room."""
    texts = [column.name for column in schema if column.type == pa.string()]
    with appearing(whole) as file, pq.ParquetWriter(file, schema, use_dictionary=texts) as writer:
        for part in parts:
            writer.write_table(_read_part(part).replace_schema_metadata(schema.metadata))


def _older(member: Member) -> str | None:
    """The file of an older version, which says nothing of pictures; else None."""
    return None if "pictures" in member.fitted.told else str(member.run.folder.root / NAME)


def _numbered(source: Source) -> Iterator[tuple[int, pa.Table]]:
    number = -1
    for number, rows in enumerate(source.parts(ROW_GROUP)):
        yield number, rows
    if number < 0:
        raise GzError(f"{source.path} has no rows.")


def _parts(work: _Work, counts: Counts, advance: Advance) -> Iterator[Path]:
    """Make all parts, and yield their files; the rows of one are worked out while the next is looked at."""
    before: Future[pa.Table] | None = None
    coming = one_ahead(map(partial(_opened, work), _numbered(work.source)))
    with ThreadPoolExecutor(1) as writer:
        for part, looked in work.maker.look(coming, advance):
            if part.made is not None:
                counts.from_before += len(part.made)
                advance(len(part.made))
            if before is not None:
                counts.add(before.result())
            before = writer.submit(_finish, work.maker, part, looked)
            yield part.path
        if before is not None:
            counts.add(before.result())


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of the catalogue.

    Attributes:
        path: the file for what is made of them.
        ids: names of the galaxies.
        rows: of the catalogue.
        identity: hash of all that decides what is made.
        made: what was made of them before this command, if the file is there.
    """

    path: Path
    ids: list[str]
    rows: pa.Table
    identity: str
    made: pa.Table | None


def _opened(work: _Work, numbered: tuple[int, pa.Table]) -> Images[_Part]:
    """A part, and its images; none where all is made already."""
    number, rows = numbered
    path, ids = part_file(work.request.out, number), ids_of(rows, work.source)
    images = find_images(rows, ids, work.request.images)
    identity = _identity(work, rows, images)
    part = _Part(path, ids, rows, identity, _finished(path, identity))
    return part, [image and image.path for image in images] if part.made is None else []


def _finish(maker: RowMaker, part: _Part, looked: Looked) -> pa.Table:
    """Make and write the rows of a part, unless they are there."""
    if part.made is not None:
        return part.made
    table = maker.table(part.ids, part.rows, looked).replace_schema_metadata({_IDENTITY: part.identity})
    with appearing(part.path) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return table


def _identity(work: _Work, rows: pa.Table, images: Sequence[ImageFile | None]) -> str:
    """Hash of all that decides the rows of a part; of an image its name, size and time stand for its bytes."""
    said = json.dumps([_FORMAT, work.told, work.request.resize, [column.name for column in work.columns]])
    digest = hashlib.blake2b(said.encode(), digest_size=32)
    digest.update(repr(rows.to_pydict()).encode(errors="surrogateescape"))
    states = [image and tuple(image) for image in images]
    digest.update(repr(states).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _finished(path: Path, identity: str) -> pa.Table | None:
    """The rows of a part that is there and made of the same; else None."""
    try:
        table = _read_part(path)
    except DAMAGE:
        return None
    return table if (table.schema.metadata or {}).get(_IDENTITY) == identity.encode() else None


def _read_part(path: Path) -> pa.Table:
    """The rows of a part, and its identity, in Arrow's own format: parquet takes six to ten times as long."""
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


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
    first = members[0].fitted

    def of_all(told: Callable[[Member], str]) -> str:
        return ", ".join(dict.fromkeys(map(told, members)))

    with request.catalogue.open("rb") as file:
        catalogue = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "CREATOR": f"gztrain {__version__}",
        "NETWORK": of_all(lambda member: member.run.config.model.name),
        "LOSS": of_all(lambda member: member.run.config.loss.name),
        "SCHEME": members[0].run.scheme.name,
        "MODEL": ", ".join(member.model for member in members),
        "FITTED": ", ".join(_hash_of(member.run.folder.root / NAME) for member in members),
        "DATAHASH": of_all(lambda member: member.run.data.data_hash or "not known"),
        "RECIPE": of_all(lambda member: member.run.data.recipe_hash),
        "CATALOG": request.catalogue.name,
        "CATHASH": catalogue,
        "LEVEL": f"{first.told['level']:.0%}".replace("%", " %"),
        "METHOD": of_all(lambda member: str(member.fitted.told["method"])),
        "USUALVOT": usual_votes([member.fitted.usual for member in members]),
        "COVERAGE": coverage_of([member.fitted.told for member in members]),
    }


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def usual_votes(of_models: Sequence[float]) -> str:
    """How many votes a question usually has in the data set of the first model, which expected votes rest on."""
    told = f"{of_models[0]:g}" if math.isfinite(of_models[0]) else "not known"
    return told if len(of_models) == 1 else f"{told} (of the first of the {len(of_models)} models)"


def coverage_of(told: Sequence[Json]) -> str:
    """What is known of the intervals in words; those of several models are means, which were not checked."""
    each = [coverage_sentence(one) for one in told]
    if len(each) == 1:
        return each[0]
    own = " ".join(f"Model {number}: {sentence}" for number, sentence in enumerate(each, 1))
    return f"Intervals are means of those of {len(each)} models; the means were not checked. {own}"


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
    if counts["older"]:
        yield (
            f"There is no column `picture_distance`, because an older version wrote {counts['older']}. Remove that "
            "file to have it learned again from the data set of the run."
        )
    yield counts["told"]["COVERAGE"]
