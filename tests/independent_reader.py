"""Read shards with the ``tfrecord`` package, which knows nothing of us, and print what was seen as JSON.

A program of its own: ``tfrecord`` and TensorFlow register the same protocol buffers and cannot share a process.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from tfrecord.reader import tfrecord_loader

FEATURES = {"id": "byte", "image": "byte", "view": "int", "fold": "int", "fraction": "float", "votes": "float"}
LABELS = {"label_report": "int", "label_asked": "int", "mask": "int"}


def main() -> None:
    seen: Counter[tuple[str, int]] = Counter()
    odd = 0
    for path in sys.argv[1:]:
        if Path(path).stat().st_size == 0:  # an empty shard is legal, though the package cannot map it
            continue
        for record in tfrecord_loader(path, None, FEATURES | LABELS):
            seen[bytes(record["id"]).decode(), int(record["view"][0])] += 1
            shapes = [len(record[name]) for name in ("fraction", "votes", "label_report", "label_asked", "mask")]
            odd += shapes != [32, 11, 22, 22, 22] or bytes(record["image"][:2]) != b"\xff\xd8"
    twice = sum(count > 1 for count in seen.values())
    sys.stdout.write(json.dumps({"records": sum(seen.values()), "twice": twice, "odd": odd}))


if __name__ == "__main__":
    main()
