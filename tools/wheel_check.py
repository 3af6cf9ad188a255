"""Build the wheel, install it into a new environment of each Python that is here, and run the README's commands there.

Usage: wheel_check.py UV [VERSION ...]. Packages are those of requirements/base.txt and train.txt, by their hashes. The
commands run in an empty folder, on small images and for one epoch. The exit code is 1 if one of them fails. A Python
that is not on this machine is left out, and a sentence says so.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
SMALL = {
    ("gzprep", "run"): "--crop 64 --views 2 --workers 1",
    ("gztrain", "fit"): "--size 16 --batch 16 --epochs 1 --fine-tune-epochs 0 --set bootstrap=20",
}
"""Options that make a command of the README short."""


def commands(text: str) -> list[list[str]]:
    """Words of the commands of ours in the README's blocks of code, in their order, with the options of SMALL."""
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    ours = [words for words in lines if words and words[0] in {"gzprep", "gztrain"}]
    return [[*words, *shlex.split(SMALL.get((words[0], words[1]), ""))] for words in ours]


def programs(text: str) -> list[str]:
    """The README's examples in Python."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def call(words: list[str | Path], cwd: Path, **settings: str) -> bool:
    """Run a program and say what it printed if it fails; whether it ended well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | settings
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.stdout.write(f"{shlex.join(map(str, words))}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}\n")
    return done.returncode == 0


def build(uv: Path, folder: Path) -> Path | None:
    """The wheel, built through the source archive, so that files of an earlier build stay out; None: it failed."""
    if not call([uv, "build", "--quiet", "--out-dir", folder, ROOT], folder):
        return None
    return next(folder.glob("*.whl"))


def install(uv: Path, python: str, wheel: Path, folder: Path) -> Path | None:
    """A new environment with the pinned packages and the wheel; None: it could not be made."""
    environment = folder / "environment"
    pinned = ["--require-hashes", "-r", ROOT / "requirements/base.txt", "-r", ROOT / "requirements/train.txt"]
    pip: list[str | Path] = [uv, "pip", "install", "--quiet", "--no-deps", "--python", environment]
    steps: list[list[str | Path]] = [
        [uv, "venv", "--quiet", "--python", python, environment],
        [*pip, *pinned],
        [*pip, wheel],
        [uv, "pip", "check", "--quiet", "--python", environment],
    ]
    return environment if all(call(step, folder) for step in steps) else None


def run_readme(environment: Path, folder: Path) -> bool:
    """Run the commands of the README, then its Python, in an empty folder; whether all ended well."""
    place, text = folder / "empty", (ROOT / "README.md").read_text(encoding="utf-8")
    place.mkdir()
    programs_at = environment / ("Scripts" if os.name == "nt" else "bin")
    told: list[list[str | Path]] = [[programs_at / words[0], *words[1:]] for words in commands(text)]
    told += [[programs_at / "python", "-c", program] for program in programs(text)]
    path = os.pathsep.join((str(programs_at), os.environ.get("PATH", "")))
    return all(call(words, place, PATH=path) for words in told)


def find_python(uv: Path, version: str) -> str | None:
    """The interpreter of a version on this machine; None: there is none. Nothing is downloaded.

    Those that pyenv keeps come first: its commands, such as python3.12, fail for versions that are not chosen.
    """
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.*/bin/python")
    search = [uv, "python", "find", "--no-python-downloads", "--system", version]
    done = subprocess.run(search, capture_output=True, text=True, check=False)  # noqa: S603
    return next(map(str, sorted(kept)), done.stdout.strip()) or None


def check(uv: Path, version: str, wheel: Path) -> bool:
    """Install and run under one version; whether all went well. An absent version is told, and is no failure."""
    python = find_python(uv, version)
    if python is None:
        sys.stdout.write(f"Python {version}: not on this machine, left out.\n")
        return True
    with tempfile.TemporaryDirectory(prefix="wheel-check-") as name:
        environment = install(uv, python, wheel, Path(name))
        fine = environment is not None and run_readme(environment, Path(name))
    sys.stdout.write(f"Python {version}: {'the README runs' if fine else 'it fails, see above'}.\n")
    sys.stdout.flush()
    return fine


def main(arguments: list[str]) -> int:
    """Check every version; the exit code."""
    uv = Path(arguments[0]).absolute()
    with tempfile.TemporaryDirectory(prefix="wheel-check-") as name:
        wheel = build(uv, Path(name))
        if wheel is None:
            return 1
        outcomes = [check(uv, version, wheel) for version in arguments[1:] or PYTHONS]  # each, also after a failure
        return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
