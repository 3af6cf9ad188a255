"""A question of a survey file, and the small parts that it is made of. Each is checked when it is read."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MOST_LETTERS = 1000
"""Letters of a name or a sentence."""
Text = Annotated[str, Field(strict=True, min_length=1, max_length=MOST_LETTERS)]
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name; use letters, digits and the signs . _ + -")
    return text


Word = Annotated[Text, AfterValidator(_word)]
Answer = tuple[Word, Word]
"""A question and one of its answers."""


class Part(BaseModel):
    """A table of the file; it has no keys that the model does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Derived(Part):
    """How the answers of a question follow from those of others.

    ``pooled-no`` is for a question of yes and no. Its no is the pooled votes for some answers of other questions, of
    which each volunteer was asked one at most.
    """

    kind: Literal["pooled-no"]
    sources: Annotated[tuple[Answer, ...], Field(min_length=1, max_length=100, alias="from")]


class Columns(Part):
    """Names of the columns of a question in a catalogue that does not use the names of Galaxy Zoo.

    Attributes:
        fractions: columns of vote fractions, one an answer, in the order of used, twin, dropped.
        votes: columns of votes, in the same order.
        total: the column of total votes.
        share: the one column of a question with a twin: 1, or a fraction, for the first answer; the twin has the rest.
        classes: a column that holds the answer of each galaxy in words.
        words: what stands in the column of classes, one an answer, where that is not the name of the answer.
        unknown: there is no column, and no galaxy has an answer.
    """

    fractions: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] | None = None
    votes: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] | None = None
    total: Text | None = None
    share: Text | None = None
    classes: Text | None = None
    words: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] | None = None
    unknown: Annotated[bool, Field(strict=True)] = False


class SurveyQuestion(Part):
    """One question, as the file has it. Names of questions are without the suffix of the survey.

    Attributes:
        name: short name, and the first part of the names of its columns.
        title: the question as a person would ask it.
        used: answers that become labels.
        twin: the other answer of a question with one label: where the label is 0.
        dropped: an answer that is neither: where it wins, the question is masked.
        parent: the one answer that leads here; None where the question is always asked, or has parents.
        parents: the answers that lead here, where there are several: a volunteer who gives one of them is asked.
        derived: how it follows from other questions; None for a question with columns of its own.
        columns: what its columns are called in a catalogue; None where they have the names of Galaxy Zoo.
        debiased: another name of each column of debiased fractions, beside ``<column>_debiased``, an answer each.
    """

    name: Word
    title: Text
    used: Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]
    twin: Word | None = None
    dropped: Word | None = None
    parent: Answer | None = None
    parents: Annotated[tuple[Answer, ...], Field(min_length=2, max_length=100)] | None = None
    derived: Derived | None = None
    columns: Columns | None = None
    debiased: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)] | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer, in the order of the fractions."""
        return (*self.used, *(answer for answer in (self.twin, self.dropped) if answer is not None))

    @property
    def leads(self) -> tuple[Answer, ...]:
        """The answers that lead here; empty where the question is always asked."""
        return self.parents or (() if self.parent is None else (self.parent,))

    @model_validator(mode="after")
    def _check(self) -> "SurveyQuestion":
        refuse_twice(f"the question {self.name!r} has the answer", self.answers)
        if len(self.used) == 1 and self.twin is None:
            raise ValueError(f"the question {self.name!r} has one label, so it needs a twin: the answer for label 0")
        if len(self.used) > 1 and self.twin is not None:
            raise ValueError(f"the question {self.name!r} has {len(self.used)} labels; a twin is for one label only")
        if self.derived is not None and (len(self.used) != 1 or self.dropped is not None):
            raise ValueError(f"the question {self.name!r} is derived, so it needs one answer in used, and its twin")
        if self.parent is not None and self.parents is not None:
            raise ValueError(f"the question {self.name!r} has parent and parents; keep one of them")
        refuse_twice(f"the question {self.name!r} has the parent", self.parents or ())
        self._check_columns()
        return self

    def _check_columns(self) -> None:
        if self.debiased is not None and len(self.debiased) != len(self.answers):
            came = f"{len(self.debiased)} columns of debiased"
            raise ValueError(f"the question {self.name!r} has {came} for its {len(self.answers)} answers")
        if self.columns is None:
            return
        if self.derived is not None:
            raise ValueError(f"the question {self.name!r} is derived, so it has no columns of its own")
        if self.columns.share is not None and (self.twin is None or self.dropped is not None):
            raise ValueError(f"the question {self.name!r} has a column of shares, which needs one answer and its twin")
        for kind in ("fractions", "votes", "words"):
            names = getattr(self.columns, kind)
            if names is not None and len(names) != len(self.answers):
                came = f"{len(names)} columns of {kind}"
                raise ValueError(f"the question {self.name!r} has {came} for its {len(self.answers)} answers")


def refuse_twice(what: str, names: Sequence[object]) -> None:
    """Refuse a name that is there twice.

    Raises:
        ValueError: the text begins with ``what``.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        shown = twice[0] if isinstance(twice[0], str) else list(twice[0]) if isinstance(twice[0], tuple) else twice[0]
        raise ValueError(f"{what} {shown!r} twice")
