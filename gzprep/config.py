"""The recipe: every value that decides what a shard holds, read from TOML and checked when it is made.

Defaults are those of ``recipes/gz2-cnn.toml``. Row ids such as F27 are those of the report's requirements.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic.dataclasses import dataclass

from gzcore.console import shown
from gzcore.errors import UsageError
from gzcore.recipe import overlay
from gzcore.recipe.overlay import CHECKED, Int, Range
from gzcore.storage.documents import BadDocument
from gzcore.storage.places import Place, as_place
from gzcore.storage.plain import plain, read_plain
from gzprep.catalogue.survey import Survey
from gzprep.catalogue.surveys import find_survey, gz2, survey_of

_CHECKED = ConfigDict(**CHECKED, use_attribute_docstrings=True)  # the Flex Template shows them
DATASET_NAME = r"[a-z0-9_]+"
"""What a data set may be called: the first part of every file name."""
SMALLEST_FRAME = 16
"""px; a smaller image shows no galaxy."""
LARGEST = 8192
"""Largest number of pixels, degrees or grey levels in a recipe."""
_GZ2 = "gz2"
Policy = Literal["drop", "flag", "keep", "off"]
Mode = Literal["RGB", "L", "RGBA"]
Fit = Literal["exact", "crop", "pad", "resize", "scale"]
LinePolicy = Literal["drop", "flag", "inpaint", "keep", "off"]
BYTES_VERSION = 2
"""Raise this when a change of our own code gives other bytes for the same recipe; a golden test watches over it."""
PIXEL_LIBRARIES = ("albumentations", "numpy", "opencv-python-headless", "pillow", "simplejpeg")
"""Libraries whose version can change a byte of a shard."""
LATER_KEYS = ("modes", "fit", "arcsec", "own_arcsec", "source", "column", "fits", "mask")
"""Keys of the images that are left out of the hash while they have their default: folders keep theirs that were made
before there was such a key."""


def _in_one_order(modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
    """Each mode once, in the order of their definition: no other recipe is made by another order."""
    return tuple(mode for mode in get_args(Mode) if mode in modes)


def _a_frame(frame: object) -> int | Literal["any"]:
    """A frame that an image can have; neither true nor 1.0 is taken for a whole number."""
    if frame == "any":
        return "any"
    if type(frame) is not int or not SMALLEST_FRAME <= frame <= LARGEST:
        raise ValueError(f"images.frame is {frame!r}; expected {SMALLEST_FRAME} to {LARGEST} px, or any")
    return frame


def _band_names(bands: object) -> object:
    """Bands as they are typed: ``g,r,z`` is a list of three, and 0 is a name."""
    words = bands.split(",") if isinstance(bands, str) else bands
    if not isinstance(words, list | tuple) or any(type(word) not in {int, str} for word in words):
        return bands
    return tuple(str(word).strip() for word in words)


def _read_survey(value: Any) -> Survey:  # noqa: ANN401 -- any TOML or JSON value
    """A survey from its name, its file, or the values of one, as a manifest has them."""
    if isinstance(value, Survey):
        return value
    return find_survey(value) if isinstance(value, str) else survey_of(value, "The survey of the recipe")


def _check_range(name: str, bounds: Range) -> None:
    if bounds[0] > bounds[1]:
        raise ValueError(f"{name} goes from {bounds[0]} to {bounds[1]}; put the smaller number first")
    if max(map(abs, bounds)) > LARGEST:
        raise ValueError(f"{name} goes from {bounds[0]} to {bounds[1]}; numbers up to {LARGEST} make sense")


def _read_pipeline(value: Any) -> Any:  # noqa: ANN401 -- whatever stands in the recipe
    """Put the content of a pipeline's file in the place of its name: then workers and later runs need no file."""
    if value is None:
        return None
    what = f"views.pipeline = {shown(value)}" if isinstance(value, str) else "views.pipeline"
    try:
        content = read_plain(as_place(value)) if isinstance(value, str) else plain(value)
    except OSError as error:
        raise UsageError(f"{what} cannot be read ({error.strerror or error}); name an existing file.") from None
    except BadDocument as error:
        raise UsageError(f"{what} cannot be used: {error}.") from None
    if not isinstance(content, dict) or not isinstance(content.get("transform"), dict):
        raise UsageError(
            f"{what} holds no pipeline of albumentations: it has no transform. Write the file with "
            "albumentations.save, or start from what gzprep views --yaml prints."
        )
    return content


@dataclass(frozen=True, config=_CHECKED)
class Fits:
    """How the numbers of a FITS image become grey levels (docs/images.md)."""

    bands: Annotated[tuple[str, ...], BeforeValidator(_band_names)] = ()
    """Planes for red, green and blue: numbers from 0 on, or names that the file has for them; one alone is grey. Empty:
    the three planes of the file in their order, or its only one."""
    stretch: Literal["none", "linear", "asinh", "lupton"] = "none"
    """``none``: the file has grey levels, 0 to 255, of 8 bits; ``linear``; ``asinh``, of each band; ``lupton``: asinh
    of the mean of three bands, which keeps their colours (Lupton et al. 2004, PASP 116, 133)."""
    min: Annotated[float, Field(ge=-1e12, le=1e12)] = 0.0
    """Value that is black, and all below; so is what is not a number."""
    max: Annotated[float, Field(ge=-1e12, le=1e12)] = 1.0
    """Value that is white, of the stretches ``linear`` and ``asinh``."""
    scale: Annotated[float, Field(gt=0, le=1e12)] = 0.5
    """Range above ``min`` that ``lupton`` would show if it were linear."""
    q: Annotated[float, Field(gt=0, le=1e6)] = 8.0
    """How soon faint light is raised, of the stretches ``asinh`` and ``lupton``: 0.1 is nearly linear."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min >= self.max:
            raise ValueError(f"images.fits.min is {self.min:g} and max {self.max:g}; black is below white")
        if len(self.bands) not in {0, 1, 3}:
            raise ValueError(
                f"images.fits.bands has {len(self.bands)} bands; name three, for red, green and blue, or one for grey; "
                "a band may stand there twice"
            )
        if self.stretch == "lupton" and len(self.bands) == 1:
            raise ValueError("images.fits.stretch is lupton, which needs three bands; of one band choose asinh")
        return self


@dataclass(frozen=True, config=_CHECKED)
class Images:
    """Where the source images are, what they are, and how one of another size is made to fit."""

    frame: Annotated[int | Literal["any"], PlainValidator(_a_frame), WithJsonSchema({"type": "string"})] = 424
    """Height and width of an image, px (F1); ``any``: each image keeps its size, at least that of the crop."""
    fit: Fit = "exact"
    """An image of another size: ``exact``, is the defect ``wrong_shape``; ``crop``, its middle is cut out, and a
    smaller one is a defect; ``pad``, as crop, with black around a smaller one; ``resize``, its shorter side is made to
    fit and the middle is cut out; ``scale``, it is resized to ``arcsec``, then as pad."""
    arcsec: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Arcsec a pixel of all images after ``fit = "scale"``."""
    own_arcsec: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Arcsec a pixel of images that do not say it, as FITS does by its WCS; 0: not known."""
    folder: str = "images"
    """Images below the data folder: a folder, a parquet or tar file, or several, as in ``images/*.tar``."""
    source: Literal["auto", "files", "parquet", "tar"] = "auto"
    """What holds the images; ``auto``: as the name tells."""
    column: str = "auto"
    """Column of parquet that holds the images; ``auto``: the one that can."""
    modes: Annotated[tuple[Mode, ...], Field(min_length=1), AfterValidator(_in_one_order)] = ("RGB",)
    """Kinds of pixels that are allowed, of 8 bits a channel: ``RGB``; ``L``, grey, repeated over three channels;
    ``RGBA``, only where every pixel is opaque. Any other is the defect ``wrong_mode``."""
    mask: Literal["none", "central"] = "none"
    """``central``: stars and galaxies beside the galaxy in the middle are replaced by sky; ``none``: they stay."""
    fits: Fits = field(default_factory=Fits)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fit == "scale" and not self.arcsec:
            raise ValueError("images.fit is scale, which needs images.arcsec, the arcsec a pixel that all shall have")
        if self.arcsec and self.fit != "scale":
            raise ValueError(f'images.arcsec is {self.arcsec:g}, which needs images.fit = "scale"')
        if self.frame == "any" and self.fit not in {"exact", "scale"}:
            raise ValueError(f'images.frame is any, but images.fit = "{self.fit}" needs the number of pixels to fit to')
        return self


@dataclass(frozen=True, config=_CHECKED)
class Crop:
    """What is cut from the middle of a frame, and how it is stored (F35, F39)."""

    size: Annotated[Int, Field(ge=8, le=8192)] = 224
    """Height and width of the crop, px: 224 for CNNs, 256 for transformers."""
    encoding: Literal["jpeg", "png"] = "jpeg"
    """``jpeg`` (4:2:0) or ``png`` (lossless, about six times the bytes)."""
    quality: Annotated[Int, Field(ge=1, le=100)] = 90
    """JPEG quality."""


@dataclass(frozen=True, config=_CHECKED)
class LabelRules:
    """How votes become labels."""

    min_votes: Annotated[Int, Field(ge=0)] = 1
    """Votes a question needs to count as answered, where the catalogue has counts (F15)."""


@dataclass(frozen=True, config=_CHECKED)
class Views:
    """The augmented views of a training galaxy."""

    count: Annotated[Int, Field(ge=0, le=99)] = 12
    """Views beside the original (F22)."""
    ops: Annotated[Int, Field(ge=0, le=7)] = 3
    """Operations drawn for each view, without replacement, out of seven (F23)."""
    rotate: Range = (-180.0, 180.0)
    """Degrees, counter-clockwise, uniform (F26)."""
    zoom: Range = (0.9, 1.1)
    """Magnification (F27); a log-uniform one is rounded so that the crop shows a whole number of source pixels."""
    zoom_draw: Literal["log-uniform", "uniform"] = "log-uniform"
    """How the magnification is drawn; ``uniform`` allows negative ones, which turn by 180 degrees."""
    translate: Range = (-8.0, 8.0)
    """Shift in x and in y, px of the source frame, uniform, rounded to whole pixels (F28)."""
    blur: Annotated[tuple[Int, ...], Field(min_length=1)] = (3, 5, 7)
    """Kernel sizes of the Gaussian blur, px, odd; sigma follows from the size as in OpenCV (F29)."""
    noise_sigma: Range = (1.0, 8.0)
    """Standard deviation of the Gaussian noise, grey levels, uniform, rounded to halves (F30)."""
    denoise: Literal["median", "non-local-means"] = "median"
    """``median`` (3x3), or the report's ``non-local-means``, 2,400 times slower (F31)."""
    pipeline: Annotated[dict[str, Any] | None, BeforeValidator(_read_pipeline)] = None
    """A YAML or JSON file of albumentations that makes the views in place of the operations above; absent: these do."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._refuse_unused()
        for name in ("rotate", "zoom", "translate", "noise_sigma"):
            _check_range(name, getattr(self, name))
        if self.zoom_draw == "log-uniform" and self.zoom[0] <= 0:
            raise ValueError(f"zoom starts at {self.zoom[0]}; a log-uniform draw needs a positive one")
        if self.noise_sigma[0] < 0:
            raise ValueError(f"noise_sigma starts at {self.noise_sigma[0]}; a standard deviation is not negative")
        if any(not 1 <= size <= 99 or size % 2 == 0 for size in self.blur):
            raise ValueError(f"blur has kernel sizes {self.blur}; they must be odd, from 1 to 99")
        return self

    def _refuse_unused(self) -> None:
        """Refuse keys of the built-in operations beside a pipeline, which would do nothing."""
        if self.pipeline is None:
            return
        for key in fields(self):
            if key.name not in ("count", "pipeline") and getattr(self, key.name) != key.default:
                raise ValueError(
                    f"views.{key.name} belongs to the built-in operations, and views.pipeline takes their place; "
                    "leave one of them out"
                )


@dataclass(frozen=True, config=_CHECKED)
class Shards:
    """How the records are spread over files."""

    megabytes: Annotated[float, Field(ge=0.01)] = 128.0
    """Size that a ``train_views`` shard aims at, 10**6 bytes."""
    min_bins: Annotated[Int, Field(ge=1)] = 4
    """Fewest bins of a fold, and of the test split."""


@dataclass(frozen=True, config=_CHECKED)
class Detector:
    """Threshold and policy of one detector."""

    threshold: float
    """Scores from here on are a defect."""
    policy: Policy = "drop"
    """``drop`` the galaxy, ``flag`` it in the catalogue, ``keep`` it and only store the score, or ``off``: no score."""


@dataclass(frozen=True, config=_CHECKED)
class LineDetector:
    """Threshold and policy of a detector of lines, which can be taken out of an image."""

    threshold: float
    """Scores from here on are a defect."""
    policy: LinePolicy = "drop"
    """As of other detectors; or ``inpaint``: fill the line with what lies beside it, and say so in ``ops``."""


@dataclass(frozen=True, config=_CHECKED)
class Defects:
    """The detectors. A missing file, an unreadable or a wrongly shaped image is always dropped.

    How the thresholds were chosen, and what they find and miss, is in ``docs/defects.md``.
    """

    error_image: Detector = field(default_factory=lambda: Detector(threshold=0.95))
    """Share of the blackest half of the frame that is black (F4)."""
    black_line: LineDetector = field(default_factory=lambda: LineDetector(threshold=7.0))
    """Darkening along a thin straight line, log units summed over its px (F5)."""
    colour_line: LineDetector = field(default_factory=lambda: LineDetector(threshold=40.0))
    """Contrast in one colour along a straight line, log units summed over its px (F5)."""
    saturated_background: Detector = field(default_factory=lambda: Detector(threshold=0.25, policy="flag"))
    """Share of the frame that glows in a colour."""
    frame_edge: Detector = field(default_factory=lambda: Detector(threshold=40.0, policy="flag"))
    """Contrast along a sharp straight edge, log units summed over its px."""


@dataclass(frozen=True, config=_CHECKED)
class Recipe:
    """Everything that decides the bytes of a data set, and when a run gives up."""

    name: Annotated[str, Field(pattern="^" + DATASET_NAME + "$")] = _GZ2
    """First part of every file name; small letters, digits and underscores. ``gz2`` becomes the survey's own name."""
    survey: Annotated[Survey, BeforeValidator(_read_survey), WithJsonSchema({"type": "string"})] = field(
        default_factory=gz2
    )
    """The questions that volunteers were asked: a name (see ``gzprep surveys``), or a TOML file."""
    seed: Annotated[Int, Field(ge=-(1 << 63), lt=1 << 63)] = 0
    """Feeds the views alone."""
    split_seed: Annotated[Int, Field(ge=-(1 << 63), lt=1 << 63)] = 0
    """Feeds fold, bin, order and ties."""
    limit: Annotated[Int, Field(ge=1)] | None = None
    """Take this many galaxies, by hash, over both catalogues in proportion; absent: all."""
    group_by: Literal["galaxy", "duplicates"] = "galaxy"
    """What is kept in one fold: a ``galaxy``, or all ``duplicates`` of it: same image, or at most 2 arcsec apart."""
    max_reject_share: Annotated[float, Field(ge=0, le=1)] = 0.10
    """A run in which a larger share is rejected stops, for something is wrong with the input."""
    images: Images = field(default_factory=Images)
    crop: Crop = field(default_factory=Crop)
    labels: LabelRules = field(default_factory=LabelRules)
    views: Views = field(default_factory=Views)
    shards: Shards = field(default_factory=Shards)
    defects: Defects = field(default_factory=Defects)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == _GZ2:
            object.__setattr__(self, "name", re.sub("[^a-z0-9_]", "_", self.survey.name.lower()))
        if self.images.frame != "any" and self.crop.size > self.images.frame:
            raise ValueError(
                f"crop.size is {self.crop.size} px, larger than the {self.images.frame} px frame (images.frame); "
                f"choose a crop of {self.images.frame} px at most"
            )
        return self


def from_mapping(values: Mapping[str, Any], source: str = "the recipe") -> Recipe:
    """Build a recipe from nested mappings; see :func:`gzcore.recipe.overlay.from_mapping`."""
    return overlay.from_mapping(Recipe, values, source)


def read_recipe(path: Place | None, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe file (None: the defaults); see :func:`gzcore.recipe.overlay.read_recipe`."""
    return overlay.read_recipe(Recipe, path, overrides, example="views.count=4", files=("views.pipeline", "survey"))


def as_document(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON has it; a survey stands there with all of its questions, and Galaxy Zoo 2 not at all."""
    values = asdict(recipe)
    del values["survey"]
    return values if recipe.survey == gz2() else {**values, "survey": recipe.survey.document()}


def pixel_versions(images: Images | None = None) -> dict[str, str]:
    """Versions of the libraries that can change a byte, by name; astropy among them where it stretches FITS.

    Raises:
        UsageError: astropy is needed and not installed.
    """
    versions = {name: version(name) for name in PIXEL_LIBRARIES}
    if images is None or images.fits == Fits():
        return versions
    try:
        return versions | {"astropy": version("astropy")}
    except PackageNotFoundError:
        raise UsageError("images.fits needs astropy; install it with: pip install 'gzprep[fits]'.") from None


def recipe_hash(recipe: Recipe, versions: Mapping[str, str] | None = None, bytes_version: int = BYTES_VERSION) -> str:
    """SHA-256 over every value that can change a byte of a shard, pixel libraries included; no path is among them.

    Args:
        recipe: the recipe.
        versions: of the pixel libraries; None: of those that are installed.
        bytes_version: of our own code.
    """
    usual = Images()
    placed = replace(recipe.images, folder="", source=usual.source, column=usual.column)
    values = as_document(replace(recipe, max_reject_share=0.0, images=placed, survey=gz2()))
    if recipe.survey.tree_document != gz2().tree_document:
        values["survey"] = recipe.survey.tree_document
    for key in LATER_KEYS:
        if getattr(placed, key) == getattr(usual, key):
            del values["images"][key]
    if recipe.views.pipeline is None:
        del values["views"]["pipeline"]
    if recipe.group_by == "galaxy":
        del values["group_by"]  # so that folders keep their hash that were made before this key was there
    made_by = {"versions": dict(versions or pixel_versions(recipe.images)), "bytes_version": bytes_version}
    text = json.dumps({"recipe": values, **made_by}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def record_hash(recipe: Recipe) -> str:
    """SHA-256 over everything that changes a record: :func:`recipe_hash` without thresholds and policies."""
    return recipe_hash(replace(recipe, defects=Defects()))
