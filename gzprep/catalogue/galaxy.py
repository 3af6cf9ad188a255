"""What is passed on: a galaxy, its votes, its labels, the verdict on its image. Frozen, and checked when created."""

import json
import math
import struct
import zlib
from dataclasses import dataclass, field
from enum import StrEnum

NAN = float("nan")
ROUNDING = 1e-3
"""Tables round fractions to three decimals."""


class Split(StrEnum):
    """The two catalogues; the split of a galaxy never changes."""

    TRAIN = "train"
    TEST = "test"


class RejectionStage(StrEnum):
    """Where a galaxy can be rejected."""

    CATALOGUE = "catalogue"
    READ = "read"
    DEFECT = "defect"


class Reason(StrEnum):
    """Why a galaxy was rejected."""

    BAD_ID = "bad_id"
    BAD_VALUE = "bad_value"
    DUPLICATE = "duplicate"
    PATH_OUTSIDE = "path_outside"
    MISSING_FILE = "missing_file"
    UNREADABLE = "unreadable"
    WRONG_SHAPE = "wrong_shape"
    WRONG_MODE = "wrong_mode"
    ERROR_IMAGE = "error_image"
    BLACK_LINE = "black_line"
    COLOUR_LINE = "colour_line"
    SATURATED_BACKGROUND = "saturated_background"
    FRAME_EDGE = "frame_edge"


def check_length(name: str, values: tuple[object, ...], expected: int) -> None:
    """Refuse a vector of the wrong length.

    Raises:
        ValueError: the length differs from ``expected``.
    """
    if len(values) != expected:
        raise ValueError(f"{name} has {len(values)} values; expected {expected}.")


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes of the volunteers on one galaxy, in the order of the decision tree.

    Attributes:
        fractions: A vote fractions in [0, 1], one an answer that the catalogue has columns for; NaN for every answer
            of a question that no volunteer was asked.
        counts: A numbers of votes; NaN where the catalogue has no counts.
        totals: numbers of votes of each whole question; NaN where the catalogue has no counts.
        debiased: A fractions freed of the bias of distance (Hart et al. 2016), which need not add up to 1; or none.
    """

    fractions: tuple[float, ...]
    counts: tuple[float, ...]
    totals: tuple[float, ...]
    debiased: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_length("counts", self.counts, len(self.fractions))

    def check(self, answers: int, questions: int) -> None:
        """Refuse votes on another decision tree.

        Args:
            answers: how many answers have columns in the catalogue.
            questions: how many questions have.

        Raises:
            ValueError: there are more votes, or fewer.
        """
        check_length("fractions", self.fractions, answers)
        check_length("totals", self.totals, questions)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a galaxy is not in the shards."""

    stage: RejectionStage
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Galaxy:
    """One row of the catalogue.

    Attributes:
        id: names the galaxy everywhere: in shards, folds and draws. Integer ids become their decimal text.
        split: the catalogue it stands in.
        subfolder, filename: where its image is, below the image folder. Untrusted.
        votes: the votes of the volunteers.
        extras: values of the columns that are carried through, in the order of ``catalogue.EXTRAS``.
        rejection: set where the row itself has a value that cannot be used.
        measures: names and values of magnitudes, sizes and redshifts, where the catalogue has columns of them.
    """

    id: str
    split: Split
    subfolder: str
    filename: str
    votes: Votes
    extras: tuple[str | float | None, ...] = ()
    rejection: Rejection | None = None
    measures: tuple[tuple[str, float | None], ...] = ()

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("A galaxy needs an id; got an empty one.")


_LENGTHS = struct.Struct("<HHH")
"""What comes before a packed row: how many answers and questions it has votes of, and how many debiased fractions."""


def _numbers(answers: int, questions: int, debiased: int) -> str:
    """How the numbers of a row are packed."""
    return f"<{2 * answers + questions + debiased}d"


def _lengths(votes: Votes) -> tuple[int, int, int]:
    return len(votes.fractions), len(votes.totals), len(votes.debiased)


def row_bytes(galaxy: Galaxy) -> bytes:
    """All values of a row as bytes. A bin compares them to know whether a row has changed."""
    votes = galaxy.votes
    texts = (galaxy.id, galaxy.split, galaxy.subfolder, galaxy.filename, galaxy.extras)
    text = json.dumps((*texts, *_why(galaxy), *([galaxy.measures] if galaxy.measures else []))).encode()
    form = _numbers(*_lengths(votes))
    return struct.pack(form, *votes.fractions, *votes.counts, *votes.totals, *votes.debiased) + text


def _why(galaxy: Galaxy) -> list[tuple[str, ...]]:
    """The rejection of a row in a list; an empty place stands for none only where measures follow."""
    if galaxy.rejection is None:
        return [()] if galaxy.measures else []
    return [(galaxy.rejection.reason, galaxy.rejection.detail)]


def pack(galaxy: Galaxy) -> bytes:
    """Serialise a galaxy for a shuffle. Compression makes it four times smaller, because many votes are equal."""
    lengths = _LENGTHS.pack(*_lengths(galaxy.votes))
    return zlib.compress(lengths + row_bytes(galaxy), level=1)


def unpack(data: bytes) -> Galaxy:
    """Undo :func:`pack`."""
    plain = zlib.decompress(data)
    answers, questions, debiased = _LENGTHS.unpack_from(plain)
    form = _numbers(answers, questions, debiased)
    numbers = struct.unpack_from(form, plain, _LENGTHS.size)
    galaxy_id, split, subfolder, filename, extras, *more = json.loads(plain[_LENGTHS.size + struct.calcsize(form) :])
    end = 2 * answers + questions
    votes = Votes(numbers[:answers], numbers[answers : 2 * answers], numbers[2 * answers : end], numbers[end:])
    why, measures = more[0] if more else (), more[1] if len(more) > 1 else ()
    rejection = Rejection(RejectionStage.CATALOGUE, Reason(why[0]), why[1]) if why else None
    named = tuple((name, value) for name, value in measures)
    return Galaxy(galaxy_id, Split(split), subfolder, filename, votes, tuple(extras), rejection, named)


@dataclass(frozen=True, slots=True)
class Debiased:
    """Labels of one galaxy by its debiased fractions.

    Attributes:
        fractions: F debiased fractions, NaN where no volunteer was asked; those of derived questions come last.
        labels: L labels, 0 or 1; 0 where masked.
        mask: L times 1 where there is an answer, else 0.
    """

    fractions: tuple[float, ...]
    labels: tuple[int, ...]
    mask: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of one galaxy. A trainer chooses from them.

    Attributes:
        fractions: F vote fractions, NaN where not asked; those of derived questions come last.
        votes: total votes of each question, NaN where the catalogue has no counts.
        report: L labels of the policy ``report``, 0 or 1.
        asked: L labels of the policy ``asked``, 0 or 1; 0 where masked.
        mask: L times 1 where ``asked`` has an answer, else 0.
        debiased: the labels of the policy ``debiased``; None where the catalogue has no debiased fractions.
    """

    fractions: tuple[float, ...]
    votes: tuple[float, ...]
    report: tuple[int, ...]
    asked: tuple[int, ...]
    mask: tuple[int, ...]
    debiased: Debiased | None = None

    def __post_init__(self) -> None:
        for name in ("report", "asked"):
            check_length(name, getattr(self, name), len(self.mask))


@dataclass(frozen=True, slots=True)
class DefectLine:
    """A straight line in an image.

    Attributes:
        x0, y0: its upper end, px, x to the right and y down; the middle of the first pixel is (0, 0).
        x1, y1: its lower end.
        width: px across the line; 0 for an edge, which has none.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    width: float

    @property
    def length(self) -> float:
        """Px from end to end."""
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)


LINED = ("black_line", "colour_line", "frame_edge")
"""Detectors that say where the line is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one detector on one image.

    Attributes:
        score: how strong the signs of the defect are; 0 is no sign.
        line: where it is, of detectors that look for lines.
    """

    score: float
    line: DefectLine | None = None


@dataclass(frozen=True, slots=True)
class DefectVerdict:
    """The results of all detectors on one image.

    Attributes:
        scores: detector name to score.
        flags: detectors past their threshold whose policy is ``flag``.
        rejection: set where the galaxy is left out.
        lines: detector name to the line it found, past its threshold or not.
        inpainted: detectors past their threshold whose policy is ``inpaint``: their lines are filled.
    """

    scores: dict[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    rejection: Rejection | None = None
    lines: dict[str, DefectLine] = field(default_factory=dict)
    inpainted: tuple[str, ...] = ()
