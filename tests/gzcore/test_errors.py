"""What the system says of disk, memory and limits, in a sentence."""

import errno
import os

import numpy as np
import pytest

from gzcore.errors import GzError, Stopped, UsageError, system_sentence

NO_MEMORY = "There was not enough memory; use fewer workers or smaller batches, or give the command more memory."
FULL = "The disk is full{}; free some space and run the command again."


def os_error(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), filename)


def too_large() -> MemoryError:
    with pytest.raises(MemoryError) as error:
        np.empty((1 << 60,), np.uint8)
    return error.value


SENTENCES = {
    "no space": (os_error(errno.ENOSPC), FULL.format("")),
    "no space for a file": (os_error(errno.ENOSPC, "out/a"), FULL.format(" while writing into out/a")),
    "no space for a file of odd letters": (os_error(errno.ENOSPC, "{x}"), FULL.format(" while writing into {x}")),
    "quota": (os_error(errno.EDQUOT), FULL.format("")),
    "an error that lost its number": (
        OSError("[Errno 28] No space left [while running 'A']"),
        FULL.format(""),
    ),
    "an error of an engine": (RuntimeError("OSError: [Errno 28] No space left [while running 'A']"), FULL.format("")),
    "memory of an engine": (RuntimeError("MemoryError [while running 'A']"), NO_MEMORY),
    "largest file": (
        os_error(errno.EFBIG, "a"),
        "A file grows larger than the disk or `ulimit -f` allows while writing into a; use another disk or limit.",
    ),
    "read-only": (os_error(errno.EROFS, "a"), "The disk is read-only while writing into a; choose another place."),
    "open files": (
        os_error(errno.EMFILE, "a"),
        "Too many files are open; raise the limit (`ulimit -n`), or use fewer workers, and run the command again.",
    ),
    "no memory": (os_error(errno.ENOMEM), NO_MEMORY),
    "Python's memory": (MemoryError(), NO_MEMORY),
    "numpy's memory": (too_large(), NO_MEMORY),
    "threads": (RuntimeError("can't start new thread"), NO_MEMORY),
    "a library that does not fit": (ImportError("libx.so: failed to map segment from shared object"), NO_MEMORY),
    "TensorFlow's memory": (RuntimeError("OOM when allocating tensor with shape[1]"), NO_MEMORY),
    "a bug": (KeyError("a"), None),
    "another error of the system": (os_error(errno.ECHILD), None),
    "an error without a number": (OSError("odd"), None),
}


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_what_the_system_says_is_a_sentence(error: Exception, sentence: str | None) -> None:
    assert system_sentence(error) == sentence


def test_the_place_that_was_written_comes_first() -> None:
    assert system_sentence(os_error(errno.ENOSPC, "a.part"), "out") == FULL.format(" while writing into out")


@pytest.mark.parametrize("kind", [GzError, UsageError, Stopped])
def test_the_middle_of_an_endless_message_is_left_out(kind: type[GzError]) -> None:
    told = str(kind(f"The file has the name {'a' * 10_000}; give it a shorter one."))
    assert told.startswith("The file has the name aaa")
    assert told.endswith("aaa; give it a shorter one.")
    assert len(told) == 1605
    assert str(kind("A sentence. " * 100)) == "A sentence. " * 100
