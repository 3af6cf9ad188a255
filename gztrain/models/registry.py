"""Every model that can be trained, as data: importing this needs no Keras.

Ids such as F40 name facts about the 2024 report. A test builds every model and compares its number of parameters.
"""

from dataclasses import dataclass
from typing import Literal

Family = Literal["cnn", "modern", "vit", "cct", "cvt", "small"]

COUNTED_SIZE = 256
"""Input size, px, for which :attr:`Entry.parameters` is counted; only ViT and CCT depend on it."""
COUNTED_OUTPUTS = 22
"""Number of outputs for which :attr:`Entry.parameters` is counted: the labels of all eleven questions."""
PATCHES_A_SIDE = 16
"""Patches along a side of the image, as in the 2024 report (F42)."""


@dataclass(frozen=True)
class Entry:
    """One model.

    Attributes:
        name: its name on the command line.
        family: the module of this package that builds it.
        min_size: smallest input, px.
        dense: units of the dense layers of the head ``report`` (F40 to F42); empty if it has no such head.
        parameters: of the whole model with its default head, see ``COUNTED_SIZE`` and ``COUNTED_OUTPUTS``.
        backbone_parameters: of the part that is frozen in stage one; None for a model that is trained as a whole.
        weights_file: name of its ImageNet weights in keras.applications; None if there are none.
        size: default input size, px; None: the crop of the data set.
    """

    name: str
    family: Family
    min_size: int
    dense: tuple[int, ...]
    parameters: int
    backbone_parameters: int | None = None
    weights_file: str | None = None
    size: int | None = None

    @property
    def has_imagenet(self) -> bool:
        """Whether Keras has ImageNet weights for it."""
        return self.weights_file is not None

    @property
    def two_stage(self) -> bool:
        """Whether the head can be trained first, with the backbone frozen."""
        return self.backbone_parameters is not None


_KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"
_MOBILENET = "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"
_ENTRIES = (
    Entry("small", "small", 16, (), 340_086, size=64),
    Entry("resnet50", "cnn", 32, (1000,), 25_658_734, 23_587_712, f"resnet50_{_KERNELS}"),
    Entry("resnet50v2", "cnn", 32, (1000,), 25_635_822, 23_564_800, f"resnet50v2_{_KERNELS}"),
    Entry("xception", "cnn", 71, (4096,), 29_344_318, 20_861_480, f"xception_{_KERNELS}"),
    Entry("inceptionv3", "cnn", 75, (4096,), 30_285_622, 21_802_784, f"inception_v3_{_KERNELS}"),
    Entry("vgg16", "cnn", 32, (4096, 4096), 33_687_382, 14_714_688, f"vgg16_{_KERNELS}"),
    Entry("vgg19", "cnn", 32, (4096, 4096), 38_997_078, 20_024_384, f"vgg19_{_KERNELS}"),
    Entry("mobilenetv3small", "cnn", 32, (4096, 4096), 20_173_958, 939_120, _MOBILENET.format("small")),
    Entry("mobilenetv3large", "cnn", 32, (4096, 4096), 23_804_054, 2_996_352, _MOBILENET.format("large")),
    Entry("efficientnetv2b0", "modern", 32, (), 5_947_494, 5_919_312, "efficientnetv2-b0_notop.h5"),
    Entry("convnextpico", "modern", 32, (), 8_543_958, 8_532_672),
    Entry("convnextnano", "modern", 32, (), 14_966_662, 14_952_560),
    Entry("convnexttiny", "modern", 32, (), 27_837_046, 27_820_128, "convnext_tiny_notop.h5"),
    Entry("vit-64-8-12", "vit", 16, (2048, 1024), 37_536_982),
    Entry("vit-64-12-12", "vit", 16, (2048, 1024), 38_332_630),
    Entry("vit-64-16-12", "vit", 16, (2048, 1024), 39_128_278),
    Entry("vit-64-16-16", "vit", 16, (2048, 1024), 40_256_726),
    Entry("vit-128-12-12", "vit", 16, (2048, 1024), 79_654_294),
    Entry("vit-64-12-12-wide", "vit", 16, (4096, 2048), 78_204_118),
    Entry("cct", "cct", 16, (), 278_551),
    Entry("cvt", "cvt", 32, (), 1_235_862),
)
MODELS: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Every model by its name."""


@dataclass(frozen=True)
class ModelRow:
    """A row of the table that ``gztrain models`` prints."""

    name: str
    family: Family
    parameters: int
    backbone_parameters: int | None
    size: int | None
    min_size: int
    imagenet: bool


def describe() -> list[ModelRow]:
    """A row for each model, with parameter counts and input sizes. No model is built."""
    return [
        ModelRow(
            entry.name,
            entry.family,
            entry.parameters,
            entry.backbone_parameters,
            entry.size,
            entry.min_size,
            entry.has_imagenet,
        )
        for entry in MODELS.values()
    ]
