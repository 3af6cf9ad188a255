"""What the README promises can be done as it stands there."""

import re
from pathlib import Path

import pytest

from tests.gz2 import FEATURES

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_five_lines_of_tf_data_read_a_folder(dataset: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "gz2-shards").symlink_to(dataset)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 -- the README's own example
    batch = next(iter(names["galaxies"]))  # type: ignore[call-overload]
    assert batch["image"].shape[1:] == (64, 64, 3)
    assert batch["label_asked"].shape[1:] == batch["mask"].shape[1:] == (22,)


def test_every_feature_is_in_the_table() -> None:
    for feature in FEATURES:
        assert f"`{feature.name}`" in README


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (Path(__file__).parent.parent / target).exists(), target
