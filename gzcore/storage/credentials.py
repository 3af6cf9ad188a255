"""How a bucket is reached: the service's address, and credentials.

Credentials are found where Google's, Amazon's and Microsoft's own tools leave them; none pass through an address or an
option. Where there are none, requests are not signed, which public buckets answer. Buckets that are listed in
``GZPREP_ANONYMOUS`` (``gs://one,s3://two``) are always asked so: credentials that are not valid there do no harm.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gzcore.errors import GzError

if TYPE_CHECKING:
    from obstore.store import ClientConfig

ANONYMOUS = "GZPREP_ANONYMOUS"
EXTRAS = {"gs": "gcp", "s3": "aws"}
"""Scheme to the extra of gzprep with the library that finds all kinds of credentials."""
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_AZURE_KEYS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_MSI_ENDPOINT",
    "AZURE_CREDENTIAL_TYPE",
    "AZURE_USE_AZURE_CLI",
)
"""Variables that say how to sign requests to Azure, as obstore reads them (developmentseed.org/obstore)."""
_TOKEN_LIFE = timedelta(minutes=30)
"""How long a token that does not say when it ends is used before Google's library is asked again."""


class Access(NamedTuple):
    """How requests to a bucket are made.

    Attributes:
        options: for the constructor of an obstore store.
        signed: whether requests are signed.
    """

    options: dict[str, Any]
    signed: bool = True


def client_options(endpoint: str = "") -> "ClientConfig":
    """Time limits of a request. There is none for the whole of it: a shard may take minutes on a slow line."""
    return {
        "connect_timeout": timedelta(seconds=20),
        "timeout": timedelta(hours=1),
        "allow_http": endpoint.startswith("http://"),
    }


def access_to(scheme: str, bucket: str) -> Access:
    """Find out how a bucket is to be asked.

    Raises:
        GzError: credentials were found that cannot be used, or the storage account is not known.
    """
    listed = os.environ.get(ANONYMOUS, "").replace(",", " ").split()
    anonymous = f"{scheme}://{bucket}" in {address.rstrip("/") for address in listed}
    return {"gs": _google, "s3": _amazon, "az": _azure}[scheme](anonymous)


def how_to_sign(scheme: str) -> str:
    """What to do where a bucket is not public and no credentials were found."""
    return {
        "gs": (
            "run `gcloud auth application-default login`, or name a file of credentials with "
            f"GOOGLE_APPLICATION_CREDENTIALS{_needs_extra('gs', 'google.auth')}"
        ),
        "s3": (
            "run `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            f"{_needs_extra('s3', 'boto3')}"
        ),
        "az": "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_USE_AZURE_CLI=true after `az login`",
    }[scheme]


def _needs_extra(scheme: str, library: str) -> str:
    try:
        __import__(library)
    except ImportError:
        return f" (which {library} reads: pip install 'gzprep[{EXTRAS[scheme]}]')"
    return ""


def _google(anonymous: bool) -> Access:  # noqa: FBT001 -- one of three functions of one signature
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        return _google_emulator(emulator if "://" in emulator else f"http://{emulator}")
    provider = None if anonymous else _google_provider()
    options: dict[str, Any] = {"client_options": client_options()}
    if provider is None:
        return Access({**options, "skip_signature": True}, signed=False)
    return Access({**options, "credential_provider": provider})


def _google_emulator(root: str) -> Access:
    """An emulator takes any request; obstore learns its address from a service account's key, and no other way."""
    key = {"gcs_base_url": root.rstrip("/"), "disable_oauth": True, "client_email": "", "private_key": ""}
    options = {"service_account_key": json.dumps({**key, "private_key_id": ""})}
    return Access({**options, "client_options": client_options(root)})


def _google_provider() -> Callable[[], Any] | None:
    """What gives Google's tokens; None where there are no credentials."""
    try:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError
    except ImportError:
        return None
    try:
        return GoogleTokens(google.auth.default(scopes=[_SCOPE])[0])
    except DefaultCredentialsError:
        return None


class GoogleTokens:
    """Tokens of Google's for obstore.

    obstore has the like, which asks for a new token even where there is one, and does not say what went wrong.
    """

    def __init__(self, credentials: Any) -> None:  # noqa: ANN401 -- google-auth has no types
        self.credentials = credentials

    def __call__(self) -> dict[str, Any]:
        """A token that is valid, and until when."""
        from google.auth.transport.requests import Request

        if not self.credentials.valid:
            self.credentials.refresh(Request())
        expiry = self.credentials.expiry
        until = datetime.now(UTC) + _TOKEN_LIFE if expiry is None else expiry.replace(tzinfo=UTC)
        return {"token": self.credentials.token, "expires_at": until}


def _amazon(anonymous: bool) -> Access:  # noqa: FBT001
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    options: dict[str, Any] = {
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        "checksum_algorithm": "SHA256",
        "client_options": client_options(endpoint),
    }
    if endpoint:
        options["endpoint"] = endpoint
    if anonymous:
        return Access({**options, "skip_signature": True}, signed=False)
    if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return Access(options)  # obstore reads these by itself
    return _amazon_by_boto3(options)


def _amazon_by_boto3(options: dict[str, Any]) -> Access:
    """Profiles, single sign-on, roles of machines: all that boto3 knows."""
    unsigned = Access({**options, "skip_signature": True}, signed=False)
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return unsigned
    try:
        session = boto3.session.Session()
        if session.get_credentials() is None:
            return unsigned
        return Access({**options, "credential_provider": Boto3CredentialProvider(session), **_region_of(session)})
    except BotoCoreError as error:
        raise GzError(
            f"The AWS credentials in use cannot be used ({type(error).__name__}); check AWS_PROFILE, or run "
            "`aws configure`."
        ) from None


def _region_of(session: Any) -> dict[str, str]:  # noqa: ANN401 -- boto3 has no types
    return {"region": session.region_name} if session.region_name else {}


def _azure(anonymous: bool) -> Access:  # noqa: FBT001
    if not (os.environ.get("AZURE_STORAGE_ACCOUNT_NAME") or os.environ.get("AZURE_STORAGE_USE_EMULATOR")):
        raise GzError("az:// needs the name of the storage account; set AZURE_STORAGE_ACCOUNT_NAME.")
    endpoint = os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT") or ""
    options = {"client_options": client_options(endpoint)}
    if os.environ.get("AZURE_STORAGE_USE_EMULATOR"):
        return Access(options)
    if anonymous or not any(os.environ.get(name) for name in _AZURE_KEYS):
        return Access({**options, "skip_signature": True}, signed=False)
    return Access(options)
