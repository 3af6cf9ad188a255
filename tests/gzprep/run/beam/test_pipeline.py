"""The staged pipeline.pb is the whole job: a process that has seen nothing else of the launch makes the same bytes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzcore.storage import buckets
from gzcore.storage.places import Url
from tests import clouds
from tests.bucket_suite import check_is
from tests.dataflow_service import IMAGE, PROJECT, REGION, staged_pipeline, write_credentials
from tests.running import ROOT, SMALL, gzprep

pytestmark = pytest.mark.slow

WORKER = """
import json, sys
from tests.dataflow_service import run_staged
state, messages, counters = run_staged(json.load(open(sys.argv[1])))
print(json.dumps([state, messages, counters]))
"""
OPTIONS = (f"--project={PROJECT}", f"--region={REGION}", f"--sdk_container_image={IMAGE}")


@pytest.fixture(scope="module")
def job(small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """A job that was staged in a bucket, as Dataflow would be told of it; nothing was sent."""
    folder = tmp_path_factory.mktemp("job")
    with clouds.google() as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(folder)))
        patch.setenv("NO_GCE_CHECK", "true")
        buckets._store_of.cache_clear()
        sky = Url("gs", clouds.BUCKET, "sky")
        clouds.upload(small_sky, sky)
        out, template = Url("gs", clouds.BUCKET, "staged"), Url("gs", clouds.BUCKET, "template/job")
        call = ("run", "--data", str(sky), "--out", str(out), *SMALL, "--runner", "DataflowRunner", "--no-wait")
        result = gzprep(
            *call, "--", *OPTIONS, f"--template_location={template}", "--dataflow_endpoint=http://localhost:1"
        )
        assert result.code == 0, result.err
        yield json.loads(template.read_text())
        buckets._store_of.cache_clear()


def test_staged_pipeline_run_by_another_process_makes_the_bytes_of_a_local_run(
    job: dict, dataset: Path, tmp_path: Path
) -> None:
    out = Url("gs", clouds.BUCKET, "staged")
    assert not list(out.glob("*.tfrecord-*"))
    (tmp_path / "job.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-c", WORKER, tmp_path / "job.json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state, messages, counters = json.loads(done.stdout.splitlines()[-1])
    assert (state, messages) == ("JOB_STATE_DONE", [])
    assert counters == {
        "galaxies-in": 40,
        "galaxies-out": 38,
        "rejected-missing_file": 1,
        "rejected-unreadable": 1,
    }
    check_is(out, dataset, tmp_path / "copy")


def test_staged_pipeline_groups_rows_and_records_and_never_pixels(job: dict) -> None:
    pipeline = staged_pipeline(job)
    groups = [
        transform.unique_name
        for transform in pipeline.components.transforms.values()
        if transform.spec.urn == "beam:transform:group_by_key:v1"
    ]
    spread = "ReadGalaxies/Spread/ReshufflePerKey/GroupByKey"  # of row groups: a name and two numbers each
    assert sorted(groups) == ["GroupByBin/Group", spread, "WriteManifest/Gather"]


def test_staged_pipeline_knows_no_path_of_the_launcher(job: dict) -> None:
    data = staged_pipeline(job).SerializeToString()
    assert os.fsencode(Path.home()) + b"/" not in data
    assert os.fsencode(ROOT) not in data
