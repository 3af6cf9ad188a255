"""Weights files as PyTorch and timm write them, made without torch; and ConvNeXt's forward pass in plain numpy."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
PICO = ((2, 2, 6, 2), (64, 128, 256, 512))
"""Depths and widths of convnext_pico, as timm has them."""
_TYPES = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage", "float64": "DoubleStorage"}


def random_arrays(depths: tuple[int, ...], widths: tuple[int, ...], *, conv_mlp: bool, seed: int = 0) -> Arrays:
    """Arrays with the names and shapes that timm gives a ConvNeXt without its last layer."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}

    def add(name: str, shape: tuple[int, ...]) -> None:
        fan = max(1, int(np.prod(shape[1:])))
        arrays[name] = (rng.normal(size=shape) / np.sqrt(fan)).astype(np.float32)

    def add_norm(name: str, width: int) -> None:
        arrays[f"{name}.weight"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, width).astype(np.float32)

    def add_pair(name: str, shape: tuple[int, ...]) -> None:
        add(f"{name}.weight", shape)
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)

    add_pair("stem.0", (widths[0], 3, 4, 4))
    add_norm("stem.1", widths[0])
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        if stage:
            add_norm(f"stages.{stage}.downsample.0", widths[stage - 1])
            add_pair(f"stages.{stage}.downsample.1", (width, widths[stage - 1], 2, 2))
        for block in range(depth):
            name = f"stages.{stage}.blocks.{block}"
            arrays[f"{name}.gamma"] = rng.uniform(0.1, 1, width).astype(np.float32)
            add_pair(f"{name}.conv_dw", (width, 1, 7, 7))
            add_norm(f"{name}.norm", width)
            points = (1, 1) if conv_mlp else ()
            add_pair(f"{name}.mlp.fc1", (4 * width, width, *points))
            add_pair(f"{name}.mlp.fc2", (width, 4 * width, *points))
    add_norm("head.norm", widths[-1])
    return arrays


# ------------------------------------------------------------ the file of torch.save


class _Named:
    """Pickled as the name of something in a module that is not here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Storage:
    def __init__(self, member: str, array: npt.NDArray[Any]) -> None:
        self.member, self.array = member, array


class _Tensor:
    def __init__(self, storage: _Storage) -> None:
        self.storage = storage


class _Writer(pickle._Pickler):  # the one in Python, whose methods can be replaced
    def persistent_id(self, value: object) -> object:
        if not isinstance(value, _Storage):
            return None
        kind = _Named("torch", _TYPES[value.array.dtype.name])
        return ("storage", kind, value.member, "cpu", value.array.size)

    def save(self, value: object, *args: Any, **options: Any) -> None:  # type: ignore[override]
        if isinstance(value, _Named):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, _Tensor):
            array = value.storage.array
            strides = tuple(step // array.itemsize for step in array.strides)
            self.save(_Named("torch._utils", "_rebuild_tensor_v2"))
            self.save((value.storage, 0, array.shape, strides, False, OrderedDict()))
            self.write(b"R")
        else:
            super().save(value, *args, **options)


def torch_bytes(arrays: Arrays) -> bytes:
    """The archive that ``torch.save`` writes for a state dictionary."""
    storages = [_Storage(str(place), np.ascontiguousarray(array)) for place, array in enumerate(arrays.values())]
    text = io.BytesIO()
    _Writer(text, 2).dump(OrderedDict(zip(arrays, map(_Tensor, storages), strict=True)))
    return archive(text.getvalue(), {storage.member: storage.array.tobytes() for storage in storages})


def archive(pickled: bytes, members: dict[str, bytes]) -> bytes:
    """An archive of a pickle and of the numbers that belong to it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr("pytorch_model/data.pkl", pickled)
        for name, data in members.items():
            file.writestr(f"pytorch_model/data/{name}", data)
        file.writestr("pytorch_model/version", "3\n")
    return whole.getvalue()


def safetensors_bytes(arrays: Arrays) -> bytes:
    """The same arrays as the library safetensors writes them."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def write_encoder(folder: Path, arrays: Arrays, config: str = '{"architecture": "convnext_pico"}') -> Path:
    """A folder as the hub has it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytorch_model.bin").write_bytes(torch_bytes(arrays))
    (folder / "config.json").write_text(config)
    return folder


# ------------------------------------------------------------ the forward pass, from the paper


def forward(arrays: Arrays, images: npt.NDArray[np.float64], depths: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """ConvNeXt (Liu 2022) in float64: normalised images [B, S, S, 3] to normalised mean features [B, C]."""
    maps = _norm(_patches(images, arrays, "stem.0", 4), arrays, "stem.1")
    for stage, depth in enumerate(depths):
        if stage:
            maps = _norm(maps, arrays, f"stages.{stage}.downsample.0")
            maps = _patches(maps, arrays, f"stages.{stage}.downsample.1", 2)
        for block in range(depth):
            maps = _block(maps, arrays, f"stages.{stage}.blocks.{block}")
    return _norm(maps.mean((1, 2)), arrays, "head.norm")


def _block(maps: npt.NDArray[np.float64], arrays: Arrays, name: str) -> npt.NDArray[np.float64]:
    inner = _norm(_depthwise(maps, arrays, f"{name}.conv_dw"), arrays, f"{name}.norm")
    inner = _gelu(_dense(inner, arrays, f"{name}.mlp.fc1"))
    return maps + arrays[f"{name}.gamma"] * _dense(inner, arrays, f"{name}.mlp.fc2")


def _norm(values: npt.NDArray[np.float64], arrays: Arrays, name: str) -> npt.NDArray[np.float64]:
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return scaled * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


def _patches(values: npt.NDArray[np.float64], arrays: Arrays, name: str, side: int) -> npt.NDArray[np.float64]:
    """A convolution whose stride is its size."""
    batch, height, width, channels = values.shape
    height, width = height // side, width // side
    cut = values[:, : height * side, : width * side].reshape(batch, height, side, width, side, channels)
    return np.einsum("bhiwjc,ocij->bhwo", cut, arrays[f"{name}.weight"]) + arrays[f"{name}.bias"]


def _depthwise(values: npt.NDArray[np.float64], arrays: Arrays, name: str) -> npt.NDArray[np.float64]:
    _, height, width, _ = values.shape
    padded = np.pad(values, ((0, 0), (3, 3), (3, 3), (0, 0)))
    kernel = arrays[f"{name}.weight"][:, 0].astype(np.float64)
    shifted = (padded[:, i : i + height, j : j + width] * kernel[:, i, j] for i in range(7) for j in range(7))
    return sum(shifted) + arrays[f"{name}.bias"]


def _dense(values: npt.NDArray[np.float64], arrays: Arrays, name: str) -> npt.NDArray[np.float64]:
    weight = arrays[f"{name}.weight"]
    return values @ weight.reshape(weight.shape[:2]).T.astype(np.float64) + arrays[f"{name}.bias"]


def _gelu(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 0.5 * values * (1 + np.vectorize(erf)(values / np.sqrt(2)))


def zip_bomb(size: int) -> bytes:
    """An archive whose pickle unpacks to many bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("pytorch_model/data.pkl", bytes(size))
    return whole.getvalue()


def calling(module: str, name: str, argument: str) -> bytes:
    """A pickle that would call a function of a module as it is loaded."""
    text = f"c{module}\n{name}\n(".encode() + b"X" + struct.pack("<I", len(argument)) + argument.encode() + b"tR."
    return b"\x80\x02" + text
