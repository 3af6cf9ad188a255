"""What must hold of every bucket: collected by test_gcs_buckets.py, test_s3_buckets.py and test_azure_buckets.py."""

import io
import json
import random
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gzcore.dataset.layout import CARDS
from gzcore.errors import GzError
from gzcore.storage import atomic, buckets, places, retry
from gzcore.storage.places import Url, remove_all
from gzprep.catalogue.find import find_catalogues
from gzprep.catalogue.galaxy import Galaxy, Reason, Rejection, Split
from gzprep.config import from_mapping
from gzprep.images.sources import Files, read_image
from gzprep.prepare.job import check_folder, make_job, open_source, write_plan
from gzprep.simulate import simulate
from tests import clouds
from tests.clouds import Faulty, Rule, cut_after, cut_before, cut_within, status
from tests.conftest import Once
from tests.gz2 import ANSWERS, Votes
from tests.running import SMALL, Result, gzprep, manifest, shard_sums, spoil

READER = Path(__file__).parent / "independent_reader.py"
TRAIN = "gz2_train_catalog.parquet"


@dataclass(frozen=True)
class Bucket:
    """A bucket with the small sky in it, and the proxy on the way to it."""

    scheme: str
    proxy: Faulty
    sky: Url

    def place(self, name: str) -> Url:
        """A place in the bucket."""
        return Url(self.scheme, clouds.BUCKET, name)

    def written(self) -> list[str]:
        """Names of the objects that were written, in their order, from the requests."""
        puts = [request.name for request in self.proxy.seen if request.method == "PUT"]
        return [name.partition(f"/{clouds.BUCKET}/")[2] for name in puts]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait between tries; and every test meets the store anew."""
    monkeypatch.setattr(retry, "_FIRST", 0.0005)


@pytest.fixture
def bucket(shared: Bucket) -> Iterator[Bucket]:
    """The bucket; what a test wants broken and what it has seen are its own."""
    shared.proxy.rules.clear()
    shared.proxy.seen.clear()
    shared.proxy.broken.clear()
    yield shared
    shared.proxy.rules.clear()


@pytest.fixture(scope="session")
def small_sky(once: Once) -> Path:
    """A smaller sky than that of the other tests: each galaxy is a request or two more."""

    def make(folder: Path) -> None:
        simulate(folder, 16, seed=1)
        spoil(folder)

    return once("bucket sky", make)


@pytest.fixture(scope="session")
def dataset(small_sky: Path, once: Once) -> Path:
    """The data set of that sky, made on this machine."""

    def make(out: Path) -> None:
        result = gzprep("run", "--data", small_sky, "--out", out, *SMALL)
        assert result.code == 0, result.err

    return once("bucket out", make)


def open_bucket(scheme: str, small_sky: Path) -> Iterator[Bucket]:
    """Put the small sky into a bucket, and stand before it."""
    cloud, variable = clouds.CLOUDS[scheme]
    with cloud() as target, pytest.MonkeyPatch.context() as patch, (proxy := Faulty(target)).running() as address:
        for name, value in clouds.CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setenv(variable, address)
        buckets._store_of.cache_clear()
        sky = Url(scheme, clouds.BUCKET, "the sky")
        clouds.upload(small_sky, sky)
        yield Bucket(scheme, proxy, sky)
        buckets._store_of.cache_clear()


def run(bucket: Bucket, out: Url | Path, *more: str) -> Result:
    return gzprep("run", "--data", str(bucket.sky), "--out", str(out), *SMALL, *more)


def check_is(out: Url, dataset: Path, folder: Path) -> None:
    """A data set in a bucket is that on this machine, by its bytes, by our verify, and by a reader that is not ours."""
    copy = clouds.download(out, folder)
    assert shard_sums(copy) == shard_sums(dataset)
    for name in ("catalogue.parquet", "rejects.parquet", *CARDS):
        assert (copy / name).read_bytes() == (dataset / name).read_bytes()
    ours, theirs = manifest(copy), manifest(dataset)
    assert ours.pop("source")["data"].startswith(f"{out.scheme}://")
    del theirs["source"]
    assert ours == theirs
    verified = gzprep("verify", str(out), "--json").json
    assert (verified["ok"], verified["faults"]) == (True, [])
    files = sorted(map(str, copy.glob("*.tfrecord-*")))
    done = subprocess.run([sys.executable, READER, *files], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"records": verified["records"], "twice": 0, "odd": 0}


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class BucketBasics:
    """What depends on the kind of the bucket: its addresses, its refusals, how objects are written and read."""

    def test_a_run_from_bucket_to_bucket_is_a_local_run(self, bucket: Bucket, dataset: Path, tmp_path: Path) -> None:
        out = bucket.place("from to")
        result = run(bucket, out)
        assert result.code == 0, result.err
        assert f"are in {out}" in result.out
        check_is(out, dataset, tmp_path)
        shards = [name for name in bucket.written() if ".tfrecord-" in name]
        assert len(shards) == len(set(shards)) == len(shard_sums(dataset))
        assert bucket.written()[0].endswith("plan.json")
        assert bucket.written()[-1].endswith("manifest.json")
        assert all(name.startswith("from to/") for name in bucket.written())
        assert {place.name for place in (out / ".gzprep").iterdir()} == {"plan.json", "mean_image.npz", "bins"}
        replayed = gzprep("verify", str(out), "--replay", "5", "--json").json
        assert (replayed["ok"], replayed["replayed"]) == (True, 5)

    def test_faults_on_the_way_are_tried_again_and_nothing_is_lost_or_there_twice(
        self, bucket: Bucket, dataset: Path, tmp_path: Path
    ) -> None:
        out = bucket.place("through storms")
        read = ("GET", r"/images/")
        write = "PUT"
        bucket.proxy.rules += [
            Rule(*read, status(500), 3),
            Rule(*read, status(429), 3),
            Rule(*read, cut_before, 3),
            Rule(*read, cut_within, 3),
            Rule("GET", r"_catalog\.parquet", cut_within, 2),
            Rule("GET", r"_catalog\.parquet", status(503), 2),
            Rule(write, r"train\.tfrecord-00001", status(429), 4),
            Rule(write, r"train\.tfrecord-00002", status(500), 2),
            Rule(write, r"train_views\.tfrecord-00003", cut_after, 2),
            Rule(write, r"train_views\.tfrecord-00003", cut_before, 2),
            Rule(write, r"bins/train-00004", cut_after, 1),
            Rule(write, r"plan\.json", cut_after, 1),
            Rule(write, r"catalogue\.parquet", status(503), 1),
            Rule(write, r"manifest\.json", cut_after, 1),
        ]
        wanted = sum(rule.times for rule in bucket.proxy.rules)
        result = run(bucket, out)
        assert result.code == 0, result.err
        assert len(bucket.proxy.broken) == wanted
        assert not any(rule.times for rule in bucket.proxy.rules)
        check_is(out, dataset, tmp_path)

    def test_access_denied_is_told_at_once(self, bucket: Bucket) -> None:
        bucket.proxy.rules.append(Rule("GET", r"/images/", status(403), 10**6))
        result = run(bucket, bucket.place("denied"))
        assert result.code == 1
        assert "is denied (HTTP 403" in result.sentence
        assert len(bucket.proxy.broken) < 100

    @pytest.mark.parametrize("what", ["data", "out"])
    def test_a_bucket_that_is_not_there_is_told(self, bucket: Bucket, what: str) -> None:
        nowhere = Url(bucket.scheme, "no-such-bucket", "x")
        places = {"data": bucket.sky, "out": bucket.place("never")} | {what: nowhere}
        result = gzprep("run", "--data", str(places["data"]), "--out", str(places["out"]), *SMALL)
        assert result.code == 1
        assert str(nowhere) in result.sentence

    @pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
    def test_what_is_written_is_read_back_whatever_its_size(
        self, bucket: Bucket, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "_BUFFER", 1000)
        data = random.Random(size).randbytes(size)
        place = bucket.place(f"sizes/{size} ü%20+&.bin")
        place.put(io.BytesIO(data))
        assert place.stat().st_size == size
        with place.open() as file:
            assert file.read(7) + file.read() == data
            assert file.seek(-min(size, 300), io.SEEK_END) == size - min(size, 300)
            assert file.read() == data[size - min(size, 300) :]
        assert place.read(0, size + 10) == data
        assert place in list(bucket.place("sizes").iterdir())

    def test_names_and_folders(self, bucket: Bucket) -> None:
        root = bucket.place("tree")
        for name in ("a.txt", "b.csv", "sub/c.txt", "sub/deep/d.txt"):
            (root / name).touch()
        assert sorted(found.name for found in root.iterdir()) == ["a.txt", "b.csv", "sub"]
        assert [found.name for found in root.glob("*.txt")] == ["a.txt"]
        assert (root / "sub").is_dir()
        assert not (root / "su").is_dir()
        assert not (root / "a.txt").is_dir()
        assert (root / "a.txt").is_file()
        assert not (root / "sub").is_file()
        remove_all([root / "a.txt", root / "never there", root / "b.csv"])
        assert [found.name for found in root.iterdir()] == ["sub"]
        (root / "never there").unlink(missing_ok=True)
        with pytest.raises(FileNotFoundError):
            (root / "never there").open()

    def test_an_object_that_is_there_is_not_created_again(self, bucket: Bucket) -> None:
        place = bucket.place("created")
        place.create(b"first")
        with pytest.raises(FileExistsError):
            place.create(b"second")
        assert place.read_text() == "first"

    def test_what_breaks_while_it_is_written_leaves_nothing(self, bucket: Bucket) -> None:
        place = bucket.place("half")
        writing = atomic.appearing(place)
        writing.__enter__().write(b"half")
        writing.__exit__(RuntimeError, RuntimeError(), None)
        assert not place.exists()

    def test_no_secret_is_told_or_written(self, bucket: Bucket, tmp_path: Path) -> None:
        out = bucket.place("discreet")
        bucket.proxy.rules.append(Rule("GET", r"/images/", status(403), 1))
        with pytest.raises(GzError, match="denied") as told:
            run(bucket, out, "--limit", "12", "--debug")
        made, verified = run(bucket, out, "--limit", "12", "--json"), gzprep("verify", str(out), "--json")
        assert (made.code, verified.code) == (0, 0)
        text = "".join([*traceback.format_exception(told.value), made.out, made.err, verified.out, verified.err])
        written = b"".join(path.read_bytes() for path in clouds.download(out, tmp_path).rglob("*") if path.is_file())
        for secret in (clouds.SECRET, clouds.KEY, clouds.AZURE_KEY):
            assert secret not in text
            assert secret.encode() not in written


class BucketUse:
    """What is done with a bucket of any kind; one kind shows it, and ``make thorough`` all."""

    def test_a_bucket_that_goes_on_failing_ends_the_run_and_the_same_command_goes_on(
        self, bucket: Bucket, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = bucket.place("given up")
        bucket.proxy.rules.append(Rule("GET", r"/images/.*/587726", status(503), 10**6))
        with monkeypatch.context() as patch:
            patch.setenv("GZPREP_RETRY_LIMIT", "0.05")
            result = run(bucket, out)
        assert result.code == 1
        assert "Giving up reading" in result.sentence
        assert "503" in result.sentence
        assert not (out / "manifest.json").exists()  # and no galaxy was rejected for it
        bucket.proxy.rules.clear()
        assert run(bucket, out).code == 0
        check_is(out, dataset, tmp_path)

    def test_a_bucket_and_this_machine_go_together(
        self, bucket: Bucket, small_sky: Path, dataset: Path, tmp_path: Path
    ) -> None:
        assert run(bucket, tmp_path / "out").code == 0
        assert shard_sums(tmp_path / "out") == shard_sums(dataset)
        out = bucket.place("out of a disk")
        assert gzprep("run", "--data", small_sky, "--out", str(out), *SMALL).code == 0
        assert shard_sums(clouds.download(out, tmp_path / "copy")) == shard_sums(dataset)

    def test_a_conversion_from_bucket_to_bucket_is_a_local_one(
        self, bucket: Bucket, dataset: Path, tmp_path: Path
    ) -> None:
        shards, out = bucket.place("shards to convert"), bucket.place("converted")
        clouds.upload(dataset, shards)
        for form in ("parquet", "array_record"):
            options = ("--to", form, "--split", "test", "--workers", "1", "--overwrite")
            assert gzprep("convert", str(shards), str(out), *options).code == 0
            assert gzprep("convert", dataset, tmp_path / form, *options).code == 0
            copy = clouds.download(out, tmp_path / "copies")
            assert _contents(copy) == _contents(tmp_path / form)
            shutil.rmtree(copy)
        assert gzprep("convert", str(shards), str(out), *options, "--json").json["kept"] == 1

    def test_recipe_and_catalogue_may_be_in_the_bucket(self, bucket: Bucket, tmp_path: Path) -> None:
        bucket.place("recipes/small.toml").put(io.BytesIO(b"views.count = 1\ncrop.size = 32\nmax_reject_share = 1\n"))
        options = ("--recipe", str(bucket.place("recipes/small.toml")), "--limit", "10")
        named = ("--catalogue", str(bucket.sky / TRAIN), "--split", "train")
        result = gzprep("run", "--data", str(bucket.sky), "--out", tmp_path / "out", *options, *named)
        assert result.code == 0, result.err
        made = manifest(tmp_path / "out")
        assert (made["recipe"]["views"]["count"], made["recipe"]["crop"]["size"]) == (1, 32)
        assert [file["file"] for file in made["source"]["catalogues"]] == [str(bucket.sky / TRAIN)]
        assert made["counts"]["all"]["in"] == 10

    def test_a_csv_catalogue_is_read_from_the_bucket(self, bucket: Bucket, small_sky: Path, tmp_path: Path) -> None:
        import pyarrow.csv

        pyarrow.csv.write_csv(pq.read_table(small_sky / TRAIN), tmp_path / "rows.csv")
        bucket.place("rows.csv").put(io.BytesIO((tmp_path / "rows.csv").read_bytes()))
        result = run(bucket, tmp_path / "out", "--catalogue", str(bucket.place("rows.csv")))
        assert result.code == 0, result.err
        assert manifest(tmp_path / "out")["counts"]["train"]["in"] == pq.read_metadata(small_sky / TRAIN).num_rows

    def test_preview_and_dry_run_look_into_the_bucket(self, bucket: Bucket, tmp_path: Path) -> None:
        out = bucket.place("to look at")
        assert run(bucket, out, "--limit", "10").code == 0
        galaxy = next(
            iter(pq.read_table((out / "catalogue.parquet").open(), filters=[("verdict", "=", "accepted")])["id_str"])
        )
        assert gzprep("preview", str(out), "--id", galaxy.as_py(), "--png", tmp_path / "galaxy.png").code == 0
        assert (tmp_path / "galaxy.png").stat().st_size > 1000
        before = clouds.names(bucket.place(""))
        plan = run(bucket, bucket.place("planned"), "--dry-run", "--json").json
        assert (plan["galaxies"], plan["out"]) == (16, str(bucket.place("planned")))
        assert clouds.names(bucket.place("")) == before

    def test_a_rerun_over_a_whole_data_set_writes_no_shard_again(self, bucket: Bucket) -> None:
        out = bucket.place("again")
        assert run(bucket, out, "--limit", "12").code == 0
        bucket.proxy.seen.clear()
        assert run(bucket, out, "--limit", "12").code == 0
        assert [Path(name).name for name in bucket.written()] == ["plan.json"] * 2  # not created, so rewritten
        assert not [request for request in bucket.proxy.seen if request.method == "DELETE"]

    def test_a_rerun_makes_what_is_lost_or_damaged(self, bucket: Bucket, dataset: Path, tmp_path: Path) -> None:
        out = bucket.place("damaged")
        assert run(bucket, out).code == 0
        (out / "gz2-train.tfrecord-00001-of-00005").unlink()
        (out / "gz2-test.tfrecord-00000-of-00001").put(io.BytesIO(b"short"))
        (out / "manifest.json").unlink()
        bucket.proxy.seen.clear()
        assert run(bucket, out).code == 0
        shards = {Path(name).name for name in bucket.written() if ".tfrecord-" in name}
        views = "gz2-train_views.tfrecord-00001-of-00005"
        assert shards == {"gz2-train.tfrecord-00001-of-00005", "gz2-test.tfrecord-00000-of-00001", views}
        check_is(out, dataset, tmp_path)

    def test_another_recipe_is_refused_and_overwrite_replaces(self, bucket: Bucket) -> None:
        out = bucket.place("replaced")
        assert run(bucket, out, "--limit", "10").code == 0
        (out / "notes.txt").put(io.BytesIO(b"mine"))
        result = run(bucket, out, "--limit", "11")
        assert result.code == 1
        assert "limit was 10, is 11" in result.sentence
        assert run(bucket, out, "--limit", "11", "--set", "name=other", "--overwrite").code == 0
        left = [Path(name).name for name in clouds.names(out)]
        assert not [name for name in left if name.startswith("gz2-")]
        assert (out / "notes.txt").read_text() == "mine"

    def test_of_two_recipes_at_once_one_is_refused(self, bucket: Bucket) -> None:
        jobs = []
        for views in (1, 2):
            recipe = from_mapping({"views": {"count": views}})
            source = open_source(bucket.sky, find_catalogues(bucket.sky), recipe)
            jobs.append(make_job(bucket.place("claimed"), source, recipe))
        for job in jobs:
            check_folder(job)  # both find the folder empty
        write_plan(jobs[0])
        with pytest.raises(GzError, match=r"views\.count was 1, is 2"):
            write_plan(jobs[1])
        write_plan(jobs[0])

    @pytest.mark.parametrize("filename", ["x" * 2000, "line\nbreak.jpg", "../up.jpg"])
    def test_a_name_that_no_object_can_have_rejects_one_galaxy(self, bucket: Bucket, filename: str) -> None:
        votes = Votes((0.0,) * ANSWERS)
        found = read_image(Galaxy("1", Split.TRAIN, "sub", filename, votes), Files(bucket.sky / "images"))
        assert isinstance(found, Rejection)
        assert found.reason in (Reason.UNREADABLE, Reason.PATH_OUTSIDE)
