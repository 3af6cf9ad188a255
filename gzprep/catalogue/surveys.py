"""Surveys by name or file: those that come with gzprep are TOML files in its folder ``surveys``."""

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from gzcore.console import brief, printable
from gzcore.errors import UsageError
from gzcore.storage.documents import BadDocument, fit, parse_toml, read_bytes
from gzcore.storage.places import Place, as_place
from gzprep.catalogue.survey import Survey

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def survey_files() -> dict[str, Path]:
    """The surveys that come with gzprep, by name and in the order of their names."""
    folder = Path(str(files("gzprep"))) / "surveys"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


@cache
def known_survey(name: str) -> Survey:
    """A survey that comes with gzprep."""
    return read_survey(survey_files()[name])


def find_survey(wanted: str) -> Survey:
    """Find what ``--survey`` was given: a word is the name of a survey of gzprep; anything else is a file.

    Raises:
        UsageError: no survey and no file has that name; or the file is no survey.
    """
    known = survey_files()
    if wanted in known:
        return known_survey(wanted)
    if _NAME.fullmatch(wanted) and not Path(wanted).exists():
        near = get_close_matches(wanted, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"There is no survey {wanted!r}; {hint}gzprep has {', '.join(known)}. Or name a file, such as ./my.toml."
        )
    return read_survey(as_place(wanted))


def read_survey(path: Place) -> Survey:
    """Read the file of a survey, and check it.

    Raises:
        UsageError: it is absent, not TOML, or no survey; the sentence says where.
    """
    try:
        values = parse_toml(read_bytes(path))
    except OSError as error:
        raise UsageError(f"The survey {path} cannot be read ({error.strerror or error}).") from None
    except BadDocument as error:
        raise UsageError(f"The survey {path} cannot be read ({brief(error)}).") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of 5,000 digits
        raise UsageError(f"The survey {path} is not TOML: {printable(str(error)).rstrip('.')}.") from None
    return survey_of(values, f"The survey {path}")


def survey_of(values: Any, source: str) -> Survey:  # noqa: ANN401 -- any TOML or JSON value
    """Check the values of a survey.

    Args:
        values: nested mappings, as TOML or JSON holds them.
        source: where they are from, for the message.

    Raises:
        UsageError: they are no survey; the sentence names the key.
    """
    try:
        return fit(Survey, values)
    except BadDocument as error:
        raise UsageError(f"{source} does not fit: {printable(str(error)).rstrip('.')}.") from None


def gz2() -> Survey:
    """Galaxy Zoo 2: the survey of a data set that names no other."""
    return known_survey("gz2")
