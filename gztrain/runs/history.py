"""The history of a run: history.csv, and the same values for TensorBoard.

A line covers some steps. ``loss`` is their mean loss, ``step`` the number of the last one, counted from 1 over the
whole run. The last line of an epoch also has ``val_loss`` and ``val_auc`` (mean AUC over labels). Two columns depend on
the clock: ``samples_per_s``, and ``waiting``, the share of the time that the device waited for data. ``damaged`` is the
number of damaged records that these steps left out, ``val_damaged`` the number of galaxies that validation left out.
TensorBoard does not get these two.
"""

import csv
import importlib.util
import io
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from gzcore.console import brief
from gzcore.errors import GzError
from gzcore.storage.atomic import appearing, writing
from gzcore.storage.documents import BadDocument, read_bytes


@dataclass(frozen=True)
class HistoryLine:
    """A line of history.csv; None is written as an empty field."""

    stage: str
    epoch: int
    step: int
    rate: float
    loss: float
    val_loss: float | None
    val_auc: float | None
    samples_per_s: float
    waiting: float
    damaged: int = 0
    val_damaged: int | None = None


COLUMNS = tuple(field.name for field in fields(HistoryLine))


def read_history(path: Path) -> list[dict[str, float | str | None]]:
    """Read a history: a dictionary for each line, with None for an empty field.

    Raises:
        GzError: the file is missing, or not a history.
    """
    absent: dict[str, float | str | None] = dict.fromkeys(COLUMNS)  # older runs have fewer columns
    return [absent | {key: _parse(key, text) for key, text in row.items()} for row in _checked_rows(path)]


def _checked_rows(path: Path, *, complete: bool = False) -> list[dict[str, str]]:
    """The lines of a history, each with the columns of a history, and a number or nothing in each.

    Args:
        path: the history.
        complete: leave out a last line without an end.

    Raises:
        GzError: the file is missing, or not a history.
    """
    try:
        text = read_bytes(path).decode()
        text = text[: text.rfind("\n") + 1] if complete else text
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        for line, row in enumerate(rows, 2):
            _check_row(row, line)
    except (OSError, csv.Error, ValueError) as error:
        raise GzError(f"The history {path} cannot be read ({brief(error)}).") from None
    return rows


def _check_row(row: Mapping[Any, Any], line: int) -> None:
    if not {"stage", "epoch", "step", "loss"} <= row.keys() <= set(COLUMNS) or None in row.values():
        raise BadDocument(f"line {line} does not have the columns of a history")
    if not row["stage"].isprintable():
        raise BadDocument(f"line {line} has a stage of control characters")
    for key, text in row.items():
        try:
            number = 0.0 if key == "stage" or not text else float(text)
        except ValueError:
            raise BadDocument(f"line {line} has {key} = {text[:40]!r}, which is not a number") from None
        whole = key in ("epoch", "step", "damaged", "val_damaged")
        if whole and not (text or key not in ("epoch", "step")):
            raise BadDocument(f"line {line} has no {key}")
        if whole and not (0 <= number < 2**53 and number.is_integer()):
            raise BadDocument(f"line {line} has {key} = {text[:40]!r}, which is not a count")


def damaged_in_training(path: Path) -> int:
    """How many damaged training records an epoch left out: the largest number of all epochs, as one may be incomplete.

    Raises:
        GzError: the file is missing, or not a history.
    """
    epochs: dict[tuple[object, object], float] = defaultdict(float)
    for row in read_history(path):
        epochs[row["stage"], row["epoch"]] += float(row.get("damaged") or 0)
    return round(max(epochs.values(), default=0))


def _parse(key: str, text: str) -> float | str | None:
    if key == "stage":
        return text
    return float(text) if text else None


class History:
    """Appends to history.csv. When a run is resumed, the lines after its checkpoint are removed first."""

    def __init__(self, path: Path, steps: int = 0) -> None:
        self._path = path
        kept = [row for row in _rows(path) if int(row["step"]) <= steps] if steps else []
        with writing(path.parent), appearing(path) as file:
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
            file.write(text.getvalue().encode())

    def write(self, line: HistoryLine) -> None:
        """Append a line."""
        with writing(self._path.parent), self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(["" if v is None else v for v in asdict(line).values()])


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    """The complete lines of a history. A run that was killed may have left half a line at the end."""
    if path.exists():
        yield from _checked_rows(path, complete=True)


class Scalars(Protocol):
    """Writer of values for TensorBoard."""

    def write(self, line: HistoryLine) -> None:
        """Write the values of a line."""


class NoScalars:
    """Used when TensorBoard is not wanted or not installed."""

    def write(self, line: HistoryLine) -> None:
        """Write nothing."""


class TensorBoard:
    """Writes event files with tensorboard's own record writer, without TensorFlow."""

    def __init__(self, folder: Path) -> None:
        with writing(folder):
            folder.mkdir(exist_ok=True)
        self._path = folder / f"events.out.tfevents.{int(time.time())}.{os.getpid()}.gztrain"
        self._write(file_version="brain.Event:2")

    def write(self, line: HistoryLine) -> None:
        """Write the values of a line."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        numbers = {"loss": line.loss, "rate": line.rate, "samples_per_s": line.samples_per_s, "waiting": line.waiting}
        numbers |= {key: value for key in ("val_loss", "val_auc") if (value := getattr(line, key)) is not None}
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items() if not math.isnan(value)]
        self._write(step=line.step, summary=Summary(value=values))

    def _write(self, **content: Any) -> None:  # noqa: ANN401 -- fields of an Event
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        event = Event(wall_time=time.time(), **content).SerializeToString()
        with writing(self._path.parent), self._path.open("ab") as file:
            RecordWriter(file).write(event)


def open_scalars(folder: Path, *, wanted: bool) -> tuple[Scalars, str | None]:
    """The writer for TensorBoard, and a sentence for the user if TensorBoard is wanted but not installed."""
    if not wanted:
        return NoScalars(), None
    if importlib.util.find_spec("tensorboard") is None:
        return NoScalars(), "tensorboard is not installed, so curves go to history.csv alone."
    return TensorBoard(folder), None
