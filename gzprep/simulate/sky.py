"""Writes the sample sky: images first, then the truth and the two catalogues. Each table appears only when complete."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gzcore.errors import GzError, system_sentence
from gzcore.storage.atomic import sweep, write_bytes
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import gz2
from gzprep.dataset.source import SIMULATED, write_marker
from gzprep.simulate import SimulatedSky
from gzprep.simulate.any_survey import draw_votes, row_of
from gzprep.simulate.blemishes import Blemish, plan
from gzprep.simulate.identity import Identity, identify
from gzprep.simulate.population import draw
from gzprep.simulate.render import add_noise, develop, encode, expose
from gzprep.simulate.spoil import spoil_bytes, spoil_flux, spoil_frame
from gzprep.simulate.truth import GalaxyTruth, generator
from gzprep.simulate.volunteers import Votes, chances_of, classify, summary

Row = dict[str, Any]

UNFINISHED = ".unfinished"
"""A file that says which sky is being written; it is removed when the sky is complete."""
TRAIN, TEST, TRUTH = "gz2_train_catalog.parquet", "gz2_test_catalog.parquet", "truth.parquet"


@dataclass(frozen=True)
class SimulatedGalaxy:
    """All facts about a simulated galaxy: its identity, its truth, the defect of its image, and its votes."""

    index: int
    identity: Identity
    truth: GalaxyTruth
    blemish: Blemish | None
    votes: Votes


def draw_galaxy(seed: int, index: int) -> SimulatedGalaxy:
    """Draw galaxy `index` of the sky `seed`: everything except its pixels."""
    truth = draw(seed, index)
    return SimulatedGalaxy(index, identify(seed, index), truth, plan(seed, index), classify(truth, seed, index))


def picture(galaxy: SimulatedGalaxy, seed: int) -> bytes | None:
    """The bytes of a galaxy's image file, with its defect; None if the defect is a missing file."""
    rng = generator("light", seed, galaxy.index)
    blemish = galaxy.blemish
    flux = expose(galaxy.truth, rng)
    if blemish is None:
        return encode(develop(add_noise(flux, rng)))
    if blemish.kind == "missing_file":
        return None
    spoil_flux(flux, blemish, rng)
    frame = spoil_frame(develop(add_noise(flux, rng)), blemish)
    return spoil_bytes(encode(frame), blemish, rng)


def write(
    directory: Path, galaxies: int, seed: int, on_galaxy: Callable[[], None] | None, survey: Survey | None = None
) -> SimulatedSky:
    """Write the sky into `directory`; see :func:`gzprep.simulate.simulate`."""
    other = None if survey is None or survey == gz2() else survey
    simulated, size = [], 0
    try:
        _claim(directory, f"{galaxies} galaxies of seed {seed}{f' of {other}' if other else ''}\n")
        for index in range(galaxies):
            simulated.append(draw_galaxy(seed, index))
            size += _write_picture(directory, simulated[-1], seed, flat=other is not None)
            if on_galaxy is not None:
                on_galaxy()
        write_marker(directory, SIMULATED, seed=seed, galaxies=galaxies)
        _write_tables(directory, simulated, seed, other)
        (directory / UNFINISHED).unlink()
    except OSError as error:
        plain = f"The sample sky cannot be written to {directory}: {error.strerror or error}."
        raise GzError(system_sentence(error, directory) or plain) from error
    splits = Counter(galaxy.identity.split for galaxy in simulated)
    planted = Counter(galaxy.blemish.kind for galaxy in simulated if galaxy.blemish)
    return SimulatedSky(directory, galaxies, splits["train"], splits["test"], dict(planted), size)


def _claim(directory: Path, sky: str) -> None:
    """Begin a sky in an empty folder, or begin again the same one, if a command that was stopped has left it."""
    note = directory / UNFINISHED
    if directory.is_dir():
        sweep(directory)
    goes_on = note.is_file() and note.read_text(encoding="utf-8") == sky
    if not goes_on and directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise GzError(f"{directory} is not an empty folder; name a new one, or remove what an unfinished run left.")
    write_bytes(note, sky.encode())


def _write_picture(directory: Path, galaxy: SimulatedGalaxy, seed: int, *, flat: bool) -> int:
    """Write one image, perhaps without a subfolder; returns its size in bytes, 0 for a missing one."""
    folder = directory / "images" / ("" if flat else galaxy.identity.subfolder)
    folder.mkdir(parents=True, exist_ok=True)
    encoded = picture(galaxy, seed)
    return 0 if encoded is None else (folder / galaxy.identity.filename).write_bytes(encoded)


def _write_tables(directory: Path, simulated: list[SimulatedGalaxy], seed: int, other: Survey | None) -> None:
    """Write the truth first and the train catalogue last: a folder that has the train catalogue is complete."""
    _write_table(directory / TRUTH, TRUTH_SCHEMA, map(truth_row, simulated))
    for name, split in ((TEST, "test"), (TRAIN, "train")):
        chosen = [galaxy for galaxy in simulated if galaxy.identity.split == split]
        if other is None:
            _write_table(directory / name, CATALOGUE_SCHEMA, map(catalogue_row, chosen))
        elif chosen:
            path = directory / name.replace("gz2", other.name, 1)
            _write_table(path, None, (_row_of_survey(galaxy, other, seed) for galaxy in chosen))


def _row_of_survey(galaxy: SimulatedGalaxy, survey: Survey, seed: int) -> Row:
    votes = draw_votes(survey, seed, galaxy.index, chances_of(galaxy.truth))
    return {**row_of(survey, galaxy.identity.id_str, votes), "ra": galaxy.identity.ra, "dec": galaxy.identity.dec}


def _write_table(path: Path, schema: pa.Schema | None, rows: Iterable[Row]) -> None:
    beside = path.with_name(f".{path.name}.part")
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), beside)
    beside.replace(path)


def catalogue_row(galaxy: SimulatedGalaxy) -> Row:
    """The row of a galaxy in a catalogue. A fraction of no votes is 0/0, so it is NaN, as in galaxy-datasets."""
    identity = galaxy.identity
    row: Row = {"id_str": identity.id_str, "iauname": identity.iauname, "ra": identity.ra, "dec": identity.dec}
    row |= {"subfolder": identity.subfolder, "filename": identity.filename, "summary": summary(galaxy.votes)}
    for question in gz2().asked:
        votes = galaxy.votes[question.name]
        total = sum(votes.values())
        row[question.total_column] = total
        for answer, column in zip(question.answers, question.columns, strict=True):
            row[column] = votes[answer]
            row[f"{column}_fraction"] = votes[answer] / total if total else float("nan")
    return row


def truth_row(galaxy: SimulatedGalaxy) -> Row:
    """The row of a galaxy in truth.parquet: all of its truth, the right answers, and what was planted."""
    blemish = galaxy.blemish
    return {
        "id_str": galaxy.identity.id_str,
        "index": galaxy.index,
        "split": galaxy.identity.split,
        **asdict(galaxy.truth),
        "answers": json.dumps(galaxy.truth.answers(), sort_keys=True),
        "defect": blemish.kind if blemish else "",
        "variant": blemish.variant if blemish else "",
        "geometry": blemish.geometry_json if blemish else "{}",
    }


def _catalogue_schema() -> pa.Schema:
    """The columns of a Galaxy Zoo 2 catalogue in the order that galaxy-datasets has them: counts, then fractions."""
    names = [("id_str", pa.string()), ("iauname", pa.string()), ("ra", pa.float64()), ("dec", pa.float64())]
    names += [("subfolder", pa.string()), ("filename", pa.string())]
    names += [(column, pa.int64()) for question in gz2().asked for column in question.columns]
    for question in gz2().asked:
        names.append((question.total_column, pa.int64()))
        names += [(column, pa.float64()) for column in question.fraction_columns]
    return pa.schema([*names, ("summary", pa.string())])


def _truth_schema() -> pa.Schema:
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    drawn = [(item.name, types[item.type]) for item in fields(GalaxyTruth) if isinstance(item.type, type)]
    before = [("id_str", pa.string()), ("index", pa.int64()), ("split", pa.string())]
    return pa.schema([*before, *drawn, *((name, pa.string()) for name in ("answers", "defect", "variant", "geometry"))])


CATALOGUE_SCHEMA = _catalogue_schema()
TRUTH_SCHEMA = _truth_schema()
