"""Prediction with everything in a bucket, and as a job for Dataflow: the rows are those of a local run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.storage import buckets
from gzcore.storage.places import Url
from tests import clouds
from tests.clouds import Faulty, Rule, cut_before, status
from tests.dataflow_service import IMAGE, PROJECT, REGION, TOKEN, Service, staged_pipeline, write_credentials
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]

OPTIONS = (f"--project={PROJECT}", f"--region={REGION}", f"--sdk_container_image={IMAGE}")
SUMMARY = "predictions.json"


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset).root


@pytest.fixture(scope="module")
def proxy(run: Path, dataset: Path, small_sky: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """A bucket with a run, a data set and images in it, and the way to it."""
    folder = tmp_path_factory.mktemp("cloud")
    with clouds.google() as target, pytest.MonkeyPatch.context() as patch:
        proxy = Faulty(target)
        with proxy.running() as address:
            patch.setenv("STORAGE_EMULATOR_HOST", address)
            patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(folder)))
            patch.setenv("NO_GCE_CHECK", "true")
            patch.setenv("GZTRAIN_CACHE", str(folder / "cache"))
            buckets._store_of.cache_clear()
            for name, path in (("run", run), ("data", dataset), ("sky", small_sky / "images")):
                clouds.upload(path, place(name))
            yield proxy
            buckets._store_of.cache_clear()


def place(name: str) -> Url:
    return Url("gs", clouds.BUCKET, name)


def predict(name: str, out: str, *more: str, runner: str = "DirectRunner") -> tuple[int, str, str]:
    call = ("predict", str(place("run")), str(place(name)), "--parquet", str(place(out)), "--runner", runner, "--json")
    result = gztrain(*call, *more)
    return result.code, result.out, result.err


def far_rows(out: str, key: str, folder: Path) -> pa.Table:
    here = clouds.download(place(out), folder)
    return pa.concat_tables([pq.read_table(path) for path in sorted(here.glob("part-*"))]).sort_by(key)


def near_rows(run: Path, wanted: Path, key: str, folder: Path) -> pa.Table:
    result = gztrain("predict", run, wanted, "--parquet", folder, "--runner", "DirectRunner")
    assert result.code == 0, result.err
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*"))]).sort_by(key)


@pytest.mark.usefixtures("proxy")
def test_gcs_records_are_predicted_as_on_a_disk(run: Path, dataset: Path, tmp_path: Path) -> None:
    code, out, err = predict("data", "out/records")
    assert code == 0, err
    assert json.loads(out)["objects"] == 38
    near = near_rows(run, dataset, "id", tmp_path / "near")
    assert far_rows("out/records", "id", tmp_path / "far").equals(near)
    names = [name for name in clouds.names(place("out/records")) if "/part-" in name]
    assert [Path(name).read_bytes() for name in sorted(map(str, (tmp_path / "far").glob("part-*")))] == [
        path.read_bytes() for path in sorted((tmp_path / "near").glob("part-*"))
    ]
    assert len(names) == 6
    code, out, _ = predict("data", "out/records")
    assert (code, json.loads(out)["parts_made"]) == (0, 0)


def test_gcs_images_are_predicted_as_on_a_disk_and_faults_tried_again(
    proxy: Faulty, run: Path, small_sky: Path, tmp_path: Path
) -> None:
    proxy.rules += [
        Rule("GET", r"/sky/.*\.jpg", status(503), 2),
        Rule("GET", r"/sky/.*\.jpg", cut_before, 1),
        Rule("PUT", r"part-", status(429), 1),
    ]
    code, out, err = predict("sky", "out/images")
    assert code == 0, err
    assert not any(rule.times for rule in proxy.rules)
    proxy.rules.clear()
    summary = json.loads(out)
    assert (summary["objects"], summary["predicted"]) == (39, 38)
    near = near_rows(run, small_sky / "images", "path", tmp_path / "near")
    far = far_rows("out/images", "path", tmp_path / "far")
    names = [Path(path).relative_to(small_sky / "images").as_posix() for path in near["path"].to_pylist()]
    assert far["path"].to_pylist() == [str(place("sky") / name) for name in names]
    for name in near.column_names[1:]:
        if pa.types.is_floating(near.schema.field(name).type):
            assert near[name].to_pandas().sub(far[name].to_pandas()).abs().max() <= 1e-6
        else:
            assert near[name].to_pylist() == far[name].to_pylist()


@pytest.mark.usefixtures("proxy")
def test_gcs_without_a_run_is_told() -> None:
    call = ("predict", str(place("sky")), str(place("data")), "--parquet", str(place("x")), "--runner", "DirectRunner")
    result = gztrain(*call)
    assert result.code == 1
    assert "There is no config.json in gs://" in result.sentence


@pytest.mark.usefixtures("proxy")
def test_dataflow_gets_a_job_whose_staged_pipeline_predicts_as_here(run: Path, dataset: Path, tmp_path: Path) -> None:
    service = Service()
    with service.running() as address:
        code, out, err = predict(
            "data", "out/job", "--", f"--dataflow_endpoint={address}", *OPTIONS, runner="DataflowRunner"
        )
        assert code == 0, err
        told = json.loads(out)
        assert told["job"] in told["console"]
        assert not place(f"out/job/{SUMMARY}").exists()  # the command does not wait for it
        (job,) = service.jobs
        (pool,) = job["environment"]["workerPools"]
        assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
        experiments = set(job["environment"]["experiments"])
        assert "no_use_multiple_sdk_containers" in experiments  # one process, and one model, a machine
        assert "use_multiple_sdk_containers" not in experiments
        assert job["name"].startswith("gztrain-predict-")
        pipeline = staged_pipeline(job)
        assert pipeline.ByteSize() < 50_000
        assert TOKEN.encode() not in pipeline.SerializeToString()
        state, messages, _ = service.outcome(job)
        assert (state, messages) == ("JOB_STATE_DONE", [])
    near = near_rows(run, dataset, "id", tmp_path / "near")
    assert far_rows("out/job", "id", tmp_path / "far").equals(near)
    assert json.loads((tmp_path / "far" / SUMMARY).read_text())["objects"] == 38
