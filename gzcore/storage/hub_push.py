"""Folders sent to the Hugging Face hub by huggingface_hub's own client; in the extra hub.

The token is huggingface_hub's business: ``HF_TOKEN``, or what ``hf auth login`` has stored. It is never read here.
"""

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gzcore.console import brief, human_bytes, printable
from gzcore.errors import GzError, UsageError

Kind = Literal["dataset", "model"]
_NAME = r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/?"
_ADDRESSES = {
    "dataset": re.compile(rf"hf://(?:datasets/)?{_NAME}", re.ASCII),
    "model": re.compile(rf"hf://(?:models/)?{_NAME}", re.ASCII),
}
_NAMES: dict[Kind, str] = {"dataset": "data set", "model": "model"}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was sent.

    Attributes:
        repository: ``user/name``.
        files: how many.
        bytes: of all of them.
        url: where the hub shows them.
        removed: names of files of an earlier push that were removed there.
    """

    repository: str
    files: int
    bytes: int
    url: str
    removed: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was sent, and what was removed, for a person."""
        sent = f"{self.files} files, {human_bytes(self.bytes)}, are at {self.url}."
        if not self.removed:
            return sent
        names = brief(printable(", ".join(self.removed)))
        return f"{sent} Files of an earlier push that were removed there: {len(self.removed)} ({names})."


def repository_of(address: str, kind: Kind) -> str:
    """The repository that an address names.

    Raises:
        UsageError: it names none.
    """
    found = _ADDRESSES[kind].fullmatch(address)
    if found is None:
        raise UsageError(f"{address!r} is no address of a {_NAMES[kind]} on the hub; expected hf://user/name.")
    return found[1]


def push_folder(  # noqa: PLR0913 -- what a push is
    folder: Path,
    names: Sequence[str],
    address: str,
    kind: Kind,
    *,
    maker: str,
    private: bool = False,
    stale: re.Pattern[str] | None = None,
) -> Pushed:
    """Send some files of a folder to the hub. Files that the hub has already are not sent again.

    Args:
        folder: the folder.
        names: of the files below it.
        address: ``hf://user/name``; the repository is made where it is not there.
        kind: of the repository.
        maker: the program that made the folder.
        private: whether a new repository is one that only its owner sees.
        stale: whole names of files that an earlier push may have sent; those that are not sent now are removed there.

    Raises:
        GzError: huggingface_hub is not installed, or the hub refuses.
        UsageError: the address names no repository.
    """
    repository, api = repository_of(address, kind), _api(maker)
    try:
        url = api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        there = api.list_repo_files(repository, repo_type=kind) if stale else []
        removed = tuple(name for name in sorted(set(there) - set(names)) if stale and stale.fullmatch(name))
        api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=folder,
            allow_patterns=list(names),
            delete_patterns=list(map(glob.escape, removed)) or None,
            commit_message=f"Add a {_NAMES[kind]} made by {maker}",
        )
    except Exception as error:
        raise _refusal(address, error) from None
    size = sum((folder / name).stat().st_size for name in names)
    return Pushed(repository, len(names), size, str(url), removed)


def _api(maker: str) -> Any:  # noqa: ANN401 -- huggingface_hub may not be installed
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise GzError(f"{maker} push needs huggingface_hub; install it with: pip install 'gzprep[hub]'.") from None
    return HfApi(library_name=maker)


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
