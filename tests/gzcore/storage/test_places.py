"""Places: what is a bucket's and what is this machine's, and paths in a bucket; no bucket is asked here."""

import pickle
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import GzError, UsageError
from gzcore.storage import buckets
from gzcore.storage.buckets import Google, _refuse
from gzcore.storage.places import Url, as_place, local
from tests.running import SMALL, gzprep

PLACES: dict[str, tuple[str | Path, Url | Path]] = {
    "an object": ("gs://bucket/a/b.txt", Url("gs", "bucket", "a/b.txt")),
    "a bucket": ("s3://bucket", Url("s3", "bucket")),
    "slashes too many": ("gs://bucket//a///b/", Url("gs", "bucket", "a/b")),
    "a dot": ("gs://bucket/./a/.", Url("gs", "bucket", "a")),
    "what pathlib leaves of a URL": (Path("gs://bucket/a"), Url("gs", "bucket", "a")),
    "letters of any script": ("s3://bucket/ä b%20", Url("s3", "bucket", "ä b%20")),
    "a relative path": ("a/b", Path("a/b")),
    "an absolute path": (Path("/a/b"), Path("/a/b")),
    "a colon in a path": ("a:b/c", Path("a:b/c")),
    "a drive": ("c:/a", Path("c:/a")),
}


@pytest.mark.parametrize(("text", "place"), PLACES.values(), ids=PLACES.keys())
def test_a_place_is_read(text: str | Path, place: Url | Path) -> None:
    assert as_place(text) == place
    assert as_place(place) is place


REFUSED: dict[str, tuple[str, str]] = {
    "another store": ("az://container/x", "no way to az://"),
    "a web address": ("https://host/x?signature=SECRET", "no way to https://"),
    "a user": ("s3://AKIA:SECRET@bucket/x", "without a user"),
    "a port": ("gs://bucket:80/x", "a port"),
    "a question": ("gs://bucket/x?token=SECRET", "a ?"),
    "no bucket": ("gs://", "is gs://BUCKET"),
    "up": ("gs://bucket/a/../b", "without it"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_address_is_refused_and_not_repeated(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("?", r"\?")) as error:
        as_place(text)
    assert "SECRET" not in str(error.value)


def test_a_place_in_a_bucket_is_spelled_like_a_path() -> None:
    place = Url("gs", "bucket", "a/b.tar.gz")
    assert str(place) == "gs://bucket/a/b.tar.gz"
    assert (place.name, place.suffix, str(place.parent)) == ("b.tar.gz", ".gz", "gs://bucket/a")
    assert [str(folder) for folder in place.parents] == ["gs://bucket/a", "gs://bucket"]
    assert place.parent / "c" / PurePosixPath("d/e") == Url("gs", "bucket", "a/c/d/e")
    assert (Url("gs", "bucket").name, Url("gs", "bucket").parents) == ("bucket", ())
    assert place.absolute() is place.resolve() is place
    assert pickle.loads(pickle.dumps(place)) == place  # noqa: S301 -- our own
    assert local(Path("x")) == Path("x")
    with pytest.raises(UsageError, match="cannot be in a bucket"):
        local(place)


@given(st.text(st.characters(exclude_characters="/?#\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_names_survive(name: str) -> None:
    if name in (".", ".."):
        return
    place = Url("gs", "bucket") / "folder" / name
    assert as_place(str(place)) == place
    assert place.name == name


STATES = {404: FileNotFoundError, 412: FileExistsError, 401: GzError, 403: GzError, 400: GzError}


@pytest.mark.parametrize(("state", "kind"), STATES.items())
def test_a_state_becomes_an_error(state: int, kind: type[Exception]) -> None:
    assert type(_refuse(state, "Why", "gs://bucket/x")) is kind


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_without_its_libraries_a_bucket_says_which_extra_to_install(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("google.auth", "google.auth.transport.requests", "boto3"):
        monkeypatch.setitem(__import__("sys").modules, library, None)
    buckets._store_of.cache_clear()
    result = gzprep("run", "--data", f"{scheme}://bucket/sky", "--out", tmp_path, *SMALL)
    extra = {"gs": "gcp", "s3": "aws"}[scheme]
    assert (result.code, f"pip install 'gzprep[{extra}]'" in result.sentence) == (1, True)


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_without_credentials_a_bucket_says_where_to_get_them(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"NO_GCE_CHECK": "true", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    for name in ("HOME", "CLOUDSDK_CONFIG", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    buckets._store_of.cache_clear()
    result = gzprep("run", "--data", f"{scheme}://bucket/sky", "--out", tmp_path / "out", *SMALL)
    assert (result.code, "credentials, and none were found; run" in result.sentence) == (1, True)


@pytest.mark.parametrize("command", ["simulate", "fetch"])
def test_what_can_only_be_on_this_machine_is_refused_in_a_bucket(command: str) -> None:
    result = gzprep(command, "gs://bucket/sky")
    assert (result.code, "gs://bucket/sky" in result.sentence) == (2, True)


def test_a_bucket_is_no_place_for_the_sample_sky() -> None:
    result = gzprep("run", "--out", "gs://bucket/out")
    assert (result.code, "needs --data" in result.sentence) == (2, True)


def test_a_listing_of_several_pages_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:1")  # without http://, as some set it
    buckets._store_of.cache_clear()
    pages = {
        None: {"items": [{"name": "a/1"}], "nextPageToken": "two"},
        "two": {"prefixes": ["a/sub/"], "nextPageToken": "three"},
        "three": {"items": [{"name": "a/2"}]},
    }

    class Answer:
        def __init__(self, page: object) -> None:
            self.page = page

        def json(self) -> object:
            return self.page

    def ask(store: Google, *_: object, params: dict[str, str]) -> Answer:
        assert store.root == "http://localhost:1"
        return Answer(pages[params.get("pageToken")])

    monkeypatch.setattr(Google, "_ask", ask)
    assert [found.name for found in Url("gs", "bucket", "a").iterdir()] == ["1", "sub", "2"]
    buckets._store_of.cache_clear()
