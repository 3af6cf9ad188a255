"""Places: what is a bucket's and what is this machine's, and paths in a bucket; no bucket is asked here."""

import pickle
import re
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzcore.errors import UsageError
from gzcore.storage.places import Url, as_place, local, place_from
from tests.addresses import REFUSED
from tests.running import gzprep

PLACES: dict[str, tuple[str | Path | Url, Url | Path]] = {
    "an object": ("gs://bucket/a/b.txt", Url("gs", "bucket", "a/b.txt")),
    "a bucket": ("s3://bucket", Url("s3", "bucket")),
    "slashes too many": ("gs://bucket//a///b/", Url("gs", "bucket", "a/b")),
    "a dot": ("gs://bucket/./a/.", Url("gs", "bucket", "a")),
    "a container": ("az://container/a", Url("az", "container", "a")),
    "an address that is one already": (Url("gs", "bucket", "a"), Url("gs", "bucket", "a")),
    "letters of any script": ("s3://bucket/ä b%20", Url("s3", "bucket", "ä b%20")),
    "a relative path": ("a/b", Path("a/b")),
    "an absolute path": (Path("/a/b"), Path("/a/b")),
    "a colon in a path": ("a:b/c", Path("a:b/c")),
    "a drive": ("c:/a", Path("c:/a")),
}


@pytest.mark.parametrize(("text", "place"), PLACES.values(), ids=PLACES.keys())
def test_a_place_is_read(text: str | Path | Url, place: Url | Path) -> None:
    assert as_place(text) == place
    assert as_place(place) is place


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_address_is_refused_and_not_repeated(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)) as error:
        as_place(text)
    assert "SECRET" not in str(error.value)


def test_a_path_made_of_an_address_is_refused() -> None:
    with pytest.raises(UsageError, match="is gs://BUCKET/PATH"):
        as_place(Path("gs://bucket/a"))


def test_a_place_in_a_bucket_is_spelled_like_a_path() -> None:
    place = Url("gs", "bucket", "a/b.tar.gz")
    assert str(place) == "gs://bucket/a/b.tar.gz"
    assert (place.name, place.suffix, str(place.parent)) == ("b.tar.gz", ".gz", "gs://bucket/a")
    assert [str(folder) for folder in place.parents] == ["gs://bucket/a", "gs://bucket"]
    assert place.parent / "c" / PurePosixPath("d/e") == Url("gs", "bucket", "a/c/d/e")
    assert place / "." == place
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
    assert as_place(str(place)) == place_from(str(place)) == place
    assert place.name == name


@pytest.mark.parametrize("place", [Url("s3", "bucket", "a?b#c/../d"), Path("/a/gs:/b"), Path("/a\nb")])
def test_what_we_wrote_down_is_read_back(place: Url | Path) -> None:
    assert place_from(str(place)) == place


def test_a_bucket_is_no_place_for_the_sample_sky() -> None:
    result = gzprep("run", "--out", "gs://bucket/out")
    assert (result.code, "needs --data" in result.sentence) == (2, True)
