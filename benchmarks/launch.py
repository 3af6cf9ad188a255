"""How long a launch takes, and what it sends: a catalogue of 2,000,000 rows in a bucket, no image, a job for Dataflow.

Bucket and Dataflow are on loopback, the bucket in another process. Time and memory are those of the whole command. Exit
code 1 where a bar is missed: 60 s, 2 GB, 1 MB of graph. About a minute.

`python benchmarks/launch.py [--rows N] [--limit]`; JSON=1 prints one JSON document.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scale import ROOT, emulator

from gzcore.storage.places import Url
from tests import clouds
from tests.catalogues import write_catalogue
from tests.dataflow_service import IMAGE, PROJECT, REGION, Service, never, staged_pipeline, write_credentials

SECONDS, BYTES, GRAPH = 60.0, 2e9, 1e6
TRAIN = "big_train_catalog.parquet"


def launch(rows: int, more: list[str]) -> dict[str, Any]:
    """Send a job, and look at what it took and at what was sent."""
    with tempfile.TemporaryDirectory() as name, emulator("google") as address:
        folder, bucket = Path(name), Url("gs", clouds.BUCKET)
        os.environ |= {"STORAGE_EMULATOR_HOST": address, "NO_GCE_CHECK": "true"}
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(write_credentials(folder))
        write_catalogue(folder / TRAIN, rows)
        with (folder / TRAIN).open("rb") as file:
            (bucket / "sky" / TRAIN).put(file)
        (bucket / "sky" / "images" / "none").touch()
        service = Service(outcome=never)
        with service.running() as endpoint:
            seconds = _run(bucket, endpoint, more)
        job = service.jobs[-1]
        return {
            "rows": rows,
            "catalogue_bytes": (folder / TRAIN).stat().st_size,
            "seconds": round(seconds, 1),
            "peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            "graph_bytes": staged_pipeline(job).ByteSize(),
            "job_bytes": len(json.dumps(job)),
        }


def _run(bucket: Url, endpoint: str, more: list[str]) -> float:
    call = [
        "run",
        "--data",
        f"{bucket}/sky",
        "--out",
        f"{bucket}/out",
        "--runner",
        "DataflowRunner",
        "--no-wait",
        *more,
    ]
    options = [f"--project={PROJECT}", f"--region={REGION}", f"--sdk_container_image={IMAGE}"]
    began = time.monotonic()
    whole = [sys.executable, "-m", "gzprep", *call, "--", *options, f"--dataflow_endpoint={endpoint}"]
    subprocess.run(whole, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.monotonic() - began


def main() -> None:
    """Measure, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--limit", action="store_true", help="take half of the galaxies: every id is read for that")
    wanted = parser.parse_args()
    found = launch(wanted.rows, ["--limit", str(wanted.rows // 2)] if wanted.limit else [])
    found["good"] = found["seconds"] < SECONDS and found["peak_bytes"] < BYTES and found["graph_bytes"] < GRAPH
    lines = [f"{key:<16}{value:>14}" for key, value in found.items()]
    sys.stdout.write(json.dumps(found, indent=2) if os.environ.get("JSON") else "\n".join(lines))
    sys.stdout.write("\n")
    raise SystemExit(not found["good"])


if __name__ == "__main__":
    main()
