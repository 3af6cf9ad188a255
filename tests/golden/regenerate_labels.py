"""Write labels.json again, and say what changed.

The file freezes the order of every fraction and label vector in a shard, and the labels of every scheme. A change of
it makes every shard that was ever written unreadable: look twice.
"""

import difflib
import json
import sys
from pathlib import Path

from tests.gz2 import FRACTION_NAMES, LABEL_NAMES, SCHEMES, scheme_labels

GOLDEN = Path(__file__).parent / "labels.json"


def frozen() -> dict[str, dict[str, object]]:
    """What the golden file holds: names to places."""
    return {
        "fractions": {name: place for place, name in enumerate(FRACTION_NAMES)},
        "labels": {name: place for place, name in enumerate(LABEL_NAMES)},
        "schemes": {scheme: list(scheme_labels(scheme)) for scheme in SCHEMES},
    }


def as_text() -> str:
    """The golden file, a name a line."""
    parts = (
        f'  "{part}": {{\n'
        + ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in names.items())
        for part, names in frozen().items()
    )
    return "{\n" + "\n  },\n".join(parts) + "\n  }\n}\n"


def main() -> None:
    """Write the file."""
    old = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    new = as_text()
    changes = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), "old", "new", n=0)
    sys.stdout.write("".join(changes) or f"{GOLDEN.name}: nothing changed\n")
    GOLDEN.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
