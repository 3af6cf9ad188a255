"""Where contestants run: skies of every size, made once, and what was seen of each run."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from contestants import Contestant
from sky import Sky, accepted_rows, source_folder, write_sky
from watch import Watched, last_cores, watch


@dataclass(frozen=True, slots=True)
class Pair:
    """A contestant at its two sizes, in one round."""

    sizes: tuple[int, int]
    small: Watched
    large: Watched

    @property
    def seconds(self) -> float:
        """Seconds a galaxy, start-up excluded; not above 0 where the machine was too busy to tell."""
        return self._slope(self.small.seconds, self.large.seconds)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds a galaxy, start-up excluded."""
        return self._slope(self.small.cpu_seconds, self.large.cpu_seconds)

    def _slope(self, small: float, large: float) -> float:
        return (large - small) / (self.sizes[1] - self.sizes[0])


class Course:
    """Skies of every size, made once, and the place where contestants write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = source_folder(folder)
        self.rows = accepted_rows(self.source)
        self.skies: dict[int, Sky] = {}

    def sky(self, galaxies: int) -> Sky:
        """The first so many galaxies."""
        if galaxies not in self.skies:
            target = self.folder / f"data-{galaxies}"
            self.skies[galaxies] = write_sky(self.source, target, galaxies, {"train": (1.0, self.rows)})
        return self.skies[galaxies]

    def warm(self, field: Iterable[Contestant]) -> None:
        """Run one contestant of each Python over a few galaxies: its libraries are then in the page cache."""
        first: dict[str, Contestant] = {}
        for one in field:
            first.setdefault(str(one.command(self.sky(8), self.folder)[0]), one)
        for one in first.values():
            self.run(one, 8)

    def run_pair(self, one: Contestant) -> Pair:
        """Run a contestant at both its sizes."""
        return Pair(one.sizes, *(self.run(one, size) for size in one.sizes))

    def run(self, one: Contestant, galaxies: int, sample: float = 0.25) -> Watched:
        """Run a contestant over so many galaxies; what it wrote is removed."""
        out, sky = self.folder / "out", self.sky(galaxies)
        command, where = one.command(sky, out), out if one.ours else None
        seen = watch(command, last_cores(one.cores), out=where, settings=one.settings, sample=sample)
        shutil.rmtree(out) if out.is_dir() else out.unlink()
        return seen
