"""How images are found in parquet and tar: by which names, in which columns, and what is refused."""

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.errors import GzError
from gzcore.images import MAX_FILE_BYTES, MissingImage, UnreadableImage
from gzprep.catalogue.galaxy import Reason, Rejection
from gzprep.config import from_mapping
from gzprep.images.sources import Files, ImageName, ImageSource, describe, open_images, parquet, read_named
from gzprep.images.sources.base import PathOutside
from gzprep.images.sources.parquet import ParquetImages, open_parquet, unpack
from gzprep.images.sources.tar import TarImages, open_tar

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def opened(place: Path, **images: Any) -> ImageSource:
    return open_images(place, from_mapping({"images": images}))


def both(path: Path, **images: Any) -> tuple[ImageSource, ImageSource]:
    """A parquet source as it is, and unpacked."""
    source = opened(path, **images)
    assert isinstance(source, ParquetImages)
    return source, unpack(source, path.with_suffix(".pack"), path.parent)


TAR = {"a/587/1.jpg": b"one", "a/587/2.jpg": b"two", "b/3.png": b"three", "b/3.json": b"{}", "b/4.x.fits": b"four"}
NAMES = {
    "path": (ImageName("9", "a/587", "1.jpg"), b"one"),
    "a path with a dot": (ImageName("9", "", "./a/587/2.jpg"), b"two"),
    "id": (ImageName("3", "", ""), b"three"),
    "name without its folder": (ImageName("9", "other", "3.jpg"), b"three"),
    "name up to the first dot": (ImageName("4", "", ""), b"four"),
    "an id before a name": (ImageName("1", "other", "2.jpg"), b"one"),
}


@pytest.mark.parametrize(("name", "data"), NAMES.values(), ids=NAMES)
def test_a_member_is_found_by(tmp_path: Path, name: ImageName, data: bytes) -> None:
    assert opened(write_tar(tmp_path / "x.tar", TAR)).open(name) == data


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    images = opened(write_tar(tmp_path / "x.tar", TAR))
    with pytest.raises(MissingImage, match=r"no image '7', and none at 'a/7\.jpg'"):
        images.open(ImageName("7", "a", "7.jpg"))
    told = read_named(ImageName("7", "", ""), images)
    assert isinstance(told, Rejection)
    assert told.reason is Reason.MISSING_FILE


def test_two_images_of_one_name_are_no_answer_and_their_paths_are(tmp_path: Path) -> None:
    images = opened(write_tar(tmp_path / "x.tar", {"a/1.jpg": b"one", "b/1.jpg": b"other"}))
    with pytest.raises(UnreadableImage, match="2 images called '1'"):
        images.open(ImageName("1", "", ""))
    assert images.open(ImageName("1", "b", "1.jpg")) == b"other"


def test_links_and_folders_are_no_images(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("1.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(GzError, match="There is no image"):
        opened(path)


REFUSED_TARS = {
    "compressed": lambda path: write_tar(path, TAR, "w:gz"),
    "no tar": lambda path: path.write_bytes(b"x" * 2000),
    "nothing in it": lambda path: write_tar(path, {}),
}


@pytest.mark.parametrize("make", REFUSED_TARS.values(), ids=REFUSED_TARS)
def test_a_tar_that_cannot_be_read(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "x.tar")
    with pytest.raises(GzError, match=r"x\.tar"):
        opened(tmp_path / "x.tar")


def test_a_tar_that_has_ended_too_soon(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", {"1.jpg": b"x" * 100_000})
    images = opened(path)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(UnreadableImage, match="ends within it"):
        images.open(ImageName("1", "", ""))


def test_a_huge_member_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    member = tarfile.TarInfo("1.jpg")
    member.size = MAX_FILE_BYTES + 1
    with path.open("wb") as file:
        file.write(member.tobuf())
        file.truncate(512 * (MAX_FILE_BYTES // 512 + 4))
    with pytest.raises(UnreadableImage, match="64000001 bytes"):
        opened(path).open(ImageName("1", "", ""))


COLUMNS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "id and a struct": ({"id_str": ["1", "2", "3"], "image": STRUCT}, {}),
    "integers as ids": ({"objid": [1, 2, 3], "image": STRUCT}, {}),
    "floats as ids": ({"objid": [1.0, 2.0, 3.0], "image": pa.binary()}, {}),
    "narrow floats as ids": ({"objid": np.array([1, 2, 3], np.float32), "image": pa.binary()}, {}),
    "paths in the struct alone": ({"image": STRUCT}, {}),
    "plain binary": ({"id_str": ["1", "2", "3"], "picture": pa.binary()}, {}),
    "large binary": ({"id_str": ["1", "2", "3"], "picture": pa.large_binary()}, {}),
    "paths of files": ({"file_loc": [f"/x/{n}.jpg" for n in "123"], "jpg": pa.binary()}, {}),
    "a folder and a name": ({"subfolder": ["a"] * 3, "filename": ["1.jpg", "2.jpg", "3.jpg"], "jpg": pa.binary()}, {}),
    "several columns of images": ({"id_str": ["1", "2", "3"], "image": STRUCT, "mask": pa.binary()}, {}),
    "one of them chosen": ({"id_str": ["1", "2", "3"], "a": pa.binary(), "b": pa.binary()}, {"column": "b"}),
}
IMAGES = (b"one", b"", b"three")


def write_parquet(path: Path, columns: dict[str, Any], group: int = 2) -> Path:
    """Columns of values, and columns of a type, which hold the images; the second image is null."""
    arrays = {}
    for name, column in columns.items():
        if isinstance(column, pa.DataType):
            values: list[Any] = [data or None for data in IMAGES]
            if pa.types.is_struct(column):
                values = [{"bytes": data or None, "path": f"{n}.jpg"} for n, data in enumerate(IMAGES, 1)]
            arrays[name] = pa.array(values, column)
        else:
            arrays[name] = pa.array(column)
    pq.write_table(pa.table(arrays), path, row_group_size=group)
    return path


@pytest.mark.parametrize(("columns", "images"), COLUMNS.values(), ids=COLUMNS)
def test_parquet_columns(tmp_path: Path, columns: dict[str, Any], images: dict[str, str]) -> None:
    for source in both(write_parquet(tmp_path / "x.parquet", columns), **images):
        assert [source.open(ImageName(name, "", "")) for name in ("1", "3")] == [b"one", b"three"]
        with pytest.raises(MissingImage, match="its image is empty"):
            source.open(ImageName("2", "", ""))


ROUNDED = {"float16": (np.float16, 2**11), "float32": (np.float32, 123456789), "float64": (np.float64, 2**53)}


@pytest.mark.parametrize(("kind", "name"), ROUNDED.values(), ids=ROUNDED)
def test_an_id_that_may_have_been_rounded_names_no_image(tmp_path: Path, kind: Any, name: int) -> None:
    ids = np.array([name, 7, np.nan], kind)
    path = write_parquet(tmp_path / "x.parquet", {"objid": ids, "image": pa.binary()})
    for source in both(path):
        for wanted in (str(name), f"{ids[0]:.0f}", f"{ids[0]}", "nan"):
            with pytest.raises(MissingImage):
                source.open(ImageName(wanted, "", ""))


REFUSED_COLUMNS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "no images": ({"id_str": ["1", "2", "3"]}, {}, "No column of"),
    "no names": ({"image": pa.binary()}, {}, "which image is whose"),
    "several": ({"id_str": ["1", "2", "3"], "a": pa.binary(), "b": pa.binary()}, {}, "images.column=NAME"),
    "a column that is not there": (
        {"id_str": ["1", "2", "3"], "a": pa.binary()},
        {"column": "b"},
        "those that can are a",
    ),
}


@pytest.mark.parametrize(("columns", "images", "told"), REFUSED_COLUMNS.values(), ids=REFUSED_COLUMNS)
def test_parquet_that_is_refused(tmp_path: Path, columns: dict[str, Any], images: dict[str, str], told: str) -> None:
    path = write_parquet(tmp_path / "x.parquet", columns)
    with pytest.raises(GzError, match=told):
        opened(path, **images)


def test_parquet_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(GzError, match="cannot be read as parquet"):
        opened(tmp_path / "x.parquet")


def test_several_files_and_many_row_groups(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    wanted = {str(n): chance.bytes(int(chance.integers(1, 400))) for n in range(500)}
    names = list(wanted)
    for number, some in enumerate((names[:180], names[180:201], names[201:])):
        images = pa.array([{"bytes": wanted[name], "path": None} for name in some], STRUCT)
        pq.write_table(pa.table({"id_str": some, "image": images}), tmp_path / f"{number}.parquet", row_group_size=70)
    source, unpacked = opened(tmp_path), None
    assert isinstance(source, ParquetImages)
    unpacked = unpack(source, tmp_path / "pack", tmp_path)
    assert {name: unpacked.open(ImageName(name, "", "")) for name in reversed(names)} == wanted
    assert {name: source.open(ImageName(name, "", "")) for name in names} == wanted
    assert describe(source).startswith("Images: 500 rows of 3 files of parquet, column 'image', in ")


def test_a_stored_index_is_small_once_pickled(tmp_path: Path) -> None:
    source = opened(write_tar(tmp_path / "x.tar", {f"{n}.jpg": str(n).encode() for n in range(2000)}))
    assert isinstance(source, TarImages)
    stored = TarImages(source.shown, source.files, source.index.store(tmp_path / "index.npy", tmp_path))
    again = pickle.loads(pickle.dumps(stored))  # noqa: S301 -- our own bytes
    assert len(pickle.dumps(stored)) < 1000 < len(pickle.dumps(source))
    assert isinstance(again.index.table, np.memmap)
    assert all(images.open(ImageName("1234", "", "")) == b"1234" for images in (source, stored, again))


KINDS = {
    "a folder of files": (["1.jpg"], "auto", Files),
    "a folder of tar": (["a.tar"], "auto", TarImages),
    "a folder of parquet": (["a.parquet"], "auto", ParquetImages),
    "files that are asked for": (["a.tar", "1.jpg"], "files", Files),
    "tar that is asked for": (["a.tar", "a.parquet"], "tar", TarImages),
}


@pytest.mark.parametrize(("names", "source", "kind"), KINDS.values(), ids=KINDS)
def test_the_kind_is_told_by_the_names(tmp_path: Path, names: list[str], source: str, kind: type) -> None:
    for name in names:
        if name.endswith(".tar"):
            write_tar(tmp_path / name, TAR)
        elif name.endswith(".parquet"):
            write_parquet(tmp_path / name, {"id_str": ["1", "2", "3"], "image": STRUCT})
        else:
            (tmp_path / name).write_bytes(b"x")
    assert isinstance(opened(tmp_path, source=source), kind)


@pytest.mark.parametrize("name", ["no", "no.tar", "no.parquet", "no*.tar"])
def test_nothing_of_that_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(GzError, match=r"There (is|are) no image"):
        opened(tmp_path / name)


OUTSIDE = {
    "up": (ImageName("1", "..", "1.jpg"), True),
    "up in the name": (ImageName("1", "", "../1.jpg"), True),
    "another absolute path": (ImageName("1", "", "/etc/1.jpg"), True),
    "a relative path without a folder": (ImageName("1", "a", "1.jpg"), False),
}


@pytest.mark.parametrize(("name", "rooted"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_path_that_is_not_opened(tmp_path: Path, name: ImageName, rooted: bool) -> None:  # noqa: FBT001
    with pytest.raises(PathOutside):
        Files(tmp_path if rooted else None).open(name)


def test_an_absolute_path_that_leads_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"x")
    name = ImageName("1", "", str(tmp_path / "1.jpg"))
    assert Files(tmp_path).open(name) == Files(None).open(name) == b"x"


def test_an_id_column_of_the_catalogue_is_looked_at(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", {"my_name": ["x", "y", "z"], "image": pa.binary()})
    assert open_parquet("x", [path], id_column="my_name").open(ImageName("z", "", "")) == b"three"


def test_an_index_of_several_tars(tmp_path: Path) -> None:
    paths = [write_tar(tmp_path / f"{n}.tar", {f"{n}.jpg": str(n).encode()}) for n in range(3)]
    images = open_tar("them", paths)
    assert [images.open(ImageName(str(n), "", "")) for n in range(3)] == [b"0", b"1", b"2"]


def test_a_row_group_is_too_large_by_its_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_LARGEST_GROUP", 2_000)
    for name, image, spectrum in (("spectra", b"small", "s" * 5_000), ("images", b"i" * 5_000, "s")):
        pq.write_table(pa.table({"id": ["1"], "image": [image], "spectrum": [spectrum]}), tmp_path / f"{name}.parquet")
    assert opened(tmp_path / "spectra.parquet").open(ImageName("1", "", "")) == b"small"
    with pytest.raises(GzError, match=r"images of row group 0 of .* have more than 2000 bytes; write the file again"):
        opened(tmp_path / "images.parquet").open(ImageName("1", "", ""))
