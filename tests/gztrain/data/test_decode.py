"""Crops out of records: of the right size or refused, and that before a pixel is decoded."""

import cv2
import numpy as np
import pytest
import simplejpeg

from gzcore.dataset.tfrecord import DamagedRecord
from gztrain.data.decode import decode_into
from tests.hostile_images import HOSTILE

BOMBS = ("PNG bomb", "larger PNG bomb", "JPEG that claims 12.9 GB", "JPEG that claims a wide strip")


@pytest.mark.parametrize("name", BOMBS)
def test_another_size_is_refused_before_it_is_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("it was decoded")

    monkeypatch.setattr(cv2, "imdecode", never)
    monkeypatch.setattr(simplejpeg, "decode_jpeg", never)
    image = HOSTILE[name].make
    assert isinstance(image, bytes)
    with pytest.raises(DamagedRecord, match=r"^its image has \d+ x \d+ px, not 424 x 424$"):
        decode_into(np.empty((424, 424, 3), np.uint8), image)


@pytest.mark.parametrize("name", ["truncated JPEG", "truncated PNG", "empty", "web page", "GIF"])
def test_what_is_not_an_image_is_a_bad_record(name: str) -> None:
    image = HOSTILE[name].make
    assert isinstance(image, bytes)
    with pytest.raises(DamagedRecord, match=r"^its image cannot be decoded \("):
        decode_into(np.empty((424, 424, 3), np.uint8), image)
