"""gzprep from a program: rooms that can be called, what a call gives, and sentences."""

import random
from pathlib import Path
from typing import Any

import cv2
import pytest

import gzprep
from gzcore.errors import GzError, UsageError
from gzprep.run import launch
from gzprep.run.launch import RunRequest
from tests.running import gzprep as command


def test_a_run_and_a_look_at_it(small_sky: Path, tmp_path: Path) -> None:
    keys = {"shards.min_bins": 1, "max_reject_share": 1}
    before = cv2.getNumThreads(), random.getstate()
    made = gzprep.run(data=str(small_sky), out=tmp_path / "out", views=2, crop=64, set=keys, workers=1)
    assert (cv2.getNumThreads(), random.getstate()) == before
    assert (Path(made) / "manifest.json").is_file()
    assert made["recipe"]["views"]["count"] == 2
    assert "galaxies in" in repr(made)
    assert gzprep.inspect(made) == command("inspect", made, "--json").json


@pytest.mark.parametrize("keyword", ["view", "datas"])
def test_a_wrong_keyword_is_told(keyword: str) -> None:
    with pytest.raises(UsageError, match="did you mean"):
        gzprep.run(**{keyword: 1})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [("ring, bar", ("ring", "bar")), (["ring", "bar"], ("ring", "bar")), (("a,b",), ("a,b",)), ("none", ("none",))],
    ids=["text", "list", "a name with a comma", "none"],
)
def test_labels_and_options_come_as_text_or_in_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str | list[str], expected: tuple[str, ...]
) -> None:
    asked: list[RunRequest] = []
    monkeypatch.setattr(launch, "run", lambda request: asked.append(request) or {})
    for options in ("--project=sky", ["--project=sky"]):
        gzprep.run(data=tmp_path, out=tmp_path / "out", labels=labels, options=options)
    assert [(request.own.labels, request.options) for request in asked] == [(expected, ("--project=sky",))] * 2


@pytest.mark.parametrize(
    "labels",
    [[], [""], [3], "a,,b", 5, True],
    ids=["none at all", "empty", "a number in a list", "empty in text", "a number", "true"],
)
def test_labels_without_names_are_told(tmp_path: Path, labels: object) -> None:
    with pytest.raises(UsageError, match="expected names of columns"):
        gzprep.run(data=tmp_path, out=tmp_path / "out", labels=labels)  # type: ignore[arg-type]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a number for options": ({"options": 5}, "options takes a text, or several in a list; got 5"),
    "numbers for options": ({"options": [5]}, r"options takes a text, or several in a list; got \[5\]"),
    "a number for set": ({"set": 5}, "set takes a text, or several in a list; got 5"),
    "a number in set": ({"set": [5]}, r"set takes a text, or several in a list; got \[5\]"),
    "a number for data": ({"data": 5}, "data takes a path or an address; got 5"),
    "nothing for out": ({"out": None}, "out takes a path or an address; got None"),
    "bytes for images": ({"images": b"a"}, "images takes a path or an address; got b'a'"),
    "a number for a recipe": ({"recipe": 5}, "recipe takes a path or an address; got 5"),
    "text for workers": ({"workers": "2"}, "workers takes a whole number; got '2'"),
    "true for workers": ({"workers": True}, "workers takes a whole number; got True"),
    "a list for split": ({"split": ["train"]}, "no split"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_a_value_of_another_type_is_told(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        gzprep.run(**{"data": tmp_path, "out": tmp_path / "out", **given})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [({"paths": 5}, "paths"), ({"paths": [5]}, "paths"), ({"paths": ".", "recipe": 5}, "recipe")],
    ids=["paths", "one of several paths", "recipe"],
)
def test_inspect_tells_what_is_no_path(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"{words} takes a path or an address; got 5"):
        gzprep.inspect(**given)


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(GzError, match="no nowhere to inspect"):
        gzprep.inspect("nowhere")


def test_names_are_listed() -> None:
    assert set(gzprep.__all__) <= set(dir(gzprep))
