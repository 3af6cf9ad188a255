"""Find runs of six or more equal lines that stand in two packages; `make lint` runs it.

What both packages need belongs into gzcore. Blank lines, comments, imports and lines of a few letters do not count,
and neither does white space. A run that must stand twice is named in EXCEPTIONS, with the reason.
"""

import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("gzcore", "gzprep", "gztrain")
RUN, SHORT = 6, 12
"""Lines of a run, and letters of a line that is too short to count."""
EXCEPTIONS: dict[str, str] = {}
"""First line of a run that may stand twice, and why."""

Line = tuple[int, str]
"""Number of a line in its file, and its text without white space at its ends."""


def lines_that_count(text: str) -> list[Line]:
    """The lines of a module that say something of their own."""
    lines = ((number, " ".join(line.split())) for number, line in enumerate(text.splitlines(), 1))
    return [
        (number, line)
        for number, line in lines
        if len(line) > SHORT and not line.startswith(("#", '"""', "import ", "from "))
    ]


def repeated(sources: dict[str, str]) -> list[str]:
    """Sentences on the runs that stand in two packages.

    Args:
        sources: path of a module below the checkout, to its text.
    """
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, text in sources.items():
        lines = lines_that_count(text)
        for start in range(len(lines) - RUN + 1):
            run = tuple(line for _, line in lines[start : start + RUN])
            places[run].append(f"{path}:{lines[start][0]}")
    return [
        f"{' and '.join(where)} have {RUN} equal lines from: {run[0]}"
        for run, where in places.items()
        if len({place.split("/")[0] for place in where}) > 1 and run[0] not in EXCEPTIONS
    ]


def main() -> None:
    """Print what was found; exit code 1 where there is anything."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    found = repeated({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths})
    sys.stdout.write("".join(f"{sentence}\n" for sentence in found))
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
