"""Framing compared with TensorFlow and another reader; damage is always noticed."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzcore.dataset.tfrecord import OVERHEAD, DamagedRecord, frame, length_in, masked_crc, read_records, unframe

RECORDS = (b"first", b"", bytes(range(40)), b"last")
FILE = b"".join(map(frame, RECORDS))
BOUNDARIES = [sum(len(frame(record)) for record in RECORDS[:count]) for count in range(len(RECORDS) + 1)]


def read(data: bytes) -> list[bytes]:
    return list(read_records(io.BytesIO(data)))


@settings(deadline=None)
@given(st.lists(st.binary()))
def test_reading_undoes_framing(records: list[bytes]) -> None:
    data = b"".join(map(frame, records))
    assert read(data) == records
    assert len(data) == sum(map(len, records)) + OVERHEAD * len(records)


def test_masked_crc_of_a_known_value() -> None:
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720); rotated right by 15 bits, plus 0xA282EAD8."""
    rotated = (0xE3069283 >> 15) | (0xE3069283 << 17 & 0xFFFFFFFF)
    assert masked_crc(b"123456789") == (rotated + 0xA282EAD8) % (1 << 32)


def test_tensorflow_reads_our_frames(tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "ours").write_bytes(FILE)
    dataset = tf.data.TFRecordDataset(str(tmp_path / "ours"))
    assert [item.numpy() for item in dataset] == [*RECORDS]


def test_ours_are_the_bytes_that_tensorflow_writes(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in RECORDS:
            writer.write(record)
    data = (tmp_path / "theirs").read_bytes()
    assert read(data) == [*RECORDS]
    assert data == FILE


def test_the_tfrecord_package_reads_our_frames(tmp_path: Path) -> None:
    """In a process of its own: it registers the same protocol buffers as TensorFlow."""
    (tmp_path / "ours").write_bytes(FILE)
    program = (
        "import sys; from tfrecord.reader import tfrecord_iterator as read;"
        "print([bytes(record).hex() for record in read(sys.argv[1])])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ours")], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str([record.hex() for record in RECORDS])


def test_every_flipped_bit_is_seen() -> None:
    for place in range(len(FILE)):
        for bit in range(8):
            damaged = bytearray(FILE)
            damaged[place] ^= 1 << bit
            with pytest.raises(DamagedRecord):
                read(bytes(damaged))


def test_every_cut_is_seen_but_one_between_records() -> None:
    for length in range(len(FILE)):
        if length in BOUNDARIES:
            assert read(FILE[:length]) == [*RECORDS[: BOUNDARIES.index(length)]]
        else:
            with pytest.raises(DamagedRecord):
                read(FILE[:length])


def test_records_before_the_damage_are_still_read() -> None:
    records = read_records(io.BytesIO(FILE[:-1]))
    assert [next(records) for _ in RECORDS[:-1]] == [*RECORDS[:-1]]
    with pytest.raises(DamagedRecord, match="the file ends within it"):
        next(records)


def announced(length: int) -> bytes:
    """A header, with the right checksum, of a record of any length."""
    packed = length.to_bytes(8, "little")
    return packed + masked_crc(packed).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"\0" * 5, "the file ends within it", id="half a header"),
        pytest.param(b"\0" * 12, "checksum of its length is wrong", id="zeros"),
        pytest.param(frame(b"abc")[:-5], "the file ends within it", id="half a record"),
        pytest.param(frame(b"abc")[:-4] + b"\0\0\0\0", "its checksum is wrong", id="a wrong checksum"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", "checksum of its length is wrong", id="a JPEG"),
        pytest.param(announced(1 << 40), "it has 1099511627776 bytes; a record has", id="a length beyond reason"),
        pytest.param(frame(b"abc") + b"tail", "the file ends within it", id="something behind"),
    ],
)
def test_damage_is_told(data: bytes, words: str) -> None:
    with pytest.raises(DamagedRecord, match=words):
        read(data)


def test_damage_is_a_value_error() -> None:
    assert issubclass(DamagedRecord, ValueError)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=300))
def test_framing_comes_off(record: bytes) -> None:
    framed = frame(record)
    assert length_in(framed[:12]) == len(record)
    assert unframe(framed, len(record)) == record


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=300), st.data())
def test_no_flipped_bit_goes_unnoticed(record: bytes, data: st.DataObject) -> None:
    framed = bytearray(frame(record))
    framed[data.draw(st.integers(0, len(framed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedRecord, match="checksum"):
        unframe(bytes(framed), len(record))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=300), st.data())
def test_a_cut_frame_is_noticed(record: bytes, data: st.DataObject) -> None:
    framed = frame(record)
    with pytest.raises(DamagedRecord, match="ends within"):
        unframe(framed[: data.draw(st.integers(0, len(framed) - 1))], len(record))
