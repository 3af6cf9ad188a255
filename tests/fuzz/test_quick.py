"""Every parser takes a few hundred changed documents, and all that a search has ever found; ``make fuzz`` goes on."""

import pytest

from tests.fuzz.material import documents
from tests.fuzz.run import FOUND, kept
from tests.fuzz.search import search
from tests.fuzz.targets import TARGETS

FEW = {
    "survey": 20,
    "own_labels_csv": 40,
    "pipeline": 20,
    "catalogue_csv": 20,
    "catalogue_parquet": 60,
    "image": 40,
    "manifest": 60,
    "metrics": 30,
}
MORE = 150


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_valid_document_is_taken(name: str) -> None:
    sentences = [TARGETS[name](data) for data in documents()[name]]
    assert None in sentences, sentences


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_changed_document_is_taken_or_told(name: str) -> None:
    findings = search(TARGETS[name], documents()[name], seed=0, most=FEW.get(name, MORE))
    assert not findings.failures
    assert findings.kept


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_before_stays_mended(name: str) -> None:
    for data in kept(name):
        TARGETS[name](data)


def test_what_was_found_belongs_to_a_target() -> None:
    assert not FOUND.exists() or {path.name for path in FOUND.iterdir()} <= set(TARGETS)
