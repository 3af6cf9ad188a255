"""When a run counts as reproduced, on cards made by hand."""

from pathlib import Path
from typing import Any

import pytest

from gzcore.errors import GzError
from gzcore.storage.places import sha256_of
from gztrain.cli.sharing import why
from gztrain.evaluation.model_card import _cell, _code, read_card
from gztrain.training.reproduce import Original, check_data, check_start, compare


def said(weights: str = "a", accuracy: float | None = 0.8, bounds: Any = (0.7, 0.9), **versions: str) -> Any:
    figures = {"val": {"accuracy": [accuracy, *bounds]}}
    backend = versions.pop("backend", "tensorflow")
    keras = {"keras": "3.15", **versions}
    return {"weights_sha256": weights, "figures": figures, "versions": keras, "backend": backend}


@pytest.mark.parametrize(
    ("now", "reproduced", "within"),
    [
        pytest.param(said("a", 0.1), True, False, id="the same weights"),
        pytest.param(said("b", 0.75), True, True, id="other weights, within the interval"),
        pytest.param(said("b", 0.9), True, True, id="at its end"),
        pytest.param(said("b", 0.91), False, False, id="outside"),
        pytest.param(said("b", None), False, None, id="no figure"),
    ],
)
def test_a_run_is_reproduced_by_the_same_weights_or_within_the_intervals(
    now: Any, reproduced: object, within: object
) -> None:
    found = compare(said(), now)
    assert found["reproduced"] is reproduced
    assert found["figures"]["accuracy"]["within"] is within


def test_without_an_interval_nothing_is_promised_of_other_weights() -> None:
    assert not compare(said(bounds=(None, None)), said("b"))["reproduced"]


def test_versions_that_differ_are_named() -> None:
    assert compare(said(jax="0.7"), said(numpy="2"))["versions"] == {"jax": ["0.7", None], "numpy": [None, "2"]}
    assert compare(said(), said(backend="jax"))["versions"] == {"backend": ["tensorflow", "jax"]}


@pytest.mark.parametrize(
    ("now", "words"),
    [(said("b", 0.91), "lies outside of the interval"), (said("b", 0.8), "has no interval")],
    ids=["outside", "no interval"],
)
def test_the_reason_is_the_right_one(now: Any, words: str) -> None:
    bounds = (0.7, 0.9) if "outside" in words else (None, None)
    assert words in why(compare(said(bounds=bounds), now))


def test_a_card_that_names_no_data_set_is_not_compared(dataset: Path) -> None:
    with pytest.raises(GzError, match="names no hash"):
        check_data(dataset, {"data": {}})


@pytest.mark.parametrize(
    ("named", "hashed", "given", "error"),
    [
        pytest.param(None, None, None, None, id="weights of the model"),
        pytest.param("imagenet", None, None, None, id="those of ImageNet"),
        pytest.param("hf://a/b.h5", None, None, None, id="of a hub"),
        pytest.param("old.weights.h5", "right", "new.h5", None, id="a file that has moved"),
        pytest.param("old.weights.h5", None, "new.h5", None, id="a card of older versions, without a hash"),
        pytest.param("old.weights.h5", "right", None, "there is no file", id="a file that is not there"),
        pytest.param("old.weights.h5", "wrong", "new.h5", "is not the file of weights", id="another file"),
        pytest.param("imagenet", None, "new.h5", "did not begin with a file", id="a file where there was none"),
    ],
)
def test_weights_of_a_file_are_taken_where_they_are_and_the_same(
    named: str | None, hashed: str | None, given: str | None, error: str | None, tmp_path: Path
) -> None:
    (tmp_path / "new.h5").write_bytes(b"weights")
    hashes = {"right": sha256_of(tmp_path / "new.h5"), "wrong": "0" * 64, None: None}
    original = Original({"start_sha256": hashes[hashed]}, {"model": {"weights": named}}, None)
    file = None if given is None else tmp_path / given
    if error is None:
        assert check_start(original, file) == file
    else:
        with pytest.raises(GzError, match=error):
            check_start(original, file)


def test_words_of_others_mean_nothing_in_a_card() -> None:
    escaped = r"\[a\](b) \| \<script\> \`c\` \*d\* \_e\_ \&amp; \$x\$ \~f\~ \\x1b"
    assert _cell("[a](b) | <script> `c` *d* _e_ &amp; $x$ ~f~ \x1b") == escaped
    assert _code("a`b|c") == "`a'b/c`"


@pytest.mark.parametrize(
    "text",
    ["# a page", "```json gztrain\n{}\n```\n", '```json gztrain\n{"format": 1}\n```\n', "```json gztrain\n{\n```\n"],
)
def test_other_pages_are_no_cards(text: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(GzError, match="is no model card of gztrain"):
        read_card(tmp_path / "README.md")
