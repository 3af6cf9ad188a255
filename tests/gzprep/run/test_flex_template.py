"""The Flex Template: its parameters are the recipe's, its launcher never waits; and the machines of a job."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gzcore.engines.dataflow import Fleet, read_fleet
from gzcore.errors import UsageError
from gzcore.storage import buckets
from gzcore.storage.places import Url
from gzprep.config import Recipe, read_recipe
from gzprep.run.flex_template import OPTIONS, arguments, metadata, parameters
from tests import clouds
from tests.dataflow_service import IMAGE, PROJECT, REGION, Service, run_staged, write_credentials
from tests.running import ROOT, gzprep, shard_sums

pytestmark = pytest.mark.slow

FOLDER = ROOT / "pipelines" / "dataflow"


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def test_dataflow_metadata_is_that_of_the_dataclasses() -> None:
    written = json.loads((FOLDER / "metadata.json").read_text())
    assert written == metadata(), "run `make template` and look at what changed"
    assert len(written["parameters"]) >= 8
    assert {one.key for one in parameters() if one.key} == set(leaves(asdict(Recipe())))
    names = [one["name"] for one in written["parameters"]]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)
    assert all(len(one["helpText"]) > 10 for one in written["parameters"])
    assert [one["name"] for one in written["parameters"] if not one["isOptional"]] == ["data", "out"]


def test_dataflow_parameters_match_their_own_defaults() -> None:
    defaults = {key: value for key, value in leaves(asdict(Recipe())).items() if value is not None}
    for one in parameters():
        if one.key in defaults:
            value = defaults[one.key]
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert re.fullmatch(one.regex, text), one.name
            assert f"Default: {text}." in one.help


def test_dataflow_parameters_become_the_recipe_they_say() -> None:
    given = ["--views_zoom=0.8,1.2", "--views_blur=3", "--crop_encoding=png", "--seed=-4", "--limit", "7", "--recipe="]
    call = arguments(["--data=gs://b/s", "--out=gs://b/o", *given, "--project=p", "--streaming", "--runner=Other"])
    settings = [call[place + 1] for place, word in enumerate(call) if word == "--set"]
    recipe = read_recipe(None, settings)
    assert (recipe.views.zoom, recipe.views.blur) == ((0.8, 1.2), (3,))
    assert (recipe.crop.encoding, recipe.seed, recipe.limit) == ("png", -4, 7)
    assert call[: call.index("--set")] == ["run", "--data", "gs://b/s", "--out", "gs://b/o"]
    assert call[-6:] == ["--runner", "DataflowRunner", "--no-wait", "--", "--project=p", "--streaming"]
    with pytest.raises(UsageError, match="expected --NAME=VALUE"):
        arguments(["stray"])


def test_dataflow_specification_is_one_that_dataflow_reads(tmp_path: Path) -> None:
    from google.cloud import dataflow

    result = gzprep("template", tmp_path / "spec.json", "--image", IMAGE, "--metadata", tmp_path / "metadata.json")
    assert result.code == 0, result.err
    spec = dataflow.ContainerSpec.from_json((tmp_path / "spec.json").read_text())
    assert (spec.image, spec.default_environment.sdk_container_image) == (IMAGE, IMAGE)
    assert spec.sdk_info.language == dataflow.SDKInfo.Language.PYTHON
    assert len(spec.metadata.parameters) == len(parameters())
    kinds = {one.name: one.param_type.name for one in spec.metadata.parameters}
    assert (kinds["data"], kinds["out"], kinds["views_count"]) == ("GCS_READ_FOLDER", "GCS_WRITE_FOLDER", "TEXT")
    assert (tmp_path / "metadata.json").read_text() == (FOLDER / "metadata.json").read_text()
    assert "needs SPEC and --image" in gzprep("template", tmp_path / "spec.json").sentence


def test_dataflow_options_of_the_template_are_options_of_run() -> None:
    text = gzprep("run", "--help").out
    assert all(f"--{one.name.replace('_', '-')}" in text for one in OPTIONS)


def launch(given: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what the launcher in the image runs."""
    call = [sys.executable, FOLDER / "main.py", *given]
    variables = {**os.environ, "GZPREP_IMAGE": IMAGE, **environment}
    return subprocess.run(call, cwd="/", env=variables, capture_output=True, text=True, timeout=90, check=False)


def test_dataflow_launcher_writes_the_job_and_never_waits(
    small_sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Google's python_template_launcher calls it: our parameters, then where to stage and to write the job."""
    small = ["--crop_size=64", "--views_count=2", "--shards_min_bins=1", "--max_reject_share=1", "--limit=12"]
    service = Service()
    with clouds.google() as address, service.running() as endpoint:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(tmp_path)))
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        buckets._store_of.cache_clear()
        bucket = Url("gs", clouds.BUCKET)
        clouds.upload(small_sky, bucket / "sky")
        beams = [f"--template_location={bucket}/job", f"--project={PROJECT}", f"--region={REGION}"]
        beams += [
            f"--temp_location={bucket}/temporary",
            f"--staging_location={bucket}/staging",
            "--job_name=from-template",
        ]
        beams += [f"--dataflow_endpoint={endpoint}", "--runner=DataflowRunner"]
        done = launch([f"--data={bucket}/sky", f"--out={bucket}/out", *small, *beams])
        assert done.returncode == 0, done.stderr
        assert not service.seen  # nothing sent, nothing waited for: Dataflow itself starts what is written
        job = json.loads((bucket / "job").read_text())
        assert job["name"] == "from-template"
        assert job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"].startswith(f"{bucket}/staging/")
        assert job["environment"]["workerPools"][0]["sdkHarnessContainerImages"][0]["containerImage"] == IMAGE
        assert run_staged(job)[0] == "JOB_STATE_DONE"
        made = clouds.download(bucket / "out", tmp_path / "copy")
        buckets._store_of.cache_clear()
    options = ("--crop", "64", "--views", "2", "--set", "shards.min_bins=1", "--set", "max_reject_share=1")
    assert gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *options, "--limit", "12").code == 0
    assert shard_sums(made) == shard_sums(tmp_path / "out")


def test_dataflow_worker_options_in_the_file_are_the_defaults() -> None:
    assert tomllib.loads((FOLDER / "workers.toml").read_text()) == asdict(Fleet())
    assert read_fleet(FOLDER / "workers.toml") == Fleet() == read_fleet(None)
    opening = (FOLDER / "workers.toml").read_text().splitlines()[:7]
    assert all(any(word in line for line in opening) for word in ("Command", "Cost", "Result"))
