"""A dataset folder in a bucket: its manifest is read there, its shards come to this machine when they are first used.

Training reads every record many times and in any order, so a shard is fetched whole, checked against the manifest's
SHA-256, and kept in ``GZTRAIN_CACHE`` (default ``~/.cache/gztrain``); both readers then find plain files. The libraries
that talk to buckets are those of gzprep's extras ``gcp`` and ``aws``; they try again by themselves what may pass.
"""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from gzcore.errors import GzError, UsageError

CACHE = "GZTRAIN_CACHE"
_ADDRESS = re.compile(r"^(?:.*/)?(gs|s3):/+([a-z0-9][a-z0-9._-]+)(?:/(.*))?$")
_EXTRAS = {"gs": "gcp", "s3": "aws"}
_AT_ONCE = 4
_ATTEMPTS = 10


def local_folder(folder: Path) -> Path:
    """Where on this machine a dataset folder is to be found, its manifest at least.

    Args:
        folder: a folder, or an address in a bucket as ``pathlib`` spells it.

    Returns:
        The folder itself, or its place in the cache.

    Raises:
        GzError: there is no such bucket or manifest, or it cannot be reached.
        UsageError: it is no address in a bucket.
    """
    found = _ADDRESS.match(str(folder))
    if found is None:
        return folder
    address = f"{found.group(1)}://{found.group(2)}/{(found.group(3) or '').strip('/')}".rstrip("/")
    if set("?#") & set(address):
        raise UsageError(f"An address in a bucket is {found.group(1)}://BUCKET/PATH, without a ? or a #.")
    root = _cache() / f"{Path(address).name}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    (root / ".gztrain").mkdir(parents=True, exist_ok=True)
    _replace(root / ".gztrain" / "source.json", json.dumps({"address": address}).encode())
    _take_manifest(root, address)
    return root


def _cache() -> Path:
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "gztrain").absolute()


def source_of(root: Path) -> str | None:
    """Address of the bucket's folder that a folder of this machine was fetched from; None: it was not."""
    try:
        document = json.loads((root / ".gztrain" / "source.json").read_text())
    except (OSError, ValueError):
        return None
    return str(document["address"])


def fetch(root: Path, shards: Iterable[tuple[Path, int, str]]) -> None:
    """Bring the shards that are not here yet.

    Args:
        root: the dataset folder on this machine.
        shards: path, bytes and SHA-256 of each that will be read.

    Raises:
        GzError: one cannot be fetched, or is not what the manifest says.
    """
    address = source_of(root)
    absent = [] if address is None else [shard for shard in shards if not shard[0].exists()]
    if not absent or address is None:
        return
    from gzcore.console import say

    size = sum(length for _, length, _ in absent)
    say(f"Fetching {len(absent)} shards ({size / 1e6:.0f} MB) from {address} into {root}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda shard: _fetch_one(address, shard[0], shard[2]), absent):
            pass


def _fetch_one(address: str, path: Path, sha256: str) -> None:
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("wb") as file:
            _download(f"{address}/{path.name}", file)
        with beside.open("rb") as file:
            arrived = hashlib.file_digest(file, "sha256").hexdigest()
        if arrived != sha256:
            raise GzError(
                f"{address}/{path.name} is not what its manifest says (another SHA-256); run gzprep run again: it "
                "makes what differs."
            )
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _take_manifest(root: Path, address: str) -> None:
    """Copy the manifest; shards here that it does not name any more, or names with other bytes, are forgotten."""
    beside = root / f".manifest.{uuid.uuid4().hex}"
    try:
        with beside.open("wb") as file:
            _download(f"{address}/manifest.json", file)
        now = _sums(beside)
        for name, sha256 in _sums(root / "manifest.json").items():
            if now.get(name) != sha256:
                (root / name).unlink(missing_ok=True)
        beside.replace(root / "manifest.json")
    except FileNotFoundError:
        raise GzError(
            f"There is no whole dataset folder at {address} (no manifest.json); gzprep run --out {address} makes or "
            "finishes one."
        ) from None
    finally:
        beside.unlink(missing_ok=True)


def _sums(manifest: Path) -> dict[str, str]:
    try:
        splits: dict[str, Any] = json.loads(manifest.read_text())["splits"]
        return {Path(shard["file"]).name: shard["sha256"] for split in splits.values() for shard in split["shards"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # absent or damaged: whoever opens the folder will say so


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    beside.write_bytes(data)
    beside.replace(path)


def _download(address: str, file: BinaryIO) -> None:
    """Copy an object into a file.

    Raises:
        FileNotFoundError: there is no such object or bucket.
        GzError: it cannot be reached.
    """
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    try:
        (_from_google if scheme == "gs" else _from_amazon)(bucket, key, file)
    except ImportError:
        extra = _EXTRAS[scheme]
        raise GzError(
            f"{scheme}:// needs what the extra {extra!r} brings; install it with: pip install 'gzprep[{extra}]'."
        ) from None
    except (FileNotFoundError, GzError):
        raise
    except Exception as error:  # neither library says what it may raise; texts may hold addresses with secrets
        raise GzError(
            f"{address} cannot be fetched ({type(error).__name__}); check the network, and that there are credentials "
            "which may read there (docs/cloud.md). The same command goes on where it stopped."
        ) from error


def _from_google(bucket: str, key: str, file: BinaryIO) -> None:
    from google.api_core.exceptions import NotFound
    from google.cloud import storage

    client = storage.Client(project=None)
    try:
        client.bucket(bucket).blob(key).download_to_file(file, raw_download=True)
    except NotFound:
        raise FileNotFoundError(f"gs://{bucket}/{key}") from None
    finally:
        client.close()


def _from_amazon(bucket: str, key: str, file: BinaryIO) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    patient = Config(retries={"mode": "standard", "total_max_attempts": _ATTEMPTS})
    session = boto3.session.Session()
    client = session.client("s3", config=patient, region_name=session.region_name or "us-east-1")
    try:
        client.download_fileobj(bucket, key, file)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            raise FileNotFoundError(f"s3://{bucket}/{key}") from None
        raise
