"""Record the bytes that this version makes: ``python -m tests.same_bytes.record FOLDER_OF_REAL_GALAXIES``.

Shards are recorded once; a change of them is a change of the data format. Weights are recorded for each kind of
processor: to compare two versions on a new one, record with the older version first.
"""

import json
import sys
import tempfile
from pathlib import Path

from tests.same_bytes.making import BACKENDS, QUICK, RECORDED, WHOLE, make, processor, recorded, train


def main() -> None:
    """Write recorded.json."""
    data = Path(sys.argv[1]) / "gz2"
    found = recorded() if RECORDED.exists() else {"shards": {}, "weights": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, case in (WHOLE | QUICK).items():
            found["shards"][name] = make(case, data, Path(folder) / name.replace(" ", "-"))
            RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        shards = Path(folder) / "gz2-cnn"
        found["weights"][processor()] = {
            backend: train(shards, Path(folder) / f"run-{backend}", backend) for backend in BACKENDS
        }
    RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
