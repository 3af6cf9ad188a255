"""Imported by the process that workers are copied from, and by no other: it says nothing when it fails.

The launcher notices, and says in a sentence what the server would show as a traceback.
"""

import os
import sys

if "multiprocessing.forkserver" in "".join(sys.orig_argv):
    sys.excepthook = lambda kind, error, trace: os._exit(1)  # noqa: ARG005
