"""A folder that gzprep made, sent to the Hugging Face hub by huggingface_hub's own client.

The token is huggingface_hub's business: ``HF_TOKEN``, or what ``hf auth login`` has stored. It is never read here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzcore.console import printable
from gzcore.dataset.layout import CARDS, CATALOGUE, MANIFEST, REJECTS
from gzcore.errors import GzError, UsageError
from gzprep.dataset.read import open_folder
from gzprep.tools.convert.record import RECORD, read_converted

_ADDRESS = re.compile(r"hf://(?:datasets/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was sent.

    Attributes:
        repository: ``user/name``.
        files: how many.
        bytes: of all of them.
        url: where the hub shows them.
    """

    repository: str
    files: int
    bytes: int
    url: str


def repository_of(address: str) -> str:
    """The repository that an address names.

    Raises:
        UsageError: it names none.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"{address!r} is no address of a data set on the hub; expected hf://user/name.")
    return found[1]


def files_of(folder: Path) -> list[str]:
    """Names of the files of a folder that convert or run made, and of no others: plans and locks stay here.

    Raises:
        GzError: the folder was made by something else, or is not whole.
    """
    if (folder / RECORD).is_file():
        sizes = dict(_converted(folder))
    elif (folder / MANIFEST).is_file():
        sizes = dict(_prepared(folder))
    else:
        raise GzError(
            f"{folder} is no folder that gzprep run or gzprep convert has made and finished; it has neither "
            f"{MANIFEST} nor {RECORD}."
        )
    for name, size in sizes.items():
        _check(folder, name, size)
    return list(sizes)


def _converted(folder: Path) -> Iterator[tuple[str, int | None]]:
    said = read_converted(folder / RECORD)
    yield from ((file.file, file.bytes) for file in said.files)
    yield from ((name, None) for name in (*said.cards, RECORD))


def _prepared(folder: Path) -> Iterator[tuple[str, int | None]]:
    _, manifest = open_folder(folder)
    for split in manifest["splits"].values():
        yield from ((shard["file"], shard["bytes"]) for shard in split["shards"])
    yield from ((name, None) for name in (CATALOGUE, REJECTS, MANIFEST))
    yield from ((name, None) for name in CARDS if (folder / name).is_file())


def _check(folder: Path, name: str, size: int | None) -> None:
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise GzError(f"{path} is missing; run the command that made the folder again.")
    if size is not None and path.stat().st_size != size:
        raise GzError(f"{path} has {path.stat().st_size} bytes, expected {size}; run the command that made it again.")


def push(folder: Path, address: str, *, private: bool = False) -> Pushed:
    """Send a folder to the hub. Files that the hub has already are not sent again.

    Args:
        folder: that convert or run made.
        address: ``hf://user/name``; the repository is made where it is not there.
        private: whether a new repository is one that only its owner sees.

    Raises:
        GzError: the folder is not one of ours or not whole, huggingface_hub is not installed, or the hub refuses.
        UsageError: the address names no repository.
    """
    repository, names = repository_of(address), files_of(folder)
    api = _api()
    try:
        url = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=names,
            commit_message="Add a data set made by gzprep",
        )
    except Exception as error:
        raise _refusal(address, error) from None
    return Pushed(repository, len(names), sum((folder / name).stat().st_size for name in names), str(url))


def _api() -> Any:  # noqa: ANN401 -- huggingface_hub may not be installed
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise GzError("gzprep push needs huggingface_hub; install it with: pip install 'gzprep[hub]'.") from None
    return HfApi(library_name="gzprep")


def _refusal(address: str, error: Exception) -> Exception:
    """What an error of huggingface_hub is to a user; any other is itself."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    if isinstance(error, LocalTokenNotFoundError):
        return GzError(f"There is no token for {address}; set HF_TOKEN, or log in with: hf auth login.")
    if isinstance(error, HfHubHTTPError):
        state = error.response.status_code
        if state in {401, 403}:
            return GzError(
                f"The hub does not let you write to {address} (HTTP {state}); set HF_TOKEN to a token that may "
                "write, or log in with: hf auth login."
            )
        return GzError(f"The hub refused {address} (HTTP {state}): {printable(error.server_message or 'no reason')}.")
    if type(error).__module__.startswith(("httpx", "httpcore")):
        return GzError(f"The hub cannot be reached for {address} ({printable(str(error))}); try again later.")
    return error
