"""The command line of gztrain: for now, one sentence."""

import sys


def main() -> None:
    """Say that the trainer is not built yet; exit code 1."""
    sys.stderr.write("gztrain is not built yet: gzprep's shards can be read with tf.data as the README shows.\n")
    raise SystemExit(1)
