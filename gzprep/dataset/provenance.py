"""What is true of the galaxies of a data set by their source: what they are, whom to cite, who made them, licences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gzprep.catalogue.surveys import gz2
from gzprep.dataset.merged import is_merged
from gzprep.dataset.source import SIMULATED


@dataclass(frozen=True)
class Creator:
    """An organisation, as schema.org has it."""

    name: str
    url: str | None = None


@dataclass(frozen=True)
class Provenance:
    """What the cards of a data set say of its galaxies.

    Attributes:
        about: one or two sentences.
        labels: whose votes they are.
        citations: what users are asked to cite.
        creators: who made images and votes.
        licence: what may be done with them.
        licence_url: its text; None: it is not known.
        url: where the galaxies come from; None: they were made by gzprep.
    """

    about: str
    labels: str
    citations: tuple[str, ...]
    creators: tuple[Creator, ...]
    licence: str
    licence_url: str | None
    url: str | None = None


SHARDS = "TFRecord shards"
"""What a data set is made of, in the sentence about it."""
_MADE = f", prepared by gzprep as {SHARDS}."


def provenance_of(manifest: dict[str, Any], form: str = SHARDS) -> Provenance:
    """What is true of the galaxies of a data set, by what its manifest says of their source and of the survey.

    Args:
        manifest: of the data set.
        form: what the files are, where they are no shards.
    """
    inputs = manifest["source"]["inputs"] if is_merged(manifest) else [manifest]
    parts = [_of_one(one) for one in inputs]
    found = _joined(parts) if is_merged(manifest) else parts[0]
    return replace(found, about=found.about.replace(SHARDS, form))


def _of_one(manifest: dict[str, Any]) -> Provenance:
    survey = manifest.get("survey") or gz2().about
    return _simulated(survey) if manifest["source"].get("kind") == SIMULATED else _real(survey)


def _real(survey: dict[str, Any]) -> Provenance:
    if survey.get("own_labels"):
        return _OWN
    creators = survey.get("creators") or [{"name": survey["title"], "url": survey.get("url")}]
    return Provenance(
        about=f"Cutouts of galaxies and the votes of {survey['title']} volunteers{_MADE}",
        labels="Vote fractions are those of volunteers and carry their disagreement; NaN: no volunteer was asked.",
        citations=tuple(survey.get("citations", ())),
        creators=tuple(Creator(**creator) for creator in creators),
        licence=survey.get("licence") or "Not stated: ask those who published the votes and images.",
        licence_url=survey.get("licence_url"),
        url=survey.get("url"),
    )


_OWN = Provenance(
    about=f"Cutouts of galaxies with the labels of their owner{_MADE}",
    labels="Vote fractions are those that the owner's columns tell, 0 and 1 where these are labels; NaN: not known.",
    citations=(),
    creators=(Creator("The owner of the catalogue"),),
    licence="Not stated: ask the owner of the catalogue and of the images.",
    licence_url=None,
)


def _simulated(survey: dict[str, Any]) -> Provenance:
    return Provenance(
        about=(
            f"Simulated galaxies with simulated votes, in the form of {survey['title']}, made by gzprep as "
            f"{SHARDS}. No real galaxy is among them, and no person has voted."
        ),
        labels="Vote fractions are those of simulated volunteers; NaN means that a question was not asked.",
        citations=(),
        creators=(Creator("gzprep simulate"),),
        licence="CC0 1.0: images and votes were computed, and no rights in them are claimed.",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
    )


def _joined(parts: Sequence[Provenance]) -> Provenance:
    """What is true of the galaxies of several data sets in one folder: each sentence and each name once."""
    licences = dict.fromkeys((part.licence, part.licence_url) for part in parts)
    told = dict.fromkeys(f"{_name(part)}: {' '.join(filter(None, (part.licence, part.licence_url)))}" for part in parts)
    licence, url = next(iter(licences)) if len(licences) == 1 else ("\n".join(told), None)
    about = " ".join(dict.fromkeys(part.about for part in parts))
    labels = " ".join(dict.fromkeys(part.labels for part in parts))
    return Provenance(
        about=f"{len(parts)} data sets, joined by gzprep merge. {about}",
        labels=f"{labels} A question that a galaxy's own survey does not ask has NaN and mask 0.",
        citations=tuple(dict.fromkeys(citation for part in parts for citation in part.citations)),
        creators=tuple(dict.fromkeys(creator for part in parts for creator in part.creators)),
        licence=licence,
        licence_url=url,
    )


def _name(part: Provenance) -> str:
    return " and ".join(creator.name for creator in part.creators)
