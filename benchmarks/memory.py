"""Peak memory of a run and all its processes, at 750 and at 4,000 galaxies.

The images are those of GZ_REAL_DATA (default ../shared/data) under as many names as it takes, by symbolic link; without
them the sample sky is used. One worker and two. Prints a table, or with JSON=1 one JSON document.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from contestants import ONE, TWO
from course import Course

SIZES = (750, 4000)


def main() -> None:
    """Measure each size and print the table."""
    results = {}
    with tempfile.TemporaryDirectory(prefix="gzprep-bench-") as name:
        course = Course(Path(name))
        for one in (ONE, TWO):
            for size in SIZES:
                seen = course.run(one, size, sample=0.05)
                results[f"{one.name}/{size}"] = {"seconds": round(seen.seconds, 1), "peak_mb": round(seen.peak_mb, 1)}
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(results) + "\n")
        return
    sys.stdout.write(f"{'workers/galaxies':<20}{'seconds':>9}{'peak MB':>9}\n")
    for place, result in results.items():
        sys.stdout.write(f"{place:<20}{result['seconds']:>9}{result['peak_mb']:>9}\n")


if __name__ == "__main__":
    main()
