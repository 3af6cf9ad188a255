"""Commands that are killed by SIGKILL at a bad moment go on with the same command, and nothing is lost or different."""

import json
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.gztrain.killing import Killer, killer
from tests.gztrain.run_folders import TINY, curve, untrained_run

pytestmark = pytest.mark.slow
STEPS = {"tensorflow": 9, "jax": 6}
"""Those of a stage less on JAX, where it would be compiled anew."""
MOMENTS = random.Random(5)
KILLS = [
    pytest.param("tensorflow", (f"flush={MOMENTS.randrange(2, 8)}",), id="tensorflow"),
    pytest.param("jax", (f"step={MOMENTS.randrange(1, STEPS['jax'])}",), marks=pytest.mark.thorough, id="jax"),
    pytest.param(
        "tensorflow",
        (f"step={MOMENTS.randrange(1, STEPS['tensorflow'])}", f"flush={MOMENTS.randrange(2, 8)}"),
        marks=pytest.mark.thorough,
        id="tensorflow, twice",
    ),
]
OPTIONS = (*TINY, "--affine", "--set", "log.checkpoint=2", "--json")
STAGES = {"tensorflow": (), "jax": ("--fine-tune-epochs", "0")}


@pytest.fixture(scope="module")
def killers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Killer]]:
    """A process for each backend that is asked for, which runs and kills commands."""
    compiled = str(tmp_path_factory.mktemp("compiled"))
    with ExitStack() as started:
        yield cache(lambda backend: started.enter_context(killer(backend, **settings(backend, compiled))))


def settings(backend: str, compiled: str) -> dict[str, str]:
    """Variables of the process of a backend: JAX compiles less, and once; TensorFlow runs as users run it."""
    if backend != "jax":
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": compiled,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        # A few steps need no well compiled code; with level 0 a step takes a second.
        "XLA_FLAGS": "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true"
        " --xla_cpu_use_fusion_emitters=false",
    }


@pytest.mark.parametrize(("backend", "moments"), KILLS)
def test_a_killed_training_goes_on_with_the_same_losses(
    backend: str, moments: tuple[str, ...], killers: Callable[[str], Killer], dataset: Path, tmp_path: Path
) -> None:
    """Killed at random steps and while a file is half-way: the losses of a run left alone, to the last bit."""
    whole, killed, options = tmp_path / "whole", tmp_path / "killed", (*OPTIONS, *STAGES[backend])
    undisturbed = killers(backend).run("fit", dataset, "--run", whole, *options)
    assert undisturbed.code == 0, undisturbed.err
    command = ["fit", dataset, "--run", killed, *options]
    for moment in moments:
        ended = killers(backend).run(*command, kill=moment)
        assert ended.code == -signal.SIGKILL, ended.err
        assert not (killed / "metrics.json").exists()
        command = ["fit", dataset, "--run", killed, *options, "--resume"]
    ended = killers(backend).run(*command)
    assert ended.code == 0, ended.err
    assert len(curve(whole)) == STEPS[backend]
    assert curve(killed) == curve(whole)
    assert json.loads(ended.out) == json.loads((whole / "metrics.json").read_text())
    assert not [path.name for path in killed.rglob(".*") if path.name != ".gztrain"]  # which has the lock


def part_files(folder: Path) -> dict[str, bytes]:
    """Files of predictions, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def test_a_killed_prediction_goes_on_where_it_stopped(
    killers: Callable[[str], Killer], dataset: Path, tmp_path: Path
) -> None:
    run, whole, killed = untrained_run(tmp_path / "run", dataset).root, tmp_path / "whole", tmp_path / "killed"

    def predict(out: Path, kill: str | None = None) -> tuple[int, str]:
        command = ("predict", run, dataset, "--parquet", out, "--runner", "DirectRunner", "--json")
        ended = killers("tensorflow").run(*command, kill=kill)
        return ended.code, ended.out

    assert predict(whole)[0] == 0
    # Flushed are the plan and two parts; the third is written, and has no name yet.
    assert predict(killed, kill="flush=4")[0] == -signal.SIGKILL
    left = part_files(killed)
    assert len(left) == 2
    assert not (killed / "predictions.json").exists()
    assert [path.name for path in killed.glob(".*.parquet")]
    before = {path.name: path.stat().st_mtime_ns for path in killed.glob("part-*")}
    code, out = predict(killed)
    assert (code, json.loads(out)["parts_made"]) == (0, 4)
    assert part_files(killed) == part_files(whole)
    assert {name: (killed / name).stat().st_mtime_ns for name in before} == before
    assert not list(killed.glob(".*.parquet"))
    assert json.loads(out)["parts"] == json.loads((whole / "predictions.json").read_text())["parts"]
    code, out = predict(killed)
    assert (code, json.loads(out)["parts_made"]) == (0, 0)
