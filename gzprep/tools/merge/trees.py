"""Joins the questions of several surveys to one survey."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from gzcore.dataset.layout import MERGED
from gzcore.errors import UsageError
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import survey_of

Json = dict[str, Any]
T = TypeVar("T")
MOST_QUESTIONS = 100
"""Questions of a survey, as its model has it."""


def unique(values: Iterable[T]) -> list[T]:
    """Each value once, in the order in which it came first."""
    seen: list[T] = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen


def join_surveys(surveys: Sequence[Survey]) -> Survey:
    """Join surveys: questions of the first, then new ones of the others. Derived questions come last, as always.

    Questions are told apart by the names that their columns begin with. Schemes of one name are joined, and ``all`` has
    the questions of every ``all``.

    Raises:
        UsageError: a name is used for two questions, or there are too many questions.
    """
    suffixes = {survey.suffix for survey in surveys}
    suffix = suffixes.pop() if len(suffixes) == 1 else ""
    questions = _joined_questions(surveys, suffix)
    if len(questions) > MOST_QUESTIONS:
        raise UsageError(
            f"These surveys have {len(questions)} questions together; a data set has {MOST_QUESTIONS} at most. "
            "Join fewer of them."
        )
    asked = [entry for entry in questions if "derived" not in entry]
    derived = [entry for entry in questions if "derived" in entry]
    return survey_of(
        {
            "name": MERGED,
            "suffix": suffix,
            **_about(surveys),
            "questions": asked + derived,
            "schemes": _schemes(surveys, suffix),
        },
        "The survey that would be joined",
    )


def _joined_questions(surveys: Sequence[Survey], suffix: str) -> list[Json]:
    known: dict[str, tuple[Json, Survey]] = {}
    for survey in surveys:
        for entry in _questions(survey, suffix):
            first, owner = known.setdefault(entry["name"], (entry, survey))
            _refuse_other(entry, first, survey, owner)
    return [entry for entry, _ in known.values()]


def _refuse_other(entry: Json, first: Json, survey: Survey, owner: Survey) -> None:
    for key in ("used", "twin", "dropped", "parent", "parents", "derived"):
        if entry.get(key) != first.get(key):
            one, other = _shown(first.get(key)), _shown(entry.get(key))
            raise UsageError(
                f"The question {entry['name']} is not the same in both: its {key} is {one} in {owner} and {other} in "
                f"{survey}. Rename it in one of the surveys, and make that data set again."
            )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "absent" if value is None else str(value)


def _new_name(survey: Survey, suffix: str, name: str) -> str:
    return name if survey.suffix == suffix else survey.column_prefix(name)


def _questions(survey: Survey, suffix: str) -> Iterator[Json]:
    """The questions of a survey under their new names, without the names of columns of its own catalogues."""

    def answer(pair: list[str]) -> list[str]:
        return [_new_name(survey, suffix, pair[0]), pair[1]]

    for question in survey.questions:
        entry: Json = question.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        entry = {key: value for key, value in entry.items() if key not in {"columns", "debiased"}}
        entry["name"] = _new_name(survey, suffix, question.name)
        if "parent" in entry:
            entry["parent"] = answer(entry["parent"])
        if "parents" in entry:
            entry["parents"] = [answer(pair) for pair in entry["parents"]]
        if "derived" in entry:
            entry["derived"] = {**entry["derived"], "from": [answer(pair) for pair in entry["derived"]["from"]]}
        yield entry


def _schemes(surveys: Sequence[Survey], suffix: str) -> dict[str, list[str]]:
    """Schemes by name, those of one name joined; and ``all``."""
    joined: dict[str, list[str]] = {}
    every: list[str] = []
    for survey in surveys:
        names = [_new_name(survey, suffix, question.name) for question in survey.questions]
        for scheme, wanted in survey.schemes.items():
            joined.setdefault(scheme, []).extend(_new_name(survey, suffix, name) for name in wanted)
        every += [names[index] for index in survey.questions_of_schemes["all"]]
    joined.pop("all", None)
    return {scheme: unique(wanted) for scheme, wanted in {**joined, "all": every}.items()}


def _about(surveys: Sequence[Survey]) -> Json:
    """Title, citations, creators and licences of all."""
    urls, scales = {survey.url for survey in surveys}, {survey.pixel_scale for survey in surveys}
    about: Json = {
        "title": ", ".join(unique(survey.title for survey in surveys)),
        "citations": unique(citation for survey in surveys for citation in survey.citations),
        "creators": unique(creator.model_dump(mode="json") for survey in surveys for creator in survey.creators),
        "url": urls.pop() if len(urls) == 1 else None,
        "pixel_scale": scales.pop() if len(scales) == 1 else None,
        "own_labels": all(survey.own_labels for survey in surveys),
        **_licences(surveys),
    }
    return {key: value for key, value in about.items() if value}


def _licences(surveys: Sequence[Survey]) -> Json:
    pairs = unique((survey.licence, survey.licence_url) for survey in surveys)
    if len(pairs) == 1:
        return {"licence": pairs[0][0], "licence_url": pairs[0][1]}
    titles: dict[str, list[str]] = {}
    for survey in surveys:
        titles.setdefault(_licence(survey), []).append(survey.title)
    before = unique(survey.licence for survey in surveys if survey.name == MERGED and survey.licence_url is None)
    told = [f"{licence}: {', '.join(unique(names))}" for licence, names in titles.items() if licence not in before]
    return {"licence": "; ".join([*filter(None, before), *told])}


def _licence(survey: Survey) -> str:
    url = f" ({survey.licence_url})" if survey.licence_url else ""
    return f"{survey.licence or 'not stated'}{url}"
