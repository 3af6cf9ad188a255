"""A process that reads when it is told to, and says how long that took. Each reader that is measured has its own.

The process says ``ready`` when it has read once, then for every line it is given: records, seconds, CPU seconds. This
module knows nothing but Python, so that every environment can import it.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable


def serve(read: Callable[[], int]) -> None:
    """Read once to warm up, then whenever a line comes in.

    Args:
        read: reads everything, and returns the number of records.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print does not get between
    read()
    answers.write("ready\n")
    for _ in sys.stdin:
        began, busy = time.perf_counter(), _cpu_seconds()
        records = read()
        answers.write(json.dumps((records, time.perf_counter() - began, _cpu_seconds() - busy)) + "\n")


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime
