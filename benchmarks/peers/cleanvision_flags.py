"""What cleanvision says of images: `cleanvision_flags.py LIST OUT`, paths a line; OUT gets what each failed.

Its checks of single images, at its own thresholds. Those of duplicates are left out: planted images are alike.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from cleanvision import Imagelab

CHECKS = ("dark", "light", "low_information", "blurry", "grayscale", "odd_size", "odd_aspect_ratio")


def main() -> None:
    """Check all, in one process."""
    paths = Path(sys.argv[1]).read_text().splitlines()
    began = time.perf_counter()
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        lab = Imagelab(filepaths=paths)
        lab.find_issues({name: {} for name in CHECKS}, n_jobs=1, verbose=False)
    seconds = time.perf_counter() - began
    table = lab.issues[[f"is_{name}_issue" for name in CHECKS]]
    failed = {path: [name for name, hit in zip(CHECKS, row, strict=True) if hit] for path, *row in table.itertuples()}
    Path(sys.argv[2]).write_text(json.dumps({"seconds": seconds, "failed": failed}))


if __name__ == "__main__":
    main()
