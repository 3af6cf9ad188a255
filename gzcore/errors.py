"""Errors that a user can cause. Each is one sentence or two: what came, what was expected, what to do."""

import errno
import os
import re

_LONGEST = 1600
"""Characters of a message. A name in a damaged file may be a thousand times as long."""


class GzError(Exception):
    """Something in the input or around the run is wrong; the command ends with exit code 1.

    The middle is left out of a message that is far too long: its begin says what came, its end what to do.
    """

    exit_code = 1

    def __str__(self) -> str:
        text = super().__str__()
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


class UsageError(GzError):
    """The command line or the recipe asks for something that does not exist; exit code 2."""

    exit_code = 2


class Stopped(GzError):
    """The user pressed Ctrl-C: exit code 130. Or the system asked the command to end (SIGTERM): 143."""

    exit_code = 130


_FULL = (errno.ENOSPC, errno.EDQUOT)
_SYSTEM = {
    **dict.fromkeys(_FULL, "The disk is full{writing}; free some space and run the command again."),
    errno.EFBIG: "A file grows larger than the disk or `ulimit -f` allows{writing}; use another disk or limit.",
    errno.EROFS: "The disk is read-only{writing}; choose another place.",
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE),
        "Too many files are open; raise the limit (`ulimit -n`), or use fewer workers, and run the command again.",
    ),
    errno.EACCES: "The system does not allow it{writing}; change the permissions or choose another place.",
    errno.EIO: "The disk failed (input/output error){writing}; look at the disk, then run the command again.",
}
"""What the system says of a place or of the process, in a sentence; the user can mend each."""
_NO_MEMORY = "There was not enough memory; use fewer workers or smaller batches, or give the command more memory."
_MEMORY_WORDS = re.compile(
    r"can't start new thread|[Cc]annot allocate memory|failed to map segment|RESOURCE_EXHAUSTED"
    r"|OOM when allocating|Insufficient memory|bad_alloc|[Oo]ut of memory|MemoryError"
)
"""How Python, the loader of libraries, numpy, OpenCV, TensorFlow and JAX say that memory is not enough."""
_NUMBER = re.compile(r"\[Errno (\d+)\]")
"""Beam and others make a new error, with the old text and without the old number."""


def system_sentence(error: BaseException, place: object = None) -> str | None:
    """What went wrong around the command, in a sentence: disk, memory, limits. None where it is something else.

    Args:
        error: as it was raised.
        place: what was being written; None: what the error itself names.
    """
    number = _number(error)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or _MEMORY_WORDS.search(str(error)):
        return _NO_MEMORY
    sentence = _SYSTEM.get(number)
    where = place if place is not None else _name(getattr(error, "filename", None))
    writing = "" if where is None else f" while writing into {where}"
    return None if sentence is None else sentence.format(writing=writing)


def _number(error: BaseException) -> int:
    """The system's number of an error; 0: it has none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found.group(1)) if found else 0


def _name(filename: object) -> str | None:
    """The file that an error names; a descriptor is no name."""
    return os.fsdecode(filename) if isinstance(filename, str | bytes) else None
