"""What every hostile file has to end in: one sentence, and nothing written where it does not belong."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.running import Result, gzprep, gztrain

Edit = Callable[[Any], object]
TINY = ("--size", "16", "--batch", "16", "--epochs", "1", "--fine-tune-epochs", "0", "--model", "small")


def put(value: object, *keys: str | int) -> Edit:
    """An edit of a document that puts a value at a place."""

    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


def drop(*keys: str | int) -> Edit:
    """An edit of a document that removes a key."""

    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


def edited(path: Path, change: Edit) -> None:
    """Change a JSON document; an edit may give a new document."""
    document = json.loads(path.read_text())
    path.write_text(json.dumps(change(document) or document))


def contents(folder: Path, without: Iterable[Path] = ()) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path, without those below some others."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(other) for other in without)
    }


def check_refused(result: Result, words: str = "") -> None:
    """Fail unless a command ended in one sentence that is not too long, and that blames no program."""
    assert result.code in (1, 2), result.err
    sentence = result.sentence
    assert "fault of" not in result.err
    assert "unexpected" not in sentence
    assert words in sentence
    assert len(sentence) < 2000
    assert sentence.isprintable()


def run_all(commands: list[list[str]]) -> dict[str, Any]:
    """Run commands one after the other; their outcomes, and the largest memory of all, in MB."""
    programs = {"gzprep": gzprep, "gztrain": gztrain}
    results = [programs[name](*arguments) for name, *arguments in commands]
    return {"results": [[result.code, result.out, result.err] for result in results], "megabytes": peak_megabytes()}


def peak_megabytes() -> int:
    """The largest memory of this process; ``ru_maxrss`` would be that of the process that started it, if larger."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1000


if __name__ == "__main__":
    import tests.eager  # noqa: F401 -- a few steps are sooner done than compiled

    sys.stdout.write(json.dumps(run_all(json.loads(sys.argv[1]))))
