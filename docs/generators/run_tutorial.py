"""Run every command of the tutorial, and write what it printed below it: `make docs-tutorial`.

A block that begins with ```console holds commands behind "$ ", each followed by its output. All run in one shell, in a
folder of their own, one after the other.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

TUTORIAL = Path(__file__).parent.parent / "tutorial.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)", re.MULTILINE)
LONGEST = 48
"""Lines of an output that are shown; of a longer one the last lines are."""
END = "-- end of output --"


def commands_in(text: str) -> list[str]:
    """The commands of all blocks, in order."""
    return [command for block in BLOCK.findall(text) for command in COMMAND.findall(block)]


def run_all(commands: list[str], folder: Path) -> list[str]:
    """Run commands in one shell that stops at the first failure; what each printed.

    Raises:
        SystemExit: a command failed.
    """
    script = "exec 2>&1\nset -e\n" + "".join(f"{command}\necho '{END}'\n" for command in commands)
    done = subprocess.run(["bash", "-c", script], cwd=folder, text=True, stdout=subprocess.PIPE, check=False)  # noqa: S603, S607
    outputs = done.stdout.split(f"{END}\n")
    if done.returncode:
        raise SystemExit(f"{commands[len(outputs) - 1]}\nended with {done.returncode}:\n{outputs[-1]}")
    return outputs[: len(commands)]


def shown(output: str) -> str:
    """An output as the page has it."""
    lines = [line.rstrip() for line in output.rstrip().splitlines()]
    if len(lines) > LONGEST:
        lines = ["...", *lines[-LONGEST:]]
    return "".join(f"{line}\n" for line in lines)


def write_outputs(text: str, outputs: list[str]) -> str:
    """The text with new outputs below its commands."""
    rest = iter(outputs)

    def fill(block: re.Match[str]) -> str:
        parts = (f"$ {command}\n{shown(next(rest))}" for command in COMMAND.findall(block[1]))
        return "```console\n" + "".join(parts) + "```"

    return BLOCK.sub(fill, text)


def main() -> None:
    """Run the tutorial in the folder that is named, or in a new clone of this repository."""
    text = TUTORIAL.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as new:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(new)
        if len(sys.argv) == 1:
            subprocess.run(["git", "clone", "--quiet", str(TUTORIAL.parent.parent), new], check=True)  # noqa: S603, S607
        outputs = run_all(commands_in(text), folder)
    TUTORIAL.write_text(write_outputs(text, outputs), encoding="utf-8")


if __name__ == "__main__":
    main()
