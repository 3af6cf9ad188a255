"""The sample sky: simulated galaxies whose true classes are known, with images like SDSS cutouts, votes and defects.

One module for each step: :mod:`population` draws the :mod:`truth` of a galaxy, :mod:`galaxy` paints its light with
:mod:`profiles`, :mod:`starfield` adds stars and other galaxies, :mod:`render` simulates the camera,
:mod:`volunteers` simulates the votes, and :mod:`any_survey` those of another survey, :mod:`blemishes` and :mod:`spoil`
add defects to a few images, and :mod:`sky` writes the folder. Everything is drawn from (seed, index), so galaxy 7 is
the same in a sky of 20 galaxies and in a sky of 4,000.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gzcore.errors import UsageError

if TYPE_CHECKING:
    from gzprep.catalogue.survey import Survey


@dataclass(frozen=True)
class SimulatedSky:
    """What :func:`simulate` wrote.

    Attributes:
        directory: the folder, in the shape of Galaxy Zoo 2.
        galaxies: catalogue rows, train and test together.
        train: rows of the train catalogue.
        test: rows of the test catalogue.
        planted: number of planted defects, by kind.
        bytes: size of all images together.
    """

    directory: Path
    galaxies: int
    train: int
    test: int
    planted: dict[str, int] = field(default_factory=dict)
    bytes: int = 0

    def __post_init__(self) -> None:
        """Check that the two catalogues add up to all galaxies."""
        if self.train + self.test != self.galaxies:
            raise ValueError(f"{self.train} train and {self.test} test rows are not {self.galaxies} galaxies")


def simulate(
    directory: Path,
    galaxies: int = 200,
    seed: int = 0,
    on_galaxy: Callable[[], None] | None = None,
    survey: "Survey | str | None" = None,
) -> SimulatedSky:
    """Write a folder in the shape of Galaxy Zoo 2 with simulated galaxies, votes, planted defects and the truth.

    With another survey the images are the same, below no subfolders, and the catalogues have its columns. Votes follow
    from the truth where its questions are those of Galaxy Zoo 2; for all other questions they are drawn at random.

    Args:
        directory: the folder to make; it may exist if it is empty.
        galaxies: how many, at least 1.
        seed: another seed gives another sky.
        on_galaxy: called once after each galaxy, for a progress bar.
        survey: what volunteers are asked: a survey, its name or its file; None: Galaxy Zoo 2.

    Raises:
        UsageError: fewer than one galaxy was asked for, or there is no such survey.
        GzError: the folder holds something already, or cannot be written.
    """
    if galaxies < 1:
        raise UsageError(f"A sky needs at least 1 galaxy, not {galaxies}.")
    from gzprep.catalogue.surveys import find_survey
    from gzprep.simulate.sky import write  # here, so that --help does not load OpenCV

    chosen = find_survey(survey) if isinstance(survey, str) else survey
    return write(Path(directory), galaxies, seed, on_galaxy, chosen)


__all__ = ["SimulatedSky", "simulate"]
