"""Frames of TFRecord: what comes off, and what is damaged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset.tfrecord import frame
from gztrain.data.frames import BadRecord, length_in, unframe

checked = settings(deadline=None, derandomize=True, max_examples=150)


BYTES = st.binary(max_size=300)


@checked
@given(BYTES)
def test_a_frame_comes_off(record: bytes) -> None:
    framed = frame(record)
    assert length_in(framed[:12]) == len(record)
    assert unframe(framed, len(record)) == record


@checked
@given(BYTES, st.data())
def test_no_flipped_bit_goes_unnoticed(record: bytes, data: st.DataObject) -> None:
    framed = bytearray(frame(record))
    framed[data.draw(st.integers(0, len(framed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadRecord, match="checksum"):
        unframe(bytes(framed), len(record))


@checked
@given(BYTES, st.data())
def test_a_cut_frame_is_noticed(record: bytes, data: st.DataObject) -> None:
    framed = frame(record)
    with pytest.raises(BadRecord, match="ends within"):
        unframe(framed[: data.draw(st.integers(0, len(framed) - 1))], len(record))
