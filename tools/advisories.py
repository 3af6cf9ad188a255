"""Look for known advisories on the pinned packages, and write bills of materials; ``make audit`` runs it.

pip-audit and cyclonedx-bom do the work, in an environment of their own: the project does not depend on them. Without a
network nothing can be looked up. That is said, and is no success: a package that was not looked up is not counted.
"""

import json
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build" / "sbom"
TOOLS = ("pip-audit", "cyclonedx-bom")
Json = Mapping[str, Any]


def install(folder: Path) -> str | None:
    """Make the environment of the tools; a sentence if that is not possible."""
    venv.create(folder, with_pip=True)
    command: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS]
    done = _run(command)
    last = done.stderr.strip().rpartition("\n")[2]
    return None if done.returncode == 0 else f"{' and '.join(TOOLS)} cannot be installed ({last})"


def _run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603


def write_bill(tools: Path, requirements: Path) -> str:
    """Write what a requirements file pins, with hashes, as CycloneDX; what was done, in a line."""
    OUT.mkdir(parents=True, exist_ok=True)
    target = OUT / f"{requirements.stem}.json"
    command: list[str | Path] = [tools / "bin" / "cyclonedx-py", "requirements", requirements]
    command += ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-format", "JSON"]
    done = _run([*command, "--output-file", target])
    if done.returncode:
        return f"{target.relative_to(ROOT)} was not written: {done.stderr.strip().rpartition(chr(10))[2]}"
    components = len(json.loads(target.read_text(encoding="utf-8"))["components"])
    return f"{target.relative_to(ROOT)}: {components} components"


def look_up(tools: Path, requirements: Path) -> Json | str:
    """What pip-audit says of a requirements file, or why it said nothing."""
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = _run([tools / "bin" / "pip-audit", "--requirement", requirements, *options])
    try:
        document: Json = json.loads(done.stdout)
    except ValueError:
        return done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    return document


def judge(name: str, found: Json | str) -> tuple[str, bool]:
    """Say what was found, and whether that must be mended.

    Args:
        name: of the requirements file.
        found: what :func:`look_up` gave.
    """
    if isinstance(found, str):
        return f"{name}: no advisories could be looked up ({found}); nothing is known.", False
    packages = found["dependencies"]
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return (
            f"{name}: the list of advisories cannot be reached from here; none of {len(packages)} was looked up.",
            False,
        )
    known = [f"{package['name']} {package['version']}: {_ids(package)}" for package in looked_up if package["vulns"]]
    missing = len(packages) - len(looked_up)
    line = f"{name}: {len(looked_up)} packages were looked up, {missing} could not be; {len(known)} have advisories."
    return "\n  ".join([line, *known]), bool(known)


def _ids(package: Json) -> str:
    return ", ".join(advisory["id"] for advisory in package["vulns"])


def main(arguments: Sequence[str]) -> int:
    """Install the tools into a folder, and use them on every requirements file; the exit code."""
    tools = Path(arguments[0])
    refused = install(tools)
    if refused is not None:
        sys.stdout.write(f"{refused}: no advisories were looked up, and no bill of materials was written.\n")
        return 0
    bad = False
    for requirements in sorted((ROOT / "requirements").glob("*.txt")):
        sys.stdout.write(f"{write_bill(tools, requirements)}\n")
        line, must_mend = judge(requirements.name, look_up(tools, requirements))
        bad |= must_mend
        sys.stdout.write(f"{line}\n")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
