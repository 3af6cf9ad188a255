"""The Dockerfile by reading: hadolint, versions, and what must not be inside. `make container-check` executes it."""

import re
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gzprep.config import PIXEL_LIBRARIES
from tests.running import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def pins(name: str) -> dict[str, str]:
    """Package to version, from a file of requirements: those for this Python and system."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    lines = [line.rstrip(" \\") for line in text.splitlines() if line and not line.startswith(" ")]
    wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    return {one.name.lower(): str(one.specifier).removeprefix("==") for one in wanted}


def stages() -> dict[str, list[str]]:
    """Lines of each stage."""
    found: dict[str, list[str]] = {}
    for line in DOCKERFILE.splitlines():
        start = re.match(r"FROM \S+ AS (\w+)", line)
        if start:
            found[start.group(1)] = []
        elif found:
            found[list(found)[-1]].append(line)
    return found


def test_dataflow_image_passes_hadolint() -> None:
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_dataflow_image_has_the_beam_that_the_launcher_has() -> None:
    assert f"apache/beam_python3.11_sdk:{version('apache-beam')}" in DOCKERFILE
    assert pins("cloud")["apache-beam"] == version("apache-beam")
    assert f"beam={version('apache-beam')}\n" in (ROOT / "tests" / "container" / "check.sh").read_text()


def test_dataflow_image_takes_no_latest() -> None:
    images = re.findall(r"^ARG \w+=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert len(images) == 3
    assert all(":" in image and not image.endswith(":latest") for image in images)
    assert all("--require-hashes" in line for line in DOCKERFILE.splitlines() if "--requirement" in line)


@pytest.mark.parametrize("library", ["tensorflow", "tensorflow-cpu", "keras", "torch", "jax", "matplotlib"])
def test_dataflow_image_of_a_worker_has_no(library: str) -> None:
    assert library not in pins("cloud")


@pytest.mark.parametrize("name", ["cloud", "gpu"])
def test_dataflow_image_has_the_pinned_versions(name: str) -> None:
    """Other versions of some libraries would make other bytes."""
    ours, base, dev = pins(name), pins("base"), pins("dev")
    for others in (base, dev):
        shared = ours.keys() & others.keys()
        assert {package: ours[package] for package in shared} == {package: others[package] for package in shared}
    assert base.keys() - ours.keys() <= {"colorama", "tzdata"}  # on other systems alone
    assert {"google-cloud-dataflow-client", "google-auth", "boto3", *PIXEL_LIBRARIES} <= ours.keys()


def test_dataflow_image_of_training_has_cuda_and_one_tensorflow() -> None:
    ours = pins("gpu")
    assert ours["tensorflow"] == pins("dev")["tensorflow-cpu"]
    assert "tensorflow-cpu" not in ours
    assert any(package.startswith("nvidia-cudnn") for package in ours)


def test_dataflow_image_is_worker_and_launcher() -> None:
    last = stages()["prep"]
    assert list(stages())[-1] == "prep"
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in last
    assert any("/opt/google/dataflow/python_template_launcher" in line for line in last)
    shim = re.search(r"FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/gzprep/(\S+)", DOCKERFILE)
    assert shim is not None
    assert (ROOT / shim.group(1)).is_file()


def test_dataflow_image_of_prediction_is_the_trainer_as_a_worker() -> None:
    assert "FROM gztrain AS train" in DOCKERFILE
    assert "FROM gztrain AS predict" in DOCKERFILE
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in stages()["predict"]
    assert pins("gpu")["apache-beam"] == version("apache-beam")


@pytest.mark.parametrize("stage", ["tool", "train"])
def test_dataflow_image_runs_as_nobody_in_particular_where_it_can(stage: str) -> None:
    assert "USER 1000" in stages()[stage]


def test_dataflow_image_is_sent_nothing_but_what_it_needs() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    assert names <= kept
    assert (ROOT / ".dockerignore").read_text().splitlines()[0] == "*"
