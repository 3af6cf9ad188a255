"""A job for Dataflow, all the way: staged, sent, run from what was staged, and told about; and every way it may end."""

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzcore.storage import buckets
from gzcore.storage.places import Url
from tests import clouds
from tests.bucket_suite import check_is
from tests.dataflow_service import (
    IMAGE,
    PROJECT,
    REFRESH,
    REGION,
    TOKEN,
    Service,
    cancelled,
    failed,
    never,
    staged_pipeline,
    write_credentials,
)
from tests.running import SMALL, Result, gzprep, manifest

pytestmark = pytest.mark.slow

OPTIONS = (f"--project={PROJECT}", f"--region={REGION}", f"--sdk_container_image={IMAGE}")
JOB = "2026-11-22_job"
CONSOLE = f"https://console.cloud.google.com/dataflow/jobs/{REGION}/{JOB}?project={PROJECT}"


@pytest.fixture(scope="module")
def sky(small_sky: Path) -> Iterator[Url]:
    """The small sky in a bucket of Google's."""
    with clouds.google() as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", address)
        buckets._store_of.cache_clear()
        place = Url("gs", clouds.BUCKET, "sky")
        clouds.upload(small_sky, place)
        yield place
        buckets._store_of.cache_clear()


@pytest.fixture
def out(request: pytest.FixtureRequest) -> Url:
    """A place for a data set, one a test."""
    return Url("gs", clouds.BUCKET, f"out/{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Dataflow, its address in the options; and credentials, which no test may find anywhere."""
    from gzcore.engines.beam import dataflow

    monkeypatch.setattr(dataflow, "_EVERY", 0.01)
    monkeypatch.setattr(dataflow, "_LATE", 0.05)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(tmp_path)))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GZPREP_IMAGE", raising=False)
    service = Service()
    with service.running() as address:
        monkeypatch.setenv("LOOPBACK_DATAFLOW", address)
        yield service


def launch(sky: Url, out: Url, *more: str, beam: tuple[str, ...] = OPTIONS, recipe: tuple[str, ...] = SMALL) -> Result:
    endpoint = f"--dataflow_endpoint={os.environ['LOOPBACK_DATAFLOW']}"
    call = ("run", "--data", str(sky), "--out", str(out), *recipe, "--runner", "DataflowRunner", *more)
    return gzprep(*call, "--", endpoint, *beam)


@pytest.mark.usefixtures("service")
def test_dataflow_runs_the_staged_job_and_its_shards_are_those_of_a_local_run(
    sky: Url, out: Url, dataset: Path, tmp_path: Path
) -> None:
    result = launch(sky, out)
    assert result.code == 0, result.err
    check_is(out, dataset, tmp_path / "copy")
    told = result.err.splitlines()
    assert told[0] == f"Dataflow has taken the job {JOB}: {CONSOLE}"
    assert told[1:4] == [f"Dataflow job {JOB}: {state}" for state in ("pending", "running", "done")]
    assert (
        told[4] == "Dataflow counted: galaxies-in 40, galaxies-out 38, rejected-missing_file 1, rejected-unreadable 1"
    )
    assert "rejected: missing_file" in result.out


def test_dataflow_gets_a_job_with_our_options_image_and_staged_files(sky: Url, out: Url, service: Service) -> None:
    service.outcome = never
    result = launch(sky, out, "--no-wait", "--json")
    assert result.json == {"out": str(out), "job": JOB, "console": CONSOLE}
    (job,) = service.jobs
    environment = job["environment"]
    (pool,) = environment["workerPools"]
    options = environment["sdkPipelineOptions"]["options"]
    assert job["type"] in ("JOB_TYPE_BATCH", 1)
    assert job["name"].startswith("gzprep-")
    assert (pool["machineType"], pool["diskSizeGb"], pool["numThreadsPerWorker"]) == ("n2-standard-8", 50, 1)
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 1  # six bins keep eight cores busy
    assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert pool["sdkHarnessContainerImages"][0]["useSingleCorePerContainer"]  # one process a core
    assert {"use_runner_v2", "use_multiple_sdk_containers"} <= set(environment["experiments"])
    assert options["pipelineUrl"].startswith(f"{out}/.gzprep/dataflow/{job['name']}.")
    assert (options["project"], options["region"], options["sdk_location"]) == (PROJECT, REGION, "container")
    staged = clouds.names(Url("gs", clouds.BUCKET, f"{out.key}/.gzprep/dataflow"))
    assert [Path(name).name for name in staged] == ["pipeline.pb"]
    assert len(json.dumps(job)) < 20_000
    pipeline = staged_pipeline(job)
    assert pipeline.ByteSize() < 50_000
    names = {transform.unique_name for transform in pipeline.components.transforms.values()}
    assert {"CreateRowGroups", "ReadGalaxies", "GroupByBin", "WriteBins", "WriteManifest"} <= names
    payloads = {env.payload for env in pipeline.components.environments.values() if env.payload}
    assert all(IMAGE.encode() in payload for payload in payloads)


def test_dataflow_no_wait_returns_before_the_job_and_the_job_writes_the_manifest(
    sky: Url, out: Url, service: Service, dataset: Path, tmp_path: Path
) -> None:
    result = launch(sky, out, "--no-wait")
    assert result.code == 0, result.err
    assert f"Job {JOB} makes {out}" in result.out
    assert CONSOLE in result.err
    assert not any("GET" in line for line in service.seen)
    assert not (out / "manifest.json").exists()
    while service.look()["currentState"] != "JOB_STATE_DONE":  # the launcher is gone; the job goes on
        assert service.looks < 5
    check_is(out, dataset, tmp_path / "copy")


def test_dataflow_reuses_bins_and_the_users_options_win(sky: Url, out: Url, service: Service) -> None:
    small = ("--limit", "10")
    own = (*OPTIONS, "--max_num_workers=7", "--machine_type=e2-highcpu-2", "--job_name=mine")
    assert launch(sky, out, *small, beam=own).code == 0
    options = service.jobs[-1]["environment"]["workerPools"][0]
    assert (options["machineType"], options["autoscalingSettings"]["maxNumWorkers"]) == ("e2-highcpu-2", 7)
    assert service.jobs[-1]["name"] == "mine"
    service.ended, service.looks = None, 0
    before = (out / "manifest.json").read_text()
    assert launch(sky, out, *small).code == 0
    assert (out / "manifest.json").read_text() == before


def test_dataflow_worker_options_come_from_a_file(sky: Url, out: Url, service: Service, tmp_path: Path) -> None:
    service.outcome = never
    (tmp_path / "fleet.toml").write_text('machine_type = "c3-standard-4"\ndisk_size_gb = 77\n')
    assert launch(sky, out, "--no-wait", "--fleet", str(tmp_path / "fleet.toml")).code == 0
    pool = service.jobs[-1]["environment"]["workerPools"][0]
    assert (pool["machineType"], pool["diskSizeGb"]) == ("c3-standard-4", 77)


@pytest.mark.usefixtures("service")
def test_dataflow_job_that_fails_ends_with_the_workers_own_sentence(sky: Url, out: Url) -> None:
    result = launch(sky, out, recipe=(*SMALL, "--set", "max_reject_share=0.01"))
    assert result.code == 1
    last = result.err.splitlines()[-1]
    assert last.startswith("gzprep: 2 of 40 galaxies were rejected (missing_file 1, unreadable 1), more than")
    assert last.endswith(f"(Dataflow job {JOB}; its log is at {CONSOLE})")
    assert "Traceback" not in result.err


def test_dataflow_job_that_fails_for_a_reason_of_its_own_says_it(sky: Url, out: Url, service: Service) -> None:
    service.outcome = failed("Startup of the worker pool failed.", "Zone exhausted: no n2-standard-8 in europe-west1.")
    result = launch(sky, out)
    assert result.code == 1
    assert "failed: Zone exhausted: no n2-standard-8 in europe-west1." in result.err.splitlines()[-1]
    assert CONSOLE in result.err.splitlines()[-1]


def test_dataflow_job_that_fails_without_a_word_is_told(sky: Url, out: Url, service: Service) -> None:
    service.outcome = failed()
    result = launch(sky, out)
    assert (result.code, "it did not say why" in result.err) == (1, True)


def test_dataflow_job_that_is_cancelled_is_told(sky: Url, out: Url, service: Service) -> None:
    service.outcome = cancelled
    result = launch(sky, out)
    assert result.code == 1
    assert f"Dataflow job {JOB} was cancelled; the same command goes on" in result.err.splitlines()[-1]


def test_dataflow_refusing_a_job_is_told_and_nothing_runs(sky: Url, out: Url, service: Service) -> None:
    service.refusal = (400, "(5f1): The workflow could not be created. Causes: Unknown region europe-west1.")
    result = launch(sky, out)
    assert result.code == 1
    assert result.sentence.startswith("gzprep: Dataflow did not take the job: ")
    assert "Unknown region europe-west1." in result.sentence
    assert [line.partition("?")[0] for line in service.seen] == [
        f"POST /v1b3/projects/{PROJECT}/locations/{REGION}/jobs"
    ]


def test_dataflow_running_a_job_of_this_folder_already_is_told(sky: Url, out: Url, service: Service) -> None:
    service.active = "yes"
    result = launch(sky, out)
    assert result.code == 1
    assert "There is already active job named gzprep-" in result.sentence


def test_dataflow_job_runs_on_after_ctrl_c(
    sky: Url, out: Url, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gzcore.engines.beam import dataflow

    def interrupt(_: float) -> None:
        if service.looks > 2:
            raise KeyboardInterrupt

    service.outcome = never
    monkeypatch.setattr(dataflow.time, "sleep", interrupt)
    result = launch(sky, out)
    assert result.code == 130
    last = result.err.splitlines()[-1]
    assert "The job runs on" in last
    assert f"gcloud dataflow jobs cancel {JOB} --project={PROJECT} --region={REGION}" in last
    assert not [line for line in service.seen if "PUT" in line]


def test_dataflow_template_is_written_and_nothing_is_sent(
    sky: Url, out: Url, service: Service, dataset: Path, tmp_path: Path
) -> None:
    template = out / "templates" / "job"
    options = (*OPTIONS, f"--template_location={template}")
    assert "add --no-wait" in launch(sky, out, beam=options).sentence
    result = launch(sky, out, "--no-wait", "--json", beam=options)
    assert result.json == {"out": str(out), "template": str(template)}
    assert not service.seen
    job = json.loads(template.read_text())
    service.jobs.append(job)
    assert service.outcome(job)[0] == "JOB_STATE_DONE"
    check_is(out, dataset, tmp_path / "copy")


NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "project": (OPTIONS[1:], "--project=..."),
    "region": ((OPTIONS[0], OPTIONS[2]), "--region=..."),
    "image": (OPTIONS[:2], "--sdk_container_image=..."),
    "nothing known": ((), "--project=... --region=... --sdk_container_image=..."),
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("options", "wanted"), NEEDS.values(), ids=NEEDS.keys())
def test_dataflow_without_an_option_is_a_usage_error(
    sky: Url, out: Url, options: tuple[str, ...], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_COMPUTE_REGION"):
        monkeypatch.delenv(name, raising=False)
    result = launch(sky, out, beam=options)
    assert (result.code, wanted in result.sentence) == (2, True)
    assert not out.is_dir()


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("what", ["data", "out"])
def test_dataflow_workers_see_no_local_folder(sky: Url, out: Url, small_sky: Path, tmp_path: Path, what: str) -> None:
    places = {"data": sky, "out": out} | {what: small_sky if what == "data" else tmp_path / "out"}
    call = ("run", "--data", str(places["data"]), "--out", str(places["out"]), "--runner", "DataflowRunner")
    result = gzprep(*call, "--", *OPTIONS)
    assert result.code == 2
    assert f"do not see {places[what]}; copy it into a bucket" in result.sentence


@pytest.mark.usefixtures("service")
def test_dataflow_option_that_does_not_fit_is_told(sky: Url, out: Url) -> None:
    result = launch(sky, out, beam=(*OPTIONS, "--dataflow_endpoint=nowhere"))
    assert (result.code, "Invalid url (nowhere)" in result.sentence) == (2, True)


def test_an_unknown_dataflow_option_is_told(sky: Url, out: Url, service: Service) -> None:
    result = launch(sky, out, beam=(*OPTIONS, "--max_num_worker=3"))
    assert (result.code, "Beam knows no option --max_num_worker" in result.sentence) == (2, True)
    assert not service.jobs


@pytest.mark.usefixtures("service")
def test_dataflow_without_its_extra_names_it(sky: Url, out: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    result = launch(sky, out)
    assert (result.code, "pip install 'gzprep[gcp]'" in result.sentence) == (1, True)


def test_dataflow_job_holds_no_secret(sky: Url, out: Url, service: Service, tmp_path: Path) -> None:
    result = launch(sky, out, "--limit", "10", "--json")
    assert result.code == 0, result.err
    clouds.download(out, tmp_path / "copy")
    written = b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    everything = result.out + result.err + json.dumps(service.jobs) + written.decode("latin1")
    for secret in (TOKEN, REFRESH, "LOOPBACK-client-secret"):
        assert secret not in everything
    assert manifest(tmp_path / "copy")["source"]["data"] == str(sky)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("option", ["--s3_secret_access_key=SeCrEt", "--s3_session_token", "--azure_connection_string"])
def test_dataflow_is_never_handed_a_secret(sky: Url, out: Url, option: str) -> None:
    result = launch(sky, out, beam=(*OPTIONS, option))
    assert (result.code, "SeCrEt" in result.err + result.out) == (2, False)
    assert f"{option.partition('=')[0]} would be seen" in result.sentence
