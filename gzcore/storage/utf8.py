"""Names that are not UTF-8. Linux takes any bytes as a name; pyarrow, JSON and TOML take UTF-8 only.

Python keeps bytes that it cannot decode as surrogates. Such a name is refused before any work is done.
"""

import os
from contextlib import suppress
from pathlib import Path

from gzcore.errors import UsageError


def checked_path(text: str | Path) -> Path:
    """A path of this machine; a relative one is checked together with the folder that it starts from.

    Raises:
        UsageError: its name is not UTF-8.
    """
    path = Path(text) if isinstance(text, str) else text
    check_text("The path", str(path))
    if not path.is_absolute():
        check_text("The working folder", _working_folder())
    return path


def _working_folder() -> str:
    """The folder that the process runs in; empty where that folder was removed."""
    with suppress(FileNotFoundError):
        return str(Path.cwd())
    return ""


def check_text(what: str, text: str) -> None:
    """Refuse a name or word that holds surrogates.

    Args:
        what: begins the sentence.
        text: as it came from the command line or the system.

    Raises:
        UsageError: it is not UTF-8, or it cannot be read as such in this locale.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"{what} {_fault_of(text)}") from None


def _fault_of(text: str) -> str:
    """A name that holds surrogates, spelled out; why it is refused; and what to do."""
    try:
        shown = os.fsencode(text).decode()
    except UnicodeEncodeError:  # surrogates that stand for no bytes
        shown = text.encode("utf-8", "backslashreplace").decode()
    except UnicodeDecodeError:
        shown = os.fsencode(text).decode("utf-8", "backslashreplace")
    else:
        return f"{shown} has letters that this locale does not know; set PYTHONUTF8=1 and run the same command again."
    return f"{shown} is not UTF-8 (old disks and archives have such names); rename it, or use another name."
