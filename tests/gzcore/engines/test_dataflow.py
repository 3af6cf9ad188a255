"""What is given to Dataflow, and what must be known before: without Beam, and without sending anything."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from gzcore.engines.dataflow import (
    Fleet,
    JobKind,
    cancel_command,
    check_dataflow,
    console_address,
    dataflow_options,
    job_name,
    read_fleet,
    template_location,
)
from gzcore.errors import GzError, UsageError
from gzcore.storage.places import Place, as_place
from gzprep.run.launch import JOBS
from gztrain.predict.beam.launch import JOBS as PREDICTION_JOBS

OUT = as_place("gs://bucket/shards/gz2 224")
KNOWN = ("--project=p", "--region=r", "--sdk_container_image=i")
FLEETS = {
    "no such key": ('machine = "x"', "'machine', which does not fit"),
    "no machines": ("max_num_workers = 0", "'max_num_workers', which does not fit"),
    "no TOML": ("machine_type =", "not TOML"),
}


@pytest.mark.parametrize(("text", "told"), FLEETS.values(), ids=FLEETS.keys())
def test_worker_options_that_do_not_fit_are_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        read_fleet(tmp_path / "fleet.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_fleet(tmp_path / "absent.toml")


@pytest.mark.parametrize(("bins", "most"), [(1, 1), (8, 1), (9, 2), (150, 19), (8000, 100)])
def test_there_are_no_more_machines_than_bins_keep_busy(bins: int, most: int) -> None:
    assert Fleet().machines_for(bins) == most


def test_there_are_no_more_machines_than_there_is_work_for() -> None:
    options = dataflow_options(JOBS, Fleet(num_workers=9), (), OUT, 3)
    assert {"--max_num_workers=3", "--num_workers=3"} <= set(options)
    assert "--max_num_workers=100" in dataflow_options(JOBS, Fleet(), (), OUT, 999)


CORES = {"n2-standard-8": 8, "c3d-highcpu-360": 360, "n2-custom-6-3072": 6, "e2-medium": 2}


@pytest.mark.parametrize(("machine", "cores"), CORES.items())
def test_the_cores_of_a_machine_are_in_its_name(machine: str, cores: int) -> None:
    assert Fleet(machine_type=machine).cores == cores


@pytest.mark.parametrize("kind", [JOBS, PREDICTION_JOBS], ids=lambda kind: kind.name)
def test_a_job_is_named_after_its_output(kind: JobKind) -> None:
    assert re.fullmatch(rf"{kind.name}-gz2-224-[0-9a-f]{{10}}", job_name(kind, OUT))
    assert job_name(kind, OUT) == job_name(kind, as_place("gs://bucket/shards/gz2 224"))
    assert job_name(kind, OUT) != job_name(kind, OUT.parent / "gz2-224")
    assert re.fullmatch(rf"{kind.name}-[0-9a-f]{{10}}", job_name(kind, OUT / "Ü"))
    long = job_name(kind, OUT / ("Ünï-" * 50))
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?", long)
    assert len(long) < 64  # the longest value of a label of Google's


def test_what_is_not_set_is_left_to_dataflow_and_the_users_options_win() -> None:
    fleet = Fleet(num_workers=None, number_of_worker_harness_threads=None)
    options = dataflow_options(JOBS, fleet, (*KNOWN, "--machine_type=e2-medium"), OUT, 2)
    assert not [option for option in options if "None" in option]
    assert not [option for option in options if option.startswith(("--num_workers", "--number_of"))]
    assert options[-1] == "--machine_type=e2-medium"
    assert {"--job_name=" + job_name(JOBS, OUT), f"--temp_location={OUT}/.gzprep/dataflow"} <= set(options)


NEEDS: dict[str, tuple[Sequence[str], str]] = {
    "a project": (KNOWN[1:], "add -- --project=... (docs"),
    "a region": ((KNOWN[0], KNOWN[2]), "add -- --region=... (docs"),
    "an image": (KNOWN[:2], "add -- --sdk_container_image=... (docs"),
    "all of them": ((), "add -- --project=... --region=... --sdk_container_image=... (docs"),
}


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names neither a project, nor a region, nor an image."""
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_COMPUTE_REGION", "GZPREP_IMAGE", "GZTRAIN_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("no_variables")
@pytest.mark.parametrize("kind", [JOBS, PREDICTION_JOBS], ids=lambda kind: kind.name)
@pytest.mark.parametrize(("options", "told"), NEEDS.values(), ids=NEEDS.keys())
def test_what_a_job_must_be_told_is_asked_for(options: Sequence[str], told: str, kind: JobKind) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        check_dataflow(kind, options, [OUT])


def test_the_environment_may_tell_it_and_each_kind_of_job_has_an_image(no_variables: pytest.MonkeyPatch) -> None:
    no_variables.setenv("GOOGLE_CLOUD_PROJECT", "p")
    no_variables.setenv("CLOUDSDK_COMPUTE_REGION", "r")
    no_variables.setenv("GZPREP_IMAGE", "i")
    check_dataflow(JOBS, (), [OUT])
    assert "--sdk_container_image=i" in dataflow_options(JOBS, Fleet(), (), OUT, 1)
    with pytest.raises(UsageError, match="sdk_container_image"):
        check_dataflow(PREDICTION_JOBS, (), [OUT])


PLACES: dict[str, tuple[Sequence[str], str]] = {
    "a folder of this machine": (("gs://bucket/out", "data"), "do not see data; copy it into a bucket"),
    "an output of this machine": (("out", "gs://bucket/data"), "do not see out; copy it into a bucket"),
    "an output at Amazon": (("s3://bucket/out", "gs://bucket/data"), "add -- --temp_location=gs://BUCKET/PATH"),
}


@pytest.mark.parametrize(("places", "told"), PLACES.values(), ids=PLACES.keys())
def test_a_place_that_cannot_be_used_is_told(places: Sequence[str], told: str) -> None:
    found: list[Place] = [as_place(place) for place in places]
    with pytest.raises(UsageError, match=re.escape(told)):
        check_dataflow(JOBS, KNOWN, found)


def test_an_output_at_amazon_needs_a_temporary_place_alone() -> None:
    check_dataflow(JOBS, (*KNOWN, "--temp_location=gs://bucket/t"), [as_place("s3://bucket/out")])


def test_without_its_extra_there_is_no_dataflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(GzError, match=r"pip install 'gzprep\[gcp\]'"):
        check_dataflow(JOBS, KNOWN, [OUT])


def test_a_person_is_told_where_a_job_is_and_how_to_end_it() -> None:
    assert console_address("p", "r", "1") == "https://console.cloud.google.com/dataflow/jobs/r/1?project=p"
    assert cancel_command("p", "r", "1") == "gcloud dataflow jobs cancel 1 --project=p --region=r"
    assert template_location(["--template_location", "gs://bucket/t"]) == "gs://bucket/t"
    assert template_location([]) is None
