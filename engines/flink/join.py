"""Make a jar that holds nothing but the names of others: `java -jar` then starts Flink's job server from them.

`python join.py FOLDER JAR`: FOLDER holds the jars, and must stay where it is beside JAR.
"""

import sys
import zipfile
from pathlib import Path

MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
WIDTH = 72
"""Bytes of a manifest's line, at most; what is longer goes on after a space."""


def header(name: str, value: str) -> str:
    """One header of a manifest, folded."""
    rest = f"{name}: {value}"
    lines = [rest[:WIDTH]]
    rest = rest[WIDTH:]
    while rest:
        lines.append(" " + rest[: WIDTH - 1])
        rest = rest[WIDTH - 1 :]
    return "\r\n".join(lines) + "\r\n"


def manifest(folder: Path) -> str:
    """The manifest of a jar that stands beside a folder of jars."""
    path = " ".join(f"{folder.name}/{jar.name}" for jar in sorted(folder.glob("*.jar")))
    return header("Manifest-Version", "1.0") + header("Main-Class", MAIN) + header("Class-Path", path) + "\r\n"


def main(folder: Path, jar: Path) -> None:
    """Write the jar."""
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/MANIFEST.MF", manifest(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
