"""A survey: the questions that volunteers were asked about its galaxies, as data.

Each survey is a TOML file; those that come with gzprep are in ``gzprep/surveys``. A file is checked once, here. The
order of the questions and of their answers is that of every fraction and label vector in a shard: it is frozen.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from gzcore.console import brief
from gzcore.dataset.features import Feature, Widths, features_of
from gzcore.dataset.tree import Question
from gzcore.errors import UsageError
from gzprep.catalogue.question import Answer, Derived, Part, SurveyQuestion, Text, Word, refuse_twice

_SINGLE = re.compile(r"q[0-9]+")


class Pooled(NamedTuple):
    """A source of a derived question: its question, and the places of its answer and of the one that leads to it."""

    question: int
    answer: int
    leads: int


class Creator(Part):
    """An organisation that made images or votes."""

    name: Text
    url: Text | None = None


class Survey(Part):
    """A survey, checked: parents come before their questions, and no name is there twice.

    Attributes:
        name: such as ``gz2``.
        title: such as ``Galaxy Zoo 2``.
        suffix: what follows the name of a question in the names of columns, without its hyphen; may be empty.
        citations: what users are asked to cite.
        licence, licence_url: what may be done with votes and images.
        url: where they are published.
        creators: who made images and votes; none: the survey itself.
        pixel_scale: arcsec a pixel of its images; None where it differs from image to image.
        id_column: what the column of ids is called in its catalogues. The column of paths may be named: then an id is
            the name of a file without its ending.
        path_column: column of the path of each image, where a catalogue has one in place of subfolder and filename.
        image_file: name of the image of a galaxy, such as ``{id}.jpg``, where no column of a catalogue has it.
        own_labels: the labels are a user's own, and not volunteers' votes.
        cumulative: the fractions of a catalogue are multiplied by that of the answer that leads to their question.
        questions: the decision tree; derived questions come last.
        schemes: names of questions that are learned together, by name; ``q0`` and so on, and ``all``, come by
            themselves.
    """

    name: Word
    title: Text
    suffix: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9-]{0,40}$")] = ""
    citations: tuple[Text, ...] = ()
    licence: Text | None = None
    licence_url: Text | None = None
    url: Text | None = None
    creators: tuple[Creator, ...] = ()
    pixel_scale: Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)] | None = None
    id_column: Text = "id_str"
    path_column: Text | None = None
    image_file: Annotated[str, Field(strict=True, pattern=r"^[^{}]*\{id\}[^{}]*$", max_length=200)] | None = None
    own_labels: Annotated[bool, Field(strict=True)] = False
    cumulative: Annotated[bool, Field(strict=True)] = False
    questions: Annotated[tuple[SurveyQuestion, ...], Field(min_length=1, max_length=100)]
    schemes: dict[Word, Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]] = Field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        """A survey that comes with gzprep is sent to workers as its name, so that the graph of a job stays small."""
        from gzprep.catalogue.surveys import known_survey, survey_files

        if self.name in survey_files() and self == known_survey(self.name):
            return known_survey, (self.name,)
        return Survey.model_validate, (self.document(),)

    @model_validator(mode="after")
    def _check(self) -> "Survey":
        refuse_twice("it has the question", [question.name for question in self.questions])
        _check_order(self.questions)
        refuse_twice("it has the column", [name for question in self.tree for name in question.columns])
        refuse_twice("its catalogues have the column", list(self.aliases.values()))
        for name, wanted in self.schemes.items():
            self._check_scheme(name, wanted)
        return self

    def _check_scheme(self, name: str, wanted: Sequence[str]) -> None:
        known = [question.name for question in self.questions]
        if _SINGLE.fullmatch(name):
            raise ValueError(f"the scheme {name!r} has the name of a single question; choose another")
        refuse_twice(f"the scheme {name!r} has the question", wanted)
        for question in wanted:
            if question not in known:
                raise ValueError(f"the scheme {name!r} has {question!r}, which is none of {', '.join(known)}")

    # ------------------------------------------------------------ the tree

    def column_prefix(self, name: str) -> str:
        """First part of the names of the columns of a question."""
        return f"{name}-{self.suffix}" if self.suffix else name

    @cached_property
    def tree(self) -> tuple[Question, ...]:
        """All questions, as a dataset folder has them."""
        return tuple(self._question(index, question) for index, question in enumerate(self.questions))

    def _question(self, index: int, question: SurveyQuestion) -> Question:
        parents = tuple((self.column_prefix(name), answer) for name, answer in self._leads(question))
        name, parent = self.column_prefix(question.name), parents[0] if question.parent is not None else None
        made_of = () if question.derived is None else question.derived.sources
        sources = tuple(dict.fromkeys(self.column_prefix(source) for source, _ in made_of))
        answers = question.used, question.twin, question.dropped
        return Question(index, name, question.title, *answers, parent, parents, sources)

    def _leads(self, question: SurveyQuestion) -> tuple[Answer, ...]:
        """The answers that lead to a question; of a derived one, those that lead to the questions that it is made of.

        Where every answer of a question leads there, the answers that lead to that question stand for them.
        """
        if question.derived is None:
            return question.leads
        sources = (self.questions[self.index_of(name)] for name, _ in question.derived.sources)
        leads = tuple(dict.fromkeys(lead for source in sources for lead in source.leads))
        for above in reversed(self.questions):
            every = {(above.name, answer) for answer in above.answers}
            if above.leads and every.issubset(leads):
                leads = tuple(dict.fromkeys((*(lead for lead in leads if lead not in every), *above.leads)))
        return leads

    @cached_property
    def asked(self) -> tuple[Question, ...]:
        """The questions that volunteers were asked: a catalogue has columns for them."""
        pairs = zip(self.tree, self.questions, strict=True)
        return tuple(question for question, entry in pairs if entry.derived is None)

    @cached_property
    def derived(self) -> tuple[Derived, ...]:
        """How the questions after those of :attr:`asked` follow from them."""
        return tuple(question.derived for question in self.questions if question.derived is not None)

    @cached_property
    def pooled(self) -> tuple[tuple["Pooled", ...], ...]:
        """Where the votes of each derived question come from."""
        return tuple(tuple(map(self._pooled, derived.sources)) for derived in self.derived)

    def _pooled(self, source: Answer) -> "Pooled":
        question = self.index_of(source[0])
        parent = self.questions[question].parent
        if parent is None:  # the survey would not have passed its check
            raise ValueError(f"{source[0]!r} has no parent")
        return Pooled(question, self.place_of(source), self.place_of(parent))

    @cached_property
    def parts(self) -> tuple[tuple[Question, slice], ...]:
        """Each question, and where its fractions stand among those of a record."""
        return tuple(zip(self.tree, self.fraction_slices, strict=True))

    def place_of(self, answer: Answer) -> int:
        """Where the fraction of an answer stands; the question is named without the suffix."""
        names = [question.name for question in self.questions]
        question = self.tree[names.index(answer[0])]
        start: int = self.fraction_slices[question.index].start
        return start + question.answers.index(answer[1])

    def index_of(self, name: str) -> int:
        """Place of a question in the tree; it is named without the suffix."""
        return [question.name for question in self.questions].index(name)

    # ------------------------------------------------------------ names and places

    @cached_property
    def fraction_names(self) -> tuple[str, ...]:
        """The vote fractions of a record, those of derived questions last."""
        return tuple(column for question in self.tree for column in question.fraction_columns)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """The labels of a record."""
        return tuple(label for question in self.tree for label in question.labels)

    @cached_property
    def fraction_columns(self) -> tuple[str, ...]:
        """The columns of vote fractions of a catalogue."""
        return tuple(name for question in self.asked for name in question.fraction_columns)

    @cached_property
    def debiased_columns(self) -> tuple[str, ...]:
        """The columns of debiased fractions of a catalogue, one for each of :attr:`fraction_columns`."""
        return tuple(f"{name}_debiased" for name in self.count_columns)

    @cached_property
    def debiased_names(self) -> tuple[str, ...]:
        """The debiased fractions of a data set, those of derived questions last."""
        return tuple(f"{column}_debiased" for question in self.tree for column in question.columns)

    @cached_property
    def debiased_aliases(self) -> dict[str, str]:
        """Other names of the columns of debiased fractions, and what they are called here."""
        pairs = zip(self.asked, self.questions, strict=False)
        others = [entry.debiased or ("",) * len(question.answers) for question, entry in pairs]
        names = zip((name for some in others for name in some), self.debiased_columns, strict=True)
        return {other: name for other, name in names if other}

    @cached_property
    def count_columns(self) -> tuple[str, ...]:
        """The columns of votes of a catalogue, one an answer."""
        return tuple(name for question in self.asked for name in question.columns)

    @cached_property
    def total_columns(self) -> tuple[str, ...]:
        """The columns of total votes of a catalogue, one a question."""
        return tuple(question.total_column for question in self.asked)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Names of columns in a catalogue that are not those of Galaxy Zoo, by the name of Galaxy Zoo."""
        pairs = dict(
            pair
            for question, entry in zip(self.tree, self.questions, strict=True)
            for pair in _renamed(question, entry)
        )
        paths = {} if self.path_column is None else {"filename": self.path_column}
        usual = self.id_column == "id_str" or self.ids_are_files
        return ({} if usual else {"id_str": self.id_column}) | paths | pairs

    @property
    def ids_are_files(self) -> bool:
        """Whether ids are the names of files, without their endings."""
        return self.id_column == (self.path_column or "filename")

    @cached_property
    def fraction_slices(self) -> tuple[slice, ...]:
        """Where the fractions of each question stand among those of a record."""
        return _slices(len(question.answers) for question in self.tree)

    @cached_property
    def label_slices(self) -> tuple[slice, ...]:
        """Where the labels of each question stand among those of a record."""
        return _slices(len(question.used) for question in self.tree)

    @cached_property
    def widths(self) -> Widths:
        """How many fractions, questions and labels a record has."""
        return Widths(len(self.fraction_names), len(self.tree), len(self.label_names))

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features of a record."""
        return features_of(self.widths)

    # ------------------------------------------------------------ schemes

    @cached_property
    def questions_of_schemes(self) -> dict[str, tuple[int, ...]]:
        """The questions of every scheme: single questions, those that the file names, and ``all`` if it names none."""
        single = {f"q{question.index}": (question.index,) for question in self.tree}
        named = {name: tuple(map(self.index_of, wanted)) for name, wanted in self.schemes.items()}
        return single | named | ({} if "all" in named else {"all": tuple(range(len(self.tree)))})

    def scheme_labels(self, scheme: str) -> tuple[int, ...]:
        """Places, among all labels, of the labels of a scheme.

        Raises:
            UsageError: there is no such scheme.
        """
        known = self.questions_of_schemes
        if scheme not in known:
            raise UsageError(f"There is no scheme {scheme!r}; choose one of {', '.join(known)}.")
        chosen = (self.label_slices[index] for index in known[scheme])
        return tuple(place for places in chosen for place in range(places.start, places.stop))

    # ------------------------------------------------------------ as a document

    def document(self) -> dict[str, Any]:
        """The survey as JSON has it; :meth:`model_validate` undoes it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What readers of a data set are told of the survey beside its questions: name, title, citations, licence."""
        return {key: value for key, value in self.document().items() if key not in {"questions", "schemes"}}

    @cached_property
    def tree_document(self) -> dict[str, Any]:
        """What decides the bytes of a record: suffix and questions, without their titles."""
        questions = self.document()["questions"]
        cumulative = {"cumulative": True} if self.cumulative else {}
        return {
            "suffix": self.suffix,
            **cumulative,
            "questions": [{**_without(entry), "title": ""} for entry in questions],
        }


def _without(entry: dict[str, Any]) -> dict[str, Any]:
    """A question without what changes no byte of a record."""
    return {key: value for key, value in entry.items() if key != "debiased"}


def _slices(lengths: Iterable[int]) -> tuple[slice, ...]:
    start, places = 0, []
    for length in lengths:
        places.append(slice(start, start + length))
        start += length
    return tuple(places)


def _renamed(question: Question, entry: SurveyQuestion) -> Iterator[tuple[str, str]]:
    """Pairs of a name of Galaxy Zoo and the name that a catalogue has in its place."""
    if entry.columns is not None:
        yield from zip(question.fraction_columns, entry.columns.fractions or (), strict=False)
        yield from zip(question.columns, entry.columns.votes or (), strict=False)
        if entry.columns.total is not None:
            yield question.total_column, entry.columns.total
        if entry.columns.share is not None:
            yield question.fraction_columns[0], entry.columns.share
        if entry.columns.classes is not None:
            yield question.name, entry.columns.classes


def _check_order(questions: Sequence[SurveyQuestion]) -> None:
    """Check that what a question follows from is an answer of a question before it, and that derived ones come last."""
    known: set[Answer] = set()
    for place, question in enumerate(questions):
        for answer in question.leads:
            if answer not in known:
                raise ValueError(
                    f"the parent {_shown(answer)} of {question.name!r} is no answer of a question before it; "
                    f"{_choice(known)}"
                )
        if question.derived is not None:
            _check_derived(question.name, question.derived, questions[:place])
        elif any(earlier.derived is not None for earlier in questions[:place]):
            raise ValueError(f"the question {question.name!r} comes after a derived one; derived questions come last")
        known |= {(question.name, answer) for answer in question.answers}


def _check_derived(name: str, derived: Derived, earlier: Sequence[SurveyQuestion]) -> None:
    asked = {question.name: question for question in earlier if question.derived is None}
    refuse_twice(f"the derived question {name!r} has the source", [source for source, _ in derived.sources])
    for source in derived.sources:
        question = asked.get(source[0])
        if question is None or source[1] not in question.answers:
            raise ValueError(f"the source {_shown(source)} of {name!r} is no answer of a question with votes")
        if question.parent is None:
            raise ValueError(
                f"the source {_shown(source)} of {name!r} is always asked; it needs a parent, and one only"
            )


def _choice(known: Collection[Answer]) -> str:
    """Which answers a question may follow from."""
    names = brief(", ".join(map(_shown, sorted(known))), 200)
    return f"choose one of {names}" if known else "no question comes before it"


def _shown(answer: Answer) -> str:
    """Question and answer as the file of a survey has them."""
    return json.dumps(answer, ensure_ascii=False)
