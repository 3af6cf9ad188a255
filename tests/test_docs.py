"""The documentation keeps what it promises: pages, links, command lines, recipe keys and Python examples.

`make docs` builds the site. This does not: it reads the pages as text, and takes a second.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gzcore.recipe.named import find_recipe
from gzprep.config import read_recipe
from gztrain.config import read_config
from tests.running import ROOT

DOCS = ROOT / "docs"
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
FENCE = re.compile(r"^( *)(`{3,})(\S*)[^\n]*\n(.*?)^ *\2 *$", re.MULTILINE | re.DOTALL)
READ = {"gzprep": read_recipe, "gztrain": read_config}
APPS: dict[str, Any] = {name: get_command(import_module(f"{name}.cli.commands").app) for name in READ}


def written_pages() -> list[Path]:
    """The pages that people write."""
    return [page for page in sorted(DOCS.rglob("*.md")) if not {"_build", "generated"} & set(page.parts)]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """The pages that are made when the site is built, with the places where they will stand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        write = import_module("generators.write")
    folder = tmp_path_factory.mktemp("docs")
    write.write_pages(folder)
    return {DOCS / "generated" / page.name: page.read_text() for page in (folder / "generated").iterdir()}


@pytest.fixture(scope="module")
def pages(generated: dict[Path, str]) -> dict[Path, str]:
    """Text of every page of the site, and of the pages at the top of the repository."""
    return {**{page: page.read_text() for page in [*written_pages(), *TOP]}, **generated}


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of each block of code."""
    return ((language, content) for _, _, language, content in FENCE.findall(text))


def entries(page: Path, text: str) -> Iterator[Path]:
    """The pages that the toctrees of a page name."""
    for language, content in blocks(text):
        names = content.splitlines() if language == "{toctree}" else ()
        for name in names:
            if name and not name.startswith(":"):
                target = re.sub(r".*<(.*)>", r"\1", name)  # "Title <page>"
                yield (page.parent / f"{target}.md").resolve()


def anchors(text: str) -> set[str]:
    """What links can name in a page: its headings, as MyST and GitHub spell them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.slow
def test_every_page_is_in_a_toctree_and_every_entry_is_a_page(pages: dict[Path, str]) -> None:
    site = {page for page in pages if page not in TOP}
    named = {entry for page in site for entry in entries(page, pages[page])}
    assert named == site - {DOCS / "index.md"}


def test_every_relative_link_leads_somewhere(pages: dict[Path, str]) -> None:
    wrong = []
    for page, text in pages.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (page.parent / path).resolve() if path else page
            if not (there in pages or there.exists()) or (anchor and anchor not in anchors(pages[there])):
                wrong.append((page.name, target))
    assert wrong == []


def command_lines(text: str) -> Iterator[list[str]]:
    """Words of each command of ours in the blocks of code; an output below a command is left out."""
    for language, content in blocks(text):
        lines = re.sub(r"\\\n", " ", content).splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in lines if language in ("", "console") else ():
            command = re.match(r"\s*((?:[A-Z_]+=\S+ )*)(gzprep|gztrain) (?=[a-z]+( |$)).*", line)
            if command:
                yield shlex.split(line.strip().removeprefix(command[1]), comments=True)


def short_commands(text: str) -> Iterator[list[str]]:
    """Words of each command in a sentence, such as `gzprep run --dry-run`; it may lack what the command needs."""
    for code in re.findall(r"`((?:gzprep|gztrain) [^`\n]*)`", FENCE.sub("", text)):
        yield code.split()


ALL = [*written_pages(), *TOP]
NAMES = [str(page.relative_to(ROOT)) for page in ALL]


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_command_line_is_understood(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("transform: {}")  # a file that pages have made before
    for package, name, *words in command_lines(page.read_text()):
        before = words[: words.index(">")] if ">" in words else words
        if {"...", "--help"} & set(before):
            assert_names_exist([package, name, *before])
            continue
        APPS[package].commands[name].make_context(name, list(before))
        pairs = [value for option, value in pairwise(before) if option == "--set"]
        READ[package](None, pairs)
        for recipe in (value for option, value in pairwise(before) if option == "--recipe" and "/" not in value):
            find_recipe(package, recipe)


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_short_command_and_its_options_exist(page: Path) -> None:
    for words in short_commands(page.read_text()):
        assert_names_exist(words)


def assert_names_exist(words: list[str]) -> None:
    """The command is one of ours, and so are the options before a lone --."""
    package, name, *others = words
    if name.startswith("-") or name.isupper() or name == "...":
        return
    command = APPS[package].commands[name]
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {"--help", "--debug"}
    ours = others[: others.index("--")] if "--" in others else others
    assert {word.partition("=")[0] for word in ours if re.match(r"--\w", word)} <= known, words


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_make_target_exists(page: Path) -> None:
    files = [ROOT / "Makefile", *ROOT.glob("*/*.mk"), *ROOT.glob("pipelines/*/*.mk")]
    targets = set(re.findall(r"^([\w-]+):", "".join(file.read_text() for file in files), re.MULTILINE))
    text = page.read_text()
    named = re.findall(r"`make ([a-z-]+)[^`]*`", text)
    code = "".join(content for _, content in blocks(text))
    assert {*named, *re.findall(r"^(?:\$ )?make ([a-z-]+)", code, re.MULTILINE)} <= targets


@pytest.mark.parametrize("page", ALL, ids=NAMES)
def test_every_python_example_is_python_and_its_imports_exist(page: Path) -> None:
    for language, content in blocks(page.read_text()):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("gzcore", "gzprep", "gztrain")):
                module = import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("package", READ)
def test_every_key_of_a_recipe_is_explained(package: str, generated: dict[Path, str]) -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \|.*\| ([^|]*) \|$", generated[DOCS / f"generated/recipe-{package}.md"], re.MULTILINE
    )
    assert len(rows) > 20
    unexplained = [key for key, meaning in rows if not meaning]
    assert unexplained == []


def test_every_command_has_a_page(generated: dict[Path, str]) -> None:
    names = {page.stem for page in generated}
    assert {f"{package}-{name}" for package, app in APPS.items() for name in app.commands} <= names
