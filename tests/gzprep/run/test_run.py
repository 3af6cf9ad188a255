"""gzprep run on the small sky: what it writes, what it refuses, how it goes on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from gzprep.dataset.read import open_folder, operations_of
from gzprep.run import launch
from gzprep.simulate import SimulatedSky
from gzprep.tools.contact_sheet import find_records
from tests.running import SMALL, gzprep, manifest, shard_sums

pytestmark = pytest.mark.slow

Damage = Callable[[Path], object]
TRAIN = "gz2_train_catalog.parquet"
TEST = "gz2_test_catalog.parquet"


def edit(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def duplicate_first_row(path: Path) -> None:
    edit(path, lambda table: pa.concat_tables([table, table.slice(0, 1)]))


def copy_a_test_row_to_train(sky: Path) -> None:
    row = pq.read_table(sky / TEST).slice(0, 1)
    edit(sky / TRAIN, lambda table: pa.concat_tables([table, row.cast(table.schema)]))


def reason_of(truth: dict[str, str]) -> str:
    """The reason that a galaxy with a planted defect is rejected for."""
    return "wrong_mode" if truth["variant"] == "grey" else truth["defect"]


def test_every_planted_defect_that_can_be_told_is_found(sample_sky: SimulatedSky, tmp_path: Path) -> None:
    sky = sample_sky.directory
    assert gzprep("run", "--data", sky, "--out", tmp_path / "out", "--crop", "32", "--views", "0").code == 0
    truth = {row["id_str"]: row for row in pq.read_table(sky / "truth.parquet").to_pylist()}
    rejects = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()}
    broken = {"missing_file", "unreadable", "wrong_shape", "error_image"}
    can_be_told = {galaxy: row for galaxy, row in truth.items() if row["defect"] in {*broken, "colour_line"}}
    assert {row["defect"] for row in can_be_told.values()} == {*broken, "colour_line"}
    planted = {galaxy: reason_of(row) for galaxy, row in can_be_told.items()}
    assert planted.items() <= {galaxy: row["reason"] for galaxy, row in rejects.items()}.items()
    assert all(reason_of(truth[galaxy]) == row["reason"] for galaxy, row in rejects.items() if row["reason"] in broken)
    assert all(row["detail"] and row["stage"] in {"read", "defect"} for row in rejects.values())


def test_the_manifest_describes_the_folder(dataset: Path) -> None:
    document = manifest(dataset)
    assert document["format"] == 1
    assert document["counts"]["all"]["in"] == 40
    for split in document["splits"].values():
        assert split["records"] == sum(shard["records"] for shard in split["shards"])
        assert split["bytes"] == sum((dataset / shard["file"]).stat().st_size for shard in split["shards"])
    assert {shard["fold"] for shard in document["splits"]["train"]["shards"]} == {0, 1, 2, 3, 4}
    assert {shard["fold"] for shard in document["splits"]["test"]["shards"]} == {-1}


def test_nothing_but_shards_has_a_shards_name(dataset: Path) -> None:
    listed = {shard["file"] for split in manifest(dataset)["splits"].values() for shard in split["shards"]}
    assert {path.name for path in dataset.rglob("*.tfrecord-*")} == listed
    assert not list((dataset / ".gzprep" / "tmp").iterdir())


def test_json_prints_the_manifest_and_nothing_else(small_sky: Path, tmp_path: Path) -> None:
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--json")
    assert result.json == manifest(tmp_path / "out")


def test_csv_with_integer_ids_gives_the_same_shards(sky_copy: Path, dataset: Path, tmp_path: Path) -> None:
    for name in (TRAIN, TEST):
        table = pq.read_table(sky_copy / name)
        numbers = table["id_str"].cast(pa.int64())
        table = table.set_column(table.column_names.index("id_str"), "id_str", numbers)
        pyarrow.csv.write_csv(table, (sky_copy / name).with_suffix(".csv"))
        (sky_copy / name).unlink()
    assert gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).code == 0
    assert shard_sums(tmp_path / "out") == shard_sums(dataset)


def test_a_catalogue_of_another_name_is_named(small_sky: Path, tmp_path: Path) -> None:
    sky = Path(shutil.copytree(small_sky, tmp_path / "sky"))
    (sky / TEST).rename(tmp_path / "more.parquet")
    arguments = ("--data", sky, "--catalogue", tmp_path / "more.parquet", "--split", "test", "--out", tmp_path / "out")
    assert gzprep("run", *arguments, *SMALL).code == 0
    counts = manifest(tmp_path / "out")["counts"]
    assert counts["train"]["in"] == 0
    assert counts["test"]["in"] == counts["all"]["in"] > 0
    assert manifest(tmp_path / "out")["splits"]["train"]["shards"] == []


def test_a_full_schema_catalogue_of_three_real_galaxies(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "gz2_full_schema_sample"
    arguments = ("--data", folder, "--catalogue", folder / "gz2_catalog.parquet", "--out", tmp_path / "out")
    assert gzprep("run", *arguments, *SMALL).code == 0
    assert manifest(tmp_path / "out")["counts"]["train"]["out"] == 3
    rows = {row["id_str"]: row for row in pq.read_table(tmp_path / "out" / "catalogue.parquet").to_pylist()}
    row = rows["587736542560715163"]
    assert row["bulge-shape-gz2_total-votes"] == 26
    assert row["bulge-gz2_no_fraction"] == pytest.approx(7 / 26)


def test_limit_takes_so_many_in_proportion(small_sky: Path, tmp_path: Path) -> None:
    assert gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--limit", "10").code == 0
    counts = manifest(tmp_path / "out")["counts"]
    full = pq.read_metadata(small_sky / TRAIN).num_rows
    assert counts["all"]["in"] == 10
    assert counts["train"]["in"] == round(10 * full / 40)


def test_dry_run_writes_nothing_and_counts_right(small_sky: Path, dataset: Path, tmp_path: Path) -> None:
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL, "--dry-run", "--json")
    plan, made = result.json, manifest(dataset)["splits"]
    assert not (tmp_path / "out").exists()
    assert {name: split["files"] for name, split in plan["splits"].items()} == {
        name: len(split["shards"]) for name, split in made.items()
    }
    assert plan["splits"]["train"]["records"] + plan["splits"]["test"]["records"] == 40
    assert plan["seconds"] > 0
    assert plan["splits"]["train_views"]["bytes"] == pytest.approx(made["train_views"]["bytes"], rel=0.5)


BAD_SKIES: dict[str, tuple[Damage, str]] = {
    "no catalogue": (lambda sky: [(sky / name).unlink() for name in (TRAIN, TEST)], "There is no catalogue in"),
    "no data folder": (shutil.rmtree, "is not a folder; name one with catalogues"),
    "catalogue of 0 bytes": (lambda sky: (sky / TRAIN).write_bytes(b""), "cannot be read as parquet"),
    "not parquet": (lambda sky: (sky / TRAIN).write_text("hello, world"), "cannot be read as parquet"),
    "no rows": (
        lambda sky: [edit(sky / name, lambda table: table.slice(0, 0)) for name in (TRAIN, TEST)],
        "The catalogue is empty",
    ),
    "a column missing": (
        lambda sky: edit(sky / TRAIN, lambda table: table.drop_columns(["bar-gz2_yes", "bar-gz2_yes_fraction"])),
        "lacks the column bar-gz2_yes_fraction",
    ),
    "no image folder": (lambda sky: shutil.rmtree(sky / "images"), "There is no image folder"),
    "a galaxy twice": (lambda sky: duplicate_first_row(sky / TRAIN), "twice in the train catalogue"),
    "a galaxy in both": (copy_a_test_row_to_train, "in the train and in the test catalogue"),
}


@pytest.mark.parametrize(("damage", "sentence"), BAD_SKIES.values(), ids=BAD_SKIES.keys())
def test_bad_input_is_told_in_one_sentence(sky_copy: Path, tmp_path: Path, damage: Damage, sentence: str) -> None:
    damage(sky_copy)
    result = gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL)
    assert result.code == 1
    assert sentence in result.sentence
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_duplicate_is_named(sky_copy: Path, tmp_path: Path) -> None:
    galaxy = pq.read_table(sky_copy / TRAIN)["id_str"][0].as_py()
    duplicate_first_row(sky_copy / TRAIN)
    assert galaxy in gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).sentence


BAD_CALLS: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown runner": (("--runner", "SparkleRunner"), "There is no runner 'SparkleRunner'"),
    "runner that loses data": (("--runner", "DaskRunner"), "refused"),
    "unknown recipe key": (("--set", "views.cont=3"), "'views.cont', which no recipe has"),
    "crop larger than the frame": (("--crop", "425"), "larger than the 424 px frame"),
    "views below zero": (("--views", "-1"), "views.count = -1"),
    "no such recipe": (("--recipe", "nowhere.toml"), "nowhere.toml cannot be read"),
    "a stray word": (("gz2",), "got 'gz2'"),
    "an endless shift": (("--set", "views.translate=[0, 1e300]"), "numbers up to 8192 make sense"),
    "a kernel of a mile": (("--set", "views.blur=[100001]"), "from 1 to 99"),
    "a seed of 30 digits": (("--seed", "1" * 30), "seed = "),
    "crumbs for shards": (("--set", "shards.megabytes=1e-9"), "shards.megabytes = 1e-09"),
    "two settings in one": (("--set", "seed=1\nlimit=3"), "seed = "),
    "a catalogue that is a folder": (("--catalogue", "."), "is a folder; name a file, or give a folder of"),
    "a folder without its option": (("my shards",), "it takes options only, such as --out 'my shards'"),
    "a catalogue that is not there": (("--catalogue", "rows.parquet"), "does not exist; name an existing file"),
}


@pytest.mark.parametrize(("arguments", "sentence"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_bad_call_is_told_in_one_sentence(
    small_sky: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    data = () if "--catalogue" in arguments else ("--data", small_sky)
    result = gzprep("run", *data, "--out", tmp_path / "out", *arguments)
    assert result.code == 2
    assert sentence in result.sentence
    assert not (tmp_path / "out").exists()


def test_an_unknown_scheme_is_told_with_the_known_ones() -> None:
    result = gzprep("schemes", "hubbel")
    assert result.code == 2
    assert "There is no scheme 'hubbel'" in result.sentence
    assert "hubble" in result.sentence


def test_a_run_that_rejects_too_much_stops_and_goes_on_when_allowed(sky_copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(sky_copy / "images")
    (sky_copy / "images").mkdir()
    out = tmp_path / "out"
    call = ("run", "--data", sky_copy, "--out", out, "--crop", "64", "--views", "1")
    result = gzprep(*call)
    assert result.code == 1
    assert "40 of 40 galaxies were rejected (missing_file 40)" in result.sentence
    assert "--set max_reject_share=1" in result.sentence
    assert not (out / "manifest.json").exists()
    assert gzprep(*call, "--set", "max_reject_share=1").code == 0
    assert manifest(out)["counts"]["all"] == {
        "in": 40,
        "out": 0,
        "rejected": {"missing_file": 40},
        "flagged": {},
        "inpainted": {},
    }


def test_a_filename_that_leaves_the_folder_is_rejected(sky_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")

    def escape(table: pa.Table) -> pa.Table:
        names = table["filename"].to_pylist()
        names[0] = "../../../secret.jpg"
        return table.set_column(table.column_names.index("filename"), "filename", pa.array(names))

    edit(sky_copy / TRAIN, escape)
    galaxy = pq.read_table(sky_copy / TRAIN)["id_str"][0].as_py()
    assert gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).code == 0
    rejects = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()}
    assert rejects[galaxy]["reason"] == "path_outside"
    assert rejects[galaxy]["stage"] == "catalogue"


def test_another_recipe_is_refused_and_overwrite_replaces(small_sky: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("run", "--data", small_sky, "--out", out, *SMALL)
    assert gzprep(*call).code == 0
    (out / "notes.txt").write_text("mine")
    result = gzprep(*call, "--set", "crop.quality=50")
    assert result.code == 1
    assert "crop.quality was 90, is 50" in result.sentence
    assert "--overwrite" in result.sentence
    before = shard_sums(out)
    assert gzprep(*call, "--set", "crop.quality=50", "--overwrite").code == 0
    assert shard_sums(out) != before
    assert (out / "notes.txt").read_text() == "mine"


def test_files_of_another_program_are_not_touched(small_sky: Path, tmp_path: Path) -> None:
    (tmp_path / "gz2-train.tfrecord-00000-of-00001").write_bytes(b"precious")
    result = gzprep("run", "--data", small_sky, "--out", tmp_path, *SMALL)
    assert result.code == 1
    assert "files of another data set" in result.sentence
    assert (tmp_path / "gz2-train.tfrecord-00000-of-00001").read_bytes() == b"precious"


DAMAGES: dict[str, Damage] = {
    "a flipped byte in a shard": lambda out: flip_a_byte(out / "gz2-train.tfrecord-00002-of-00005"),
    "half a manifest": lambda out: (out / "manifest.json").write_text('{"format": 1,'),
    "half a catalogue": lambda out: (out / "catalogue.parquet").write_bytes(b"PAR1"),
    "rubbish in a bin record": lambda out: flip_a_byte(out / ".gzprep" / "bins" / "train-00001-of-00005.parquet"),
    "a folder among the temporaries": lambda out: (out / ".gzprep" / "tmp" / "folder").mkdir(),
}


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_rerun_mends_what_is_damaged(small_sky: Path, dataset: Path, tmp_path: Path, damage: Damage) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    damage(out)
    assert gzprep("run", "--data", small_sky, "--out", out, *SMALL).code == 0
    assert shard_sums(out) == shard_sums(dataset)
    assert gzprep("verify", out).code == 0


HUGE_PLAN = json.dumps({"recipe_hash": "", "recipe": {}, "bins": {"train": 10**9, "test": 1}})


@pytest.mark.parametrize("text", ["{}", "{", "[]", "[" * 100_000, HUGE_PLAN])
def test_a_damaged_plan_is_told_and_can_be_overwritten(
    small_sky: Path, dataset: Path, tmp_path: Path, text: str
) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    (out / ".gzprep" / "plan.json").write_text(text)
    call = ("run", "--data", small_sky, "--out", out, *SMALL)
    assert "plan.json is damaged (" in gzprep(*call).sentence
    if text == HUGE_PLAN:  # what is in a plan that cannot be read makes no difference
        assert gzprep(*call, "--overwrite").code == 0
    assert shard_sums(out) == shard_sums(dataset)


def test_overwriting_under_another_name_leaves_no_old_shard(small_sky: Path, dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    assert gzprep("run", "--data", small_sky, "--out", out, *SMALL, "--set", "name=sky", "--overwrite").code == 0
    assert {name.split("-")[0] for name in shard_sums(out)} == {"sky"}
    assert gzprep("verify", out).code == 0


def test_a_bad_input_does_not_cost_the_old_data_set(dataset: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(dataset, tmp_path / "out"))
    assert gzprep("run", "--data", tmp_path / "nowhere", "--out", out, "--overwrite").code == 1
    assert shard_sums(out) == shard_sums(dataset)


@pytest.mark.parametrize("place", ["", "images", "images/587722"])
def test_nothing_is_written_among_the_source(sky_copy: Path, place: str) -> None:
    before = sorted(sky_copy.rglob("*"))
    result = gzprep("run", "--data", sky_copy, "--out", sky_copy / place, *SMALL)
    assert result.code == 1
    assert "which are never written to" in result.sentence
    assert sorted(sky_copy.rglob("*")) == before


def test_our_own_sentences_name_no_step_of_the_graph(sky_copy: Path, tmp_path: Path) -> None:
    duplicate_first_row(sky_copy / TRAIN)
    assert "while running" not in gzprep("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL).err


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}


def test_a_rerun_over_a_whole_folder_writes_nothing(small_sky: Path, tmp_path: Path) -> None:
    call = ("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL)
    assert gzprep(*call).code == 0
    before = times(tmp_path / "out")
    assert gzprep(*call).code == 0
    assert times(tmp_path / "out") == before


@pytest.mark.parametrize("lost", ["gz2-train.tfrecord-00002-of-00005", "manifest.json", "catalogue.parquet"])
def test_a_rerun_makes_what_is_lost(small_sky: Path, dataset: Path, tmp_path: Path, lost: str) -> None:
    call = ("run", "--data", small_sky, "--out", shutil.copytree(dataset, tmp_path / "out"), *SMALL)
    (tmp_path / "out" / lost).unlink()
    assert gzprep(*call).code == 0
    assert shard_sums(tmp_path / "out") == shard_sums(dataset)
    assert gzprep("verify", tmp_path / "out").code == 0


def test_one_replaced_image_rewrites_only_its_bin(sky_copy: Path, tmp_path: Path) -> None:
    call = ("run", "--data", sky_copy, "--out", tmp_path / "out", *SMALL)
    assert gzprep(*call).code == 0
    before = shard_sums(tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "catalogue.parquet").to_pylist()
    row, other = [row for row in rows if row["verdict"] == "accepted" and row["split"] == "train"][:2]
    images = sky_copy / "images"
    shutil.copy(images / other["subfolder"] / other["filename"], images / row["subfolder"] / row["filename"])
    assert gzprep(*call).code == 0
    after = shard_sums(tmp_path / "out")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {name for name in before if name.split("-")[2] == f"{row['shard']:05d}" and "train" in name}
    assert gzprep("verify", tmp_path / "out", "--replay", "20").code == 0


def test_rows_that_are_added_rewrite_only_the_bins_they_touch(sky_copy: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call = ("run", "--data", sky_copy, "--out", out, *SMALL)
    everyone = pq.read_table(sky_copy / TRAIN)
    edit(sky_copy / TRAIN, lambda table: table.slice(0, table.num_rows - 2))
    assert gzprep(*call).code == 0
    before = times(out)
    pq.write_table(everyone, sky_copy / TRAIN)
    assert gzprep(*call).code == 0
    assert shard_sums(out) == shard_sums(dataset)
    added = set(everyone["id_str"].to_pylist()[-2:])
    rows = pq.read_table(out / "catalogue.parquet").to_pylist()
    touched = {f"-{row['shard']:05d}-of-00005" for row in rows if row["id_str"] in added}
    written = {name for name, time in times(out).items() if ".tfrecord-" in name and time != before.get(name)}
    assert written == {name for name in shard_sums(out) if any(part in name for part in touched)}


def test_a_line_is_filled_where_the_recipe_says_so(small_sky: Path, tmp_path: Path) -> None:
    call = ("run", "--data", small_sky, *SMALL)
    assert gzprep(*call, "--set", "defects.black_line.policy=keep", "--out", tmp_path / "out").code == 0
    rows = [row for row in pq.read_table(tmp_path / "out" / "catalogue.parquet").to_pylist() if row["line_black_line"]]
    row = max(rows, key=lambda row: row["score_black_line"])
    threshold = f"defects.black_line.threshold={row['score_black_line'] * 0.999}"
    again = (*call, "--set", "defects.black_line.policy=inpaint", "--set", threshold)
    assert gzprep(*again, "--out", tmp_path / "out").code == 0  # other pixels: its bin is made again
    assert gzprep(*again, "--out", tmp_path / "fresh").code == 0
    assert_same_data_set(tmp_path / "out", tmp_path / "fresh")
    filled = [
        row["id_str"] for row in pq.read_table(tmp_path / "out" / "catalogue.parquet").to_pylist() if row["inpainted"]
    ]
    assert filled == [row["id_str"]]
    assert manifest(tmp_path / "out")["counts"]["all"]["inpainted"] == {"black_line": 1}
    folder, document = open_folder(tmp_path / "out")
    for record in find_records(folder, document, row):
        first = operations_of(record)[0]
        assert (first["op"], first["defect"]) == ("inpaint", "black_line")
        assert {"x0", "y0", "x1", "y1", "width"} < first.keys()


def score_between(out: Path, below: int) -> tuple[float, dict[str, object]]:
    """A threshold that so many galaxies reach, and the row of the lowest of them."""
    rows = [row for row in pq.read_table(out / "catalogue.parquet").to_pylist() if row["verdict"] == "accepted"]
    rows.sort(key=lambda row: -row["score_error_image"])
    return (rows[below - 1]["score_error_image"] + rows[below]["score_error_image"]) / 2, rows[below - 1]


def assert_same_data_set(one: Path, other: Path) -> None:
    assert shard_sums(one) == shard_sums(other)
    rows, others = (repr(pq.read_table(out / "catalogue.parquet").to_pylist()) for out in (one, other))
    assert rows == others  # as text: NaN is not equal to itself
    assert manifest(one) == manifest(other)


@pytest.mark.parametrize("policy", ["drop", "flag", pytest.param("off", marks=pytest.mark.thorough)])
def test_another_threshold_rewrites_only_the_bins_it_touches(
    small_sky: Path, dataset: Path, tmp_path: Path, policy: str
) -> None:
    call = ("run", "--data", small_sky, *SMALL)
    shutil.copytree(dataset, tmp_path / "out")
    before = times(tmp_path / "out")
    threshold, row = score_between(tmp_path / "out", 1)
    defects = (f"defects.error_image.threshold={threshold}", f"defects.error_image.policy={policy}")
    again = (*call, *(word for pair in defects for word in ("--set", pair)))
    assert gzprep(*again, "--out", tmp_path / "out").code == 0
    written = {name for name, time in times(tmp_path / "out").items() if ".tfrecord-" in name and time != before[name]}
    touched = {name for name in before if f"-{row['shard']:05d}-of-" in name and f"-{row['split']}" in name}
    assert written == (touched if policy == "drop" else set())
    assert gzprep(*again, "--out", tmp_path / "fresh").code == 0
    assert_same_data_set(tmp_path / "out", tmp_path / "fresh")


def test_a_detector_that_was_off_has_to_see_the_images(small_sky: Path, tmp_path: Path) -> None:
    call = ("run", "--data", small_sky, *SMALL)
    assert gzprep(*call, "--set", "defects.error_image.policy=off", "--out", tmp_path / "out").code == 0
    assert gzprep(*call, "--out", tmp_path / "out").code == 0
    assert gzprep(*call, "--out", tmp_path / "fresh").code == 0
    assert_same_data_set(tmp_path / "out", tmp_path / "fresh")


def test_the_summary_says_what_happened(small_sky: Path, dataset: Path, tmp_path: Path) -> None:
    result = gzprep("run", "--data", small_sky, "--out", tmp_path / "out", *SMALL)
    for reason, count in manifest(dataset)["counts"]["all"]["rejected"].items():
        assert any(
            line.split()[:2] == ["rejected:", reason] and line.split()[-1] == str(count)
            for line in result.out.splitlines()
        )
    assert "smooth-or-featured-gz2_smooth" in result.out
    assert str(tmp_path / "out") in result.out
    assert "40 of 40 galaxies" in result.err


def test_a_sample_sky_that_was_left_half_made_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "SKY_GALAXIES", 2)
    left = tmp_path / ".gz2-sky.part" / "sky"
    left.mkdir(parents=True)
    (left / ".unfinished").write_text("2 galaxies of seed 0\n")
    assert launch.sample_sky(tmp_path / "out") == tmp_path / "gz2-sky"
    assert [path.name for path in tmp_path.iterdir()] == ["gz2-sky"]
    assert not (tmp_path / "gz2-sky" / ".unfinished").exists()


def test_without_data_the_sample_sky_is_made_beside_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.SKY_GALAXIES == 200
    monkeypatch.setattr(launch, "SKY_GALAXIES", 20)
    call = ("run", "--out", tmp_path / "out", "--crop", "32", "--views", "0")
    result = gzprep(*call)
    assert result.code == 0, result.err
    assert "making a sample sky of 20 " in result.err
    assert manifest(tmp_path / "out")["counts"]["all"]["in"] == 20
    assert "sample sky" not in gzprep(*call).err  # it is there: not made twice
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["source"]["data"] == "../gz2-sky"
