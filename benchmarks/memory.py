"""Peak memory of a run and all its processes, at 750 and at 4,000 galaxies.

The images are those of GZ_REAL_DATA (default ../shared/data) under as many names as it takes, by symbolic link; without
them the sample sky is used. Prints a table, or with JSON=1 one JSON document.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SIZES = (750, 4000)
SPLITS = ("train", "test")


def source_folder(below: Path) -> Path:
    """The real galaxies, or a sky of 750 simulated ones."""
    real = Path(os.environ.get("GZ_REAL_DATA", "../shared/data")) / "gz2"
    if real.is_dir():
        return real.absolute()
    from gzprep.simulate import simulate

    return simulate(below / "sky", 750).directory


def many_names(source: Path, target: Path, galaxies: int) -> None:
    """A folder of so many galaxies, whose images are links to those of the source."""
    for split in SPLITS:
        rows = pq.read_table(source / f"gz2_{split}_catalog.parquet").to_pylist()
        share = round(galaxies * (0.8 if split == "train" else 0.2))
        copies = [_renamed(source, target, rows[place % len(rows)], place, split) for place in range(share)]
        pq.write_table(pa.Table.from_pylist(copies), target / f"gz2_{split}_catalog.parquet")


def _renamed(source: Path, target: Path, row: dict[str, object], place: int, split: str) -> dict[str, object]:
    name = f"{split}-{place}"
    image = target / "images" / name[:7] / f"{name}.jpg"
    image.parent.mkdir(parents=True, exist_ok=True)
    original = source / "images" / str(row["subfolder"]) / str(row["filename"])
    if original.exists():
        image.symlink_to(original)
    return row | {"id_str": name, "subfolder": name[:7], "filename": image.name}


def tree_kilobytes(root: int) -> int:
    """Resident memory of a process and its descendants, kB, shared pages split among their users (PSS)."""
    family, seen = [root], 0
    while family:
        process = Path("/proc") / str(family.pop())
        try:
            lines = (process / "smaps_rollup").read_text().splitlines()
            seen += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            for task in (process / "task").iterdir():
                family += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked
    return seen


def measure(data: Path, out: Path) -> dict[str, float]:
    """Run gzprep over a folder; seconds, and the peak memory of the tree in MB."""
    began, peak = time.monotonic(), 0
    call = [sys.executable, "-m", "gzprep", "run", "--data", data, "--out", out, "--json"]
    with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        while process.poll() is None:
            peak = max(peak, tree_kilobytes(process.pid))
            time.sleep(0.05)
    if process.returncode != 0:
        raise SystemExit(f"gzprep run ended with {process.returncode}")
    return {"seconds": round(time.monotonic() - began, 1), "peak_mb": round(peak / 1000, 1)}


def main() -> None:
    """Measure each size and print the table."""
    results = {}
    with tempfile.TemporaryDirectory() as name:
        source = source_folder(Path(name))
        for size in SIZES:
            data = Path(name) / f"data-{size}"
            many_names(source, data, size)
            results[str(size)] = measure(data, Path(name) / f"out-{size}")
    if os.environ.get("JSON"):
        sys.stdout.write(json.dumps(results) + "\n")
        return
    sys.stdout.write("galaxies  seconds  peak MB\n")
    for size, result in results.items():
        sys.stdout.write(f"{size:>8}  {result['seconds']:>7}  {result['peak_mb']:>7}\n")


if __name__ == "__main__":
    main()
