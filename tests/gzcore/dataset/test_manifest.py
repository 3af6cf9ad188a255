"""The manifest, over a small one of a tree of its own: what is read of it, and that every damage is one sentence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gzcore.dataset.features import Widths
from gzcore.dataset.layout import FORMAT, MERGING, shard_name
from gzcore.dataset.manifest import read_manifest
from gzcore.dataset.schema import QuestionEntry
from gzcore.dataset.tree import Question
from gzcore.errors import GzError

SHARD = {"file": shard_name("x", "train", 0, 1), "fold": 0, "records": 3, "bytes": 900, "sha256": "0" * 64}
EMPTY: dict[str, Any] = {"records": 0, "bytes": 0, "shards": []}
COUNTS = {"galaxies": 3, "answered": [3], "asked": [1], "report": [1]}
VECTORS = {"fraction": 2, "votes": 1, "mask": 1}
SMALL: dict[str, Any] = {
    "format": FORMAT,
    "name": "x",
    "recipe": {"name": "x", "crop": {"size": 64, "encoding": "png"}, "labels": {"min_votes": 1}, "views": {"count": 2}},
    "recipe_hash": "0" * 64,
    "versions": {},
    "source": {"data": "sky", "catalogues": []},
    "counts": {key: {"in": 3, "out": 3, "rejected": {}, "flagged": {}} for key in ("all", "train", "test")},
    "splits": {"train": {"records": 3, "bytes": 900, "shards": [SHARD]}, "train_views": EMPTY, "test": EMPTY},
    "features": [{"name": name, "dtype": "float32", "shape": [width]} for name, width in VECTORS.items()],
    "labels": {
        "names": ["bar_yes"],
        "fraction_names": ["bar_yes_fraction", "bar_no_fraction"],
        "questions": [
            {
                "index": 0,
                "name": "bar",
                "title": "A bar?",
                "used": ["yes"],
                "twin": "no",
                "dropped": None,
                "parent": None,
            }
        ],
        "schemes": {"bar": [0]},
        "folds": {"0": COUNTS},
        "test": COUNTS,
    },
    "what": "a later version adds",
}


def write(folder: Path, document: object) -> Path:
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


ODD = {**SMALL["labels"]["questions"][0], "index": 1, "name": "odd"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"parent": None}, ()),
        ({"parent": ["bar", "yes"]}, (("bar", "yes"),)),
        ({"parent": None, "parents": [["bar", "yes"], ["bar", "no"]]}, (("bar", "yes"), ("bar", "no"))),
    ],
    ids=["always asked", "of an older version", "two parents"],
)
def test_answers_that_lead_to_a_question(told: dict[str, Any], expected: tuple[tuple[str, str], ...]) -> None:
    assert Question(**QuestionEntry(**{**ODD, **told}).model_dump()).parents == expected


def test_what_readers_rely_on(tmp_path: Path) -> None:
    manifest, document = read_manifest(write(tmp_path, SMALL))
    assert document == SMALL
    assert manifest.recipe.crop.size == 64
    assert manifest.widths == Widths(fractions=2, votes=1, labels=1)
    assert [shard.file for shard in manifest.splits.train.shards] == ["x-train.tfrecord-00000-of-00001"]


def remove(*keys: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


def put(value: object, *keys: str | int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


FIRST_SHARD = ("splits", "train", "shards", 0)
DAMAGED: dict[str, tuple[Callable[[Any], None], str]] = {
    "no labels": (remove("labels"), "it has no labels"),
    "no split": (remove("splits", "test"), "it has no splits.test"),
    "no crop": (remove("recipe", "crop", "size"), "it has no recipe.crop.size"),
    "joined from a number": (put([3], "source", "inputs"), "source.inputs.0"),
    "joined under a number": (put([{"prefix": 3}], "source", "inputs"), "source.inputs.0.prefix is 3: "),
    "a joined question in words": (
        put([{"recipe": {"survey": {"questions": ["bar"]}}}], "source", "inputs"),
        "source.inputs.0.recipe.survey.questions.0",
    ),
    "no vector": (put([], "features"), "features has no vector"),
    "a crop in words": (put("64", "recipe", "crop", "size"), "recipe.crop.size is '64': "),
    "a crop of nothing": (put(0, "recipe", "crop", "size"), "recipe.crop.size is 0: "),
    "shards as text": (put("none", "splits", "test", "shards"), "splits.test.shards is 'none': "),
    "a path for a file": (
        put("../secret", *FIRST_SHARD, "file"),
        "'../secret' is not the name of a shard",
    ),
    "an absolute path": (put("/etc/passwd", *FIRST_SHARD, "file"), "'/etc/passwd' is not the name of a shard"),
    "a path of Windows": (put("a\\b", *FIRST_SHARD, "file"), "is not the name of a shard"),
    "the folder above": (put("..", *FIRST_SHARD, "file"), "'..' is not the name of a shard"),
    "no name": (put("", *FIRST_SHARD, "file"), "'' is not the name of a shard"),
    "a short digest": (put("0" * 63, *FIRST_SHARD, "sha256"), "is not a SHA-256 of 64 hexadecimal digits"),
    "a digest with a path": (
        put("../" + "0" * 61, *FIRST_SHARD, "sha256"),
        "is not a SHA-256 of 64 hexadecimal digits",
    ),
    "a negative count": (put(-1, *FIRST_SHARD, "records"), "splits.train.shards.0.records is -1: "),
    "a count that is true": (put(True, *FIRST_SHARD, "bytes"), "splits.train.shards.0.bytes is True: "),  # noqa: FBT003
    "a fold in words": (put({}, "labels", "folds", "first"), "labels.folds.first"),
    "a parent that is not there": (
        put([["foo", "yes"]], "labels", "questions", 0, "parents"),
        "a parent of the question 'bar' is not an answer before it",
    ),
    "parents beside another parent": (
        lambda document: document["labels"]["questions"][0].update(parent=["foo", "yes"], parents=[["foo", "no"]]),
        "'bar' has a parent that is not the only one of its parents",
    ),
    "a question without answers": (put([], "labels", "questions", 0, "used"), "labels.questions.0.used: "),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_sentence_with_its_key(name: str, tmp_path: Path) -> None:
    change, words = DAMAGED[name]
    document = json.loads(json.dumps(SMALL))  # a copy that shares nothing
    change(document)
    with pytest.raises(GzError) as caught:
        read_manifest(write(tmp_path, document))
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path}/manifest.json is damaged (")
    assert words in sentence
    assert sentence.endswith(f"run gzprep run --out {tmp_path} again: it writes the manifest anew.")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is damaged (it is not JSON)"),
        ("[" * 100_000, "is damaged (it is nested deeper than 64 levels)"),
        ("[]", "is damaged (it does not say its format)"),
        ('{"format": true}', "is damaged (it does not say its format)"),
        (json.dumps(SMALL | {"format": FORMAT + 1}), "has format 2; this version knows formats up to 1."),
    ],
)
def test_a_file_that_is_not_a_manifest_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(GzError) as caught:
        read_manifest(tmp_path)
    assert words in str(caught.value)


def test_a_missing_folder_or_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(GzError, match=r"has no manifest.json, so it is not a whole dataset folder; gzprep run --out"):
        read_manifest(tmp_path)
    with pytest.raises(GzError, match=r"There is no dataset folder .*; make one with gzprep run --out"):
        read_manifest(tmp_path / "absent")


@pytest.mark.parametrize("name", ["gz2-train.tfrecord-00000-of-00001", ".gzprep"])
def test_a_half_made_folder_is_to_be_finished(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(GzError, match="makes or finishes one"):
        read_manifest(tmp_path)


JOINED = {"what gzprep merge leaves": MERGING, "names of shards": "merged-train.tfrecord-00000-of-00002"}


@pytest.mark.parametrize("manifest", ["{", None], ids=["a damaged manifest", "no manifest"])
@pytest.mark.parametrize("name", JOINED.values(), ids=JOINED)
def test_a_joined_folder_is_to_be_joined_again(name: str, manifest: str | None, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(GzError) as caught:
        read_manifest(tmp_path)
    assert f"gzprep merge FOLDER FOLDER --out {tmp_path} --overwrite" in str(caught.value)
    assert "gzprep run" not in str(caught.value)


def test_a_folder_that_cannot_be_listed_has_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(GzError, match=r"has no manifest\.json"):
        read_manifest(tmp_path)


def test_a_folder_of_other_things_is_not_to_be_written_to(tmp_path: Path) -> None:
    for name in ("d.csv", "a.csv", "b\x1b.csv", "c.csv"):
        (tmp_path / name).touch()
    with pytest.raises(GzError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value).endswith(
        r"it holds a.csv, b\x1b.csv, c.csv, .... Name a folder that gzprep run --out FOLDER made."
    )
