"""Prediction as a pipeline: what a run says one by one, in parts that survive a kill and know what they are made of."""

import dataclasses
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gzcore.errors import GzError
from gzcore.storage.places import Place, Url
from gztrain.cli import predicting
from gztrain.evaluation.predictions import read_predictions
from gztrain.predict.beam import launch, part, parts_plan
from gztrain.predict.beam.launch import PredictionRequest
from gztrain.predict.beam.parts_plan import SUMMARY, PartRecord
from gztrain.predict.beam.pipeline import summarise
from gztrain.predict.crops import find_files
from tests.gztrain.run_folders import untrained_run
from tests.gztrain.shards import copied, flip
from tests.running import Result, gztrain, python

pytestmark = pytest.mark.slow

LOCAL = ("--runner", "DirectRunner")


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "run", dataset).root


@pytest.fixture(scope="module")
def whole(run: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The predictions of the data set, by one worker; not to be written into."""
    out = tmp_path_factory.mktemp("whole") / "out"
    predicted(run, dataset, out)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    """A copy of them, which a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "out"))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten images a part."""
    monkeypatch.setattr(parts_plan, "IMAGES_A_PART", 10)


def predicted(run: Path, wanted: Path, out: Path, *more: str) -> Any:
    """The summary of a run that succeeds."""
    result = gztrain("predict", run, wanted, "--parquet", out, *LOCAL, "--json", *more)
    assert result.code == 0, result.err
    assert result.json == json.loads((out / SUMMARY).read_text())
    return result.json


def files(out: Path) -> dict[str, bytes]:
    """Files of predictions, by name."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def rows(out: Path, key: str) -> pa.Table:
    """All rows, by path or id."""
    return pa.concat_tables([pq.read_table(path) for path in sorted(out.glob("part-*"))]).sort_by(key)


def made(summary: Any) -> int:
    return int(summary["parts_made"])


def assert_close(found: pa.Table, expected: pa.Table) -> None:
    assert found.schema.equals(expected.schema, check_metadata=False)
    for name in expected.column_names:
        if pa.types.is_floating(expected.schema.field(name).type):
            np.testing.assert_allclose(found[name].to_numpy(), expected[name].to_numpy(), atol=1e-6, err_msg=name)
        else:
            assert found[name].to_pylist() == expected[name].to_pylist(), name


# ---------------------------------------------------------------- the same as one by one


@pytest.mark.usefixtures("small_parts")
def test_images_are_predicted_as_without_a_runner(run: Path, small_sky: Path, tmp_path: Path) -> None:
    plain = gztrain("predict", run, small_sky / "images", "--parquet", tmp_path / "plain.parquet")
    assert plain.code == 0, plain.err
    summary = predicted(run, small_sky / "images", tmp_path / "out")
    expected = pq.read_table(tmp_path / "plain.parquet")
    assert_close(rows(tmp_path / "out", "path"), expected)
    (reason,) = {reason for reason in expected["reason"].to_pylist() if reason}
    assert "cannot be decoded" in reason
    assert summary["rejected"] == {reason: 1}
    assert (summary["objects"], summary["predicted"]) == (39, 38)
    assert sum(part["objects"] for part in summary["parts"]) == 39
    assert made(summary) == len(summary["parts"]) == len(files(tmp_path / "out")) == 4
    for path in (tmp_path / "out").glob("part-*"):
        names = pq.read_table(path)["path"].to_pylist()
        assert names == sorted(names)


def test_records_are_predicted_as_they_are_judged(run: Path, dataset: Path, tmp_path: Path) -> None:
    summary = predicted(run, dataset, tmp_path / "out")
    found = {row["id"]: row for row in rows(tmp_path / "out", "id").to_pylist()}
    assert len(found) == summary["objects"] == summary["predicted"] == 38  # a galaxy once, its extra views never
    told = gztrain("evaluate", run, "--split", "test")
    assert told.code == 0, told.err
    judged = read_predictions(run / "predictions-test.parquet")
    assert judged.ids
    for galaxy, probabilities in zip(judged.ids, judged.probabilities, strict=True):
        np.testing.assert_allclose([found[galaxy][name] for name in judged.names], probabilities, atol=1e-6)


def test_two_workers_make_the_bytes_of_one_and_say_nothing(
    run: Path, dataset: Path, whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The workers are processes of their own, and could write past the command."""
    assert made(predicted(run, dataset, tmp_path / "two", "--workers", "2")) == 6
    assert capfd.readouterr() == ("", "")
    assert files(tmp_path / "two") == files(whole)


# ---------------------------------------------------------------- resuming


def test_a_run_without_its_summary_is_not_whole(run: Path, dataset: Path, out: Path) -> None:
    (out / SUMMARY).unlink()
    assert made(predicted(run, dataset, out)) == 0


@pytest.mark.usefixtures("small_parts")
def test_a_changed_image_is_noticed_and_no_other_part_made_again(run: Path, small_sky: Path, tmp_path: Path) -> None:
    images, out = Path(shutil.copytree(small_sky / "images", tmp_path / "images")), tmp_path / "out"
    predicted(run, images, out)
    before = rows(out, "path").to_pylist()
    chosen = find_files([images]).images[7]
    Image.new("RGB", (424, 424), (90, 30, 10)).save(chosen)
    assert made(predicted(run, images, out)) == 1
    after = rows(out, "path").to_pylist()
    assert [one["path"] for one, two in zip(before, after, strict=True) if one != two] == [str(chosen)]
    chosen.unlink()
    summary = predicted(run, images, out)
    assert (made(summary), summary["objects"]) == (1, 38)
    Image.new("RGB", (424, 424)).save(images / "new.jpg")
    summary = predicted(run, images, out)
    assert (made(summary), summary["objects"], len(summary["parts"])) == (1, 39, 4)
    assert len(list((out / ".gztrain").glob("images-*"))) == 1


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "a bit turned over": lambda path: flip(path, 200),
    "no parquet of ours": lambda path: pq.write_table(pa.table({"a": [1]}), path),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_made_again(run: Path, dataset: Path, out: Path, kind: str) -> None:
    before = files(out)
    DAMAGE[kind](out / "part-00002-of-00006.parquet")
    assert made(predicted(run, dataset, out)) == 1
    assert files(out) == before


def test_another_model_is_refused_and_nothing_touched(dataset: Path, out: Path, tmp_path: Path) -> None:
    before = files(out)
    other = untrained_run(tmp_path / "other", dataset, seed=1).root
    result = gztrain("predict", other, dataset, "--parquet", out, *LOCAL)
    assert result.code == 2
    assert "holds predictions of another model" in result.sentence
    assert files(out) == before
    assert (out / SUMMARY).exists()


def test_a_model_that_changes_meanwhile_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    job = parts_plan.make_plan(run, [dataset], tmp_path / "out").job
    with pytest.raises(GzError, match="is not what it was when this began"):
        part.Classifier(dataclasses.replace(job, model="0" * 64))


def test_leftovers_are_swept_and_strange_files_left_alone(run: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("part-00000-of-00009.parquet", f".{'a' * 32}.part-00000-of-00006.parquet", "mine.parquet", "notes"):
        (out / name).write_bytes(b"")
    predicted(run, dataset, out)
    names = {f"part-0000{place}-of-00006.parquet" for place in range(6)}
    assert {path.name for path in out.iterdir()} == {*names, SUMMARY, ".gztrain", "mine.parquet", "notes"}


# ---------------------------------------------------------------- what cannot be predicted


def test_a_damaged_record_has_a_row_and_a_reason_until_it_is_mended(run: Path, dataset: Path, tmp_path: Path) -> None:
    folder, out = copied(dataset, tmp_path / "data"), tmp_path / "out"
    shard = folder / "gz2-train.tfrecord-00001-of-00005"
    whole = shard.read_bytes()
    flip(shard, len(whole) - 100)
    summary = predicted(run, folder, out)
    assert (summary["objects"], summary["predicted"]) == (38, 37)
    (reason,) = summary["rejected"]
    (row,) = (row for row in rows(out, "id").to_pylist() if row["reason"])
    assert (row.pop("id"), row.pop("reason"), row.pop("other_size")) == (None, reason, False)
    assert "checksum" in reason
    assert set(row.values()) == {None}
    shard.write_bytes(whole)
    summary = predicted(run, folder, out)
    assert (made(summary), summary["predicted"]) == (1, 38)


def test_a_worker_that_fails_is_told_in_its_own_sentence(
    run: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Place] = []
    write = part.write_bytes

    def fails_late(place: Place, data: bytes) -> None:
        done.append(place)
        if len(done) == 3:
            raise GzError("The disk is full while writing into OUT; free some space and run the command again.")
        write(place, data)

    monkeypatch.setattr(part, "write_bytes", fails_late)
    result = gztrain("predict", run, dataset, "--parquet", tmp_path / "out", *LOCAL)
    assert result.code == 1
    assert (
        result.sentence
        == "gztrain: The disk is full while writing into OUT; free some space and run the command again."
    )
    assert len(files(tmp_path / "out")) == 2
    assert made(predicted(run, dataset, tmp_path / "out")) == 4


def refused(result: Result) -> str:
    assert result.code in (1, 2), result.err
    return result.sentence


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "no such place": (("{tmp}/absent", *LOCAL), "There is no image or folder"),
    "no images": (("{tmp}", *LOCAL), "There are no images in"),
    "only options": (("--runner", "DirectRunner", "--", "--streaming"), "There is nothing to predict"),
    "two kinds": (("{data}", "{tmp}", *LOCAL), "name nothing beside it"),
    "a file": (("{data}", *LOCAL, "--out", "{data}/manifest.json"), "with --runner, --parquet names a folder"),
    "the data set itself": (("{data}", *LOCAL, "--out", "{data}"), "is the data set itself"),
    "no run": (("{data}", *LOCAL, "--run", "{tmp}"), "There is no run in"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_sentence(name: str, run: Path, dataset: Path, tmp_path: Path) -> None:
    words, sentence = MISTAKES[name]
    given = [word.format(data=dataset, tmp=tmp_path) for word in words]
    places = {"--run": str(run), "--out": str(tmp_path / "out")}
    for option in places:
        if option in given:
            at = given.index(option)
            places[option] = given[at + 1]
            del given[at : at + 2]
    told = refused(gztrain("predict", places["--run"], "--parquet", places["--out"], *given))
    assert sentence in told
    assert not (tmp_path / "out").exists()


def test_rows_of_another_kind_are_refused(run: Path, small_sky: Path, out: Path) -> None:
    result = gztrain("predict", run, small_sky / "images", "--parquet", out, *LOCAL)
    assert "holds rows by id, and these would be by path" in refused(result)


def test_a_run_of_another_crop_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "run"))
    config = json.loads((other / "config.json").read_text())
    config["dataset"]["crop"] = 32
    (other / "config.json").write_text(json.dumps(config))
    told = refused(gztrain("predict", other, dataset, "--parquet", tmp_path / "out", *LOCAL))
    assert "sees images of 32 px" in told


def test_one_folder_takes_one_run_at_a_time(run: Path, dataset: Path, tmp_path: Path) -> None:
    with parts_plan.locked(tmp_path / "out"):
        told = refused(gztrain("predict", run, dataset, "--parquet", tmp_path / "out", *LOCAL))
    assert "Another run is writing into" in told


def test_without_beam_a_sentence_says_what_to_install(
    run: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "find_spec", lambda _: None)
    told = refused(gztrain("predict", run, dataset, "--parquet", tmp_path / "out", *LOCAL))
    assert "--runner needs Apache Beam; install it with: pip install 'apache-beam" in told


# ---------------------------------------------------------------- the pieces

LIGHT = """
import sys
from gztrain.predict.beam import launch
sys.stdout.write(",".join(sorted({"tensorflow", "keras", "jax", "apache_beam"} & set(sys.modules))))
"""


def test_the_launcher_loads_no_model_library_and_beam_only_where_it_is_used() -> None:
    done = python("-c", LIGHT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_words_of_the_command_line_are_places_and_then_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PredictionRequest] = []

    def note(request: PredictionRequest) -> dict[str, Any]:
        seen.append(request)
        return {}

    monkeypatch.setattr(launch, "predict", note)
    words = ("gs://bucket//x", "here", "--", "--project", "p", "--temp_location=gs://b/t")
    assert gztrain("predict", "run", "--parquet", "out", *LOCAL, "--json", *words).code == 0
    (request,) = seen
    assert request.wanted == [Url("gs", "bucket", "x"), Path("here")]
    assert request.options == ["--project", "p", "--temp_location=gs://b/t"]


def test_bins_do_not_depend_on_what_else_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_plan, "IMAGES_A_PART", 4)
    for number in range(16):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    job = parts_plan.PredictionJob(Path("run"), "0" * 64, tmp_path / "out")

    def bins() -> list[list[str]]:
        found = parts_plan._plan_images(job, [tmp_path], 4)
        (tmp_path / "out" / ".gztrain").mkdir(parents=True, exist_ok=True)
        found.job.images.write_bytes(found.listing)
        return [[str(image) for image in parts_plan.images_of(found.job, part)] for part in found.parts]

    one = bins()
    (tmp_path / "odd\nname.jpg").write_bytes(b"")
    two = bins()
    assert sorted(itertools.chain(*one)) == sorted(str(path) for path in tmp_path.glob("[0-9]*.jpg"))
    extra = [sorted(set(after) - set(before)) for before, after in zip(one, two, strict=True)]
    assert sorted(filter(None, extra)) == [[str(tmp_path / "odd\nname.jpg")]]
    assert all(set(before) <= set(after) for before, after in zip(one, two, strict=True))


def test_a_name_that_is_no_text_gets_a_part_and_a_row(run: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (80, 80)).save(tmp_path / "images" / os.fsdecode(b"gal\xffaxy.png"))
    summary = predicted(run, tmp_path / "images", tmp_path / "out")
    assert summary["predicted"] == 1
    assert rows(tmp_path / "out", "path")["path"].to_pylist() == [f"{tmp_path}/images/gal\\xffaxy.png"]


def test_an_image_may_be_named_by_itself(run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80)).save(tmp_path / "galaxy.png")
    assert predicted(run, tmp_path / "galaxy.png", tmp_path / "out")["predicted"] == 1


def test_what_cannot_be_read_is_a_sentence(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "manifest.json").mkdir(parents=True)
    told = refused(gztrain("predict", run, tmp_path / "data", "--parquet", tmp_path / "out", *LOCAL))
    assert "manifest.json is damaged (it is not a regular file" in told


def test_reasons_beyond_the_commonest_are_added_up() -> None:
    record = PartRecord("part", 100, {f"reason {place}": 2 for place in range(30)}, 1, "", 3, 1.0)
    summary = summarise([record], parts_plan.PredictionJob(Path("run"), "0", Path("out")))
    assert len(summary["rejected"]) == 21
    assert summary["rejected"]["other reasons"] == 20
    assert summary["predicted"] == 40


def test_help_needs_no_beam() -> None:
    script = "import sys; sys.modules['apache_beam'] = None\nfrom gztrain.cli import main\nmain()"
    done = python("-c", script, "predict", "--help", COLUMNS="200", TERM="dumb")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--runner" in done.stdout
