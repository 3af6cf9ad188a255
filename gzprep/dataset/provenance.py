"""What is true of the galaxies of a data set by their source: what they are, whom to cite, who made them, licences."""

from dataclasses import dataclass

from gzprep.dataset.source import GALAXY_ZOO_2, SIMULATED


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
        licence_url: its text.
        url: where the galaxies come from; None: they were made by gzprep.
    """

    about: str
    labels: str
    citations: tuple[str, ...]
    creators: tuple[Creator, ...]
    licence: str
    licence_url: str
    url: str | None = None


_GALAXY_ZOO_2 = Provenance(
    about="Cutouts of galaxies and the votes of Galaxy Zoo 2 volunteers, prepared by gzprep as TFRecord shards.",
    labels="Vote fractions are those of volunteers and carry their disagreement; NaN: no volunteer was asked.",
    citations=(
        "Willett et al. 2013, MNRAS 435, 2835: Galaxy Zoo 2 (https://doi.org/10.1093/mnras/stt1458)",
        "Hart et al. 2016, MNRAS 461, 3663: Galaxy Zoo, debiased votes (https://doi.org/10.1093/mnras/stw1588)",
    ),
    creators=(
        Creator("Galaxy Zoo", "https://data.galaxyzoo.org"),
        Creator("Sloan Digital Sky Survey", "https://www.sdss.org"),
    ),
    licence=(
        "CC BY-NC-SA 4.0, as Galaxy Zoo publishes these votes and images for machine learning; it asks that models "
        "trained on them are released as source code by publication. The images are from the Sloan Digital Sky Survey."
    ),
    licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
    url="https://data.galaxyzoo.org",
)
_SIMULATED = Provenance(
    about=(
        "Simulated galaxies with simulated votes, in the form of Galaxy Zoo 2, made by gzprep as TFRecord shards. "
        "No real galaxy is among them, and no person has voted."
    ),
    labels="Vote fractions are those of simulated volunteers; NaN means that a question was not asked.",
    citations=(),
    creators=(Creator("gzprep simulate"),),
    licence="CC0 1.0: images and votes were computed, and no rights in them are claimed.",
    licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
)
PROVENANCE = {GALAXY_ZOO_2: _GALAXY_ZOO_2, SIMULATED: _SIMULATED}
"""By ``source.kind`` of the manifest."""
