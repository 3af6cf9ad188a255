"""How a bucket is asked: credentials, public buckets, what goes wrong in a sentence, pieces, many names."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gzcore.storage import buckets, credentials, retry
from gzcore.storage.ahead import ahead
from gzcore.storage.credentials import Access, GoogleTokens, access_to
from gzcore.storage.places import Url
from tests import clouds
from tests.clouds import Faulty, Rule, cut_within, status

pytestmark = pytest.mark.slow

SIGNED = (
    *("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    *("AWS_PROFILE", "AZURE_STORAGE_ACCOUNT_KEY", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT"),
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retry, "_FIRST", 0.0005)
    buckets._store_of.cache_clear()
    yield
    buckets._store_of.cache_clear()


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without credentials."""
    for name in SIGNED:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"NO_GCE_CHECK": "true", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    for name in ("HOME", "CLOUDSDK_CONFIG", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "loopback")


def denying(scheme: str, monkeypatch: pytest.MonkeyPatch, address: str) -> Url:
    """A bucket that denies everything."""
    if scheme == "gs":  # its address cannot be set but for an emulator, to which requests are signed
        made = Access({"client_options": credentials.client_options(address)}, signed=False)
        key = credentials._google_emulator(address).options["service_account_key"]
        monkeypatch.setattr(
            credentials, "_google", lambda _: made._replace(options={**made.options, "service_account_key": key})
        )
    else:
        monkeypatch.setenv(clouds.CLOUDS[scheme][1], address)
    return Url(scheme, clouds.BUCKET, "x")


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("scheme", clouds.CLOUDS)
def test_without_credentials_requests_are_not_signed_and_a_refusal_says_where_to_get_them(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert access_to(scheme, "bucket").signed is False
    proxy = Faulty("http://localhost:1", [Rule("HEAD", "", status(403), 10)])
    with proxy.running() as address:
        place = denying(scheme, monkeypatch, address)
        with pytest.raises(GzError, match=r"is denied \(HTTP 403.*needs credentials, and none are in use; (run|set) "):
            place.stat()
    assert len(proxy.seen) == 1


LIBRARIES = {"gs": ("google.auth", "gcp"), "s3": ("boto3", "aws")}


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("scheme", LIBRARIES)
def test_without_its_library_a_refusal_says_which_extra_to_install(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, extra = LIBRARIES[scheme]
    monkeypatch.setitem(__import__("sys").modules, library, None)
    assert access_to(scheme, "bucket").signed is False
    assert f"pip install 'gzprep[{extra}]'" in credentials.how_to_sign(scheme)


@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_a_public_bucket_is_asked_without_credentials_that_are_there(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, variable = clouds.CLOUDS[scheme]
    with cloud() as target, (proxy := Faulty(target)).running() as address:
        for name, value in {**clouds.CREDENTIALS, variable: address}.items():
            monkeypatch.setenv(name, value)
        bucket = clouds.PUBLIC if scheme == "az" else clouds.BUCKET
        place = Url(scheme, bucket, "a")
        place.put(io.BytesIO(b"x"))
        assert any("authorization" in request.headers for request in proxy.seen)
        if scheme == "s3":
            clouds.publish(target, "a")
        proxy.seen.clear()
        monkeypatch.setenv("GZPREP_ANONYMOUS", f"gs://other, {scheme}://{bucket}/")
        buckets._store_of.cache_clear()
        assert place.read_bytes() == b"x"
        assert [found.name for found in Url(scheme, bucket).iterdir()] == ["a"]
        assert not any("authorization" in request.headers for request in proxy.seen)


def test_one_bucket_may_be_anonymous_and_another_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(credentials, "_google_provider", lambda: dict)
    monkeypatch.setenv("GZPREP_ANONYMOUS", "gs://public")
    assert access_to("gs", "public").options["skip_signature"] is True
    assert access_to("gs", "public-not").options["credential_provider"] is dict


def test_azure_needs_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GzError, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        Url("az", "container", "x").stat()


class Credentials:
    """Credentials as google-auth has them."""

    token, expiry = "old", None

    def __init__(self, *, valid: bool) -> None:
        self.valid = valid

    def refresh(self, request: object) -> None:
        assert request is not None
        self.token, self.expiry = "new", datetime(2099, 1, 1)


def test_google_is_asked_for_a_token_only_where_there_is_no_valid_one() -> None:
    found = GoogleTokens(Credentials(valid=True))()
    assert found["token"] == Credentials.token
    assert timedelta() < found["expires_at"] - datetime.now(UTC) < timedelta(hours=1)
    assert GoogleTokens(Credentials(valid=False))() == {"token": "new", "expires_at": datetime(2099, 1, 1, tzinfo=UTC)}


def test_credentials_that_fail_are_told_without_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ValueError("SECRET")

    made = Access({"credential_provider": fail, "client_options": credentials.client_options()})
    monkeypatch.setattr(credentials, "_google", lambda _: made)
    with pytest.raises(GzError, match="expired or withdrawn, or cannot be read; run") as told:
        Url("gs", "bucket", "x").stat()
    assert "SECRET" not in str(told.value)


def test_credentials_of_amazon_that_make_no_sense_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SIGNED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(GzError, match="The AWS credentials in use cannot be used"):
        Url("s3", "bucket", "x").stat()


@pytest.fixture(scope="module", params=clouds.CLOUDS)
def cloud(request: pytest.FixtureRequest) -> Iterator[tuple[str, Faulty]]:
    start, variable = clouds.CLOUDS[request.param]
    with start() as target, pytest.MonkeyPatch.context() as patch, (proxy := Faulty(target)).running() as address:
        for name, value in {**clouds.CREDENTIALS, variable: address}.items():
            patch.setenv(name, value)
        yield request.param, proxy


STATES = {
    404: (FileNotFoundError, "No such object or bucket"),
    401: (GzError, r"is denied \(HTTP 401 Unauthorized\); check that the account"),
    403: (GzError, r"is denied \(HTTP 403 Forbidden\); check that the account"),
    400: (GzError, r"was refused: HTTP 400 Bad Request; check"),
    503: (GzError, r"Giving up reading .*/x after [0-9]+ tries in 0.05 s: HTTP 503 Service Unavailable\. Run the same"),
    429: (GzError, r"Giving up reading .*/x after [0-9]+ tries in 0.05 s: HTTP 429"),
}


@pytest.mark.parametrize("state", STATES)
def test_what_the_service_answers_becomes_an_error(
    state: int, cloud: tuple[str, Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, proxy = cloud
    kind, sentence = STATES[state]
    monkeypatch.setenv("GZPREP_RETRY_LIMIT", "0.05")
    proxy.rules[:] = [Rule("GET", "", status(state), 10**6)]
    try:
        with pytest.raises(kind, match=sentence) as told:
            Url(scheme, clouds.BUCKET, "x").read(0, 10)
    finally:
        proxy.rules.clear()
    assert "localhost" not in str(told.value)


def test_an_answer_that_always_breaks_off_is_given_up(
    cloud: tuple[str, Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, proxy = cloud
    place = Url(scheme, clouds.BUCKET, "cut")
    place.put(io.BytesIO(b"0123456789"))
    monkeypatch.setenv("GZPREP_RETRY_LIMIT", "0.05")
    proxy.rules[:] = [Rule("GET", "", cut_within, 10**6)]
    try:
        with pytest.raises(GzError, match=r"Giving up reading .*: the connection broke\."):
            place.read_bytes()
    finally:
        proxy.rules.clear()


def test_a_large_object_goes_in_pieces(cloud: tuple[str, Faulty], monkeypatch: pytest.MonkeyPatch) -> None:
    scheme, proxy = cloud
    monkeypatch.setattr(buckets, "_PIECES_FROM", 1 << 20)
    monkeypatch.setattr(buckets, "_PIECE", 5 << 20)  # S3 takes none that is smaller, but the last
    data = bytes(range(256)) * (11 << 12)
    place = Url(scheme, clouds.BUCKET, "large")
    proxy.rules[:] = [Rule("PUT", "large", status(503), 2)]
    place.put(io.BytesIO(data))
    assert not proxy.rules[0].times
    proxy.rules.clear()
    proxy.seen.clear()
    assert place.read_bytes() == data
    assert len(proxy.seen) == 3  # its size, and two pieces


def test_an_object_that_arrives_shorter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds.google() as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        monkeypatch.setattr(buckets.Bucket, "size", lambda *_: 3)
        with pytest.raises(GzError, match="has 3 bytes after 5 were written"):
            Url("gs", clouds.BUCKET, "x").put(io.BytesIO(b"12345"))


def test_a_listing_of_several_pages_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds.google() as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address.removeprefix("http://"))  # as some set it
        folder = Url("gs", clouds.BUCKET, "many")
        for _ in ahead(lambda number: (folder / f"{number}").create(b""), range(1001)):
            pass
        names = {f"{number}" for number in range(1001)}
        assert {found.name for found in folder.iterdir()} == {found.name for found in folder.below()} == names
        assert folder.is_dir()


def test_the_store_is_made_anew_where_the_limit_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:1")
    made: list[Callable[[], None]] = [buckets.bucket_of("gs", "bucket"), buckets.bucket_of("gs", "bucket")]
    assert made[0] is made[1]
    monkeypatch.setenv("GZPREP_RETRY_LIMIT", "1")
    assert buckets.bucket_of("gs", "bucket") is not made[0]
