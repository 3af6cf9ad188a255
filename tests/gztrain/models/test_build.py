"""Models: every one is built and counted; one of each path trains a step, is saved and loaded, and sees its input.

``tests/gztrain/test_on_jax.py`` runs those that are marked `both_backends` on JAX.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import applications

from gztrain.models import MODELS, Entry, ModelSpec, build, cvt, vit
from gztrain.models.body import GalaxyModel, unpack
from tests.gztrain.models.parameter_counts import cct_count, vit_count

pytestmark = pytest.mark.slow

OUTPUTS = 22
IMAGES = npt.NDArray[np.uint8]
LOGITS = npt.NDArray[np.float32]
TRANSFORMERS = {"vit", "cct", "cvt"}
SMALL: dict[str, tuple[int, int | None]] = {"vit": (32, 8), "cct": (32, 4), "cvt": (64, None)}
"""Size and patch that a family is tested at; all others at the smallest size they take. At 32 px CvT's last keys are
one, and attention to one key learns nothing."""


@dataclass
class Built:
    """A model at a small size, below a crop half as large again."""

    entry: Entry
    crop: int
    galaxy: GalaxyModel
    whole: bool

    @cached_property
    def images(self) -> IMAGES:
        """Images that a model tells apart."""
        images = np.concatenate([make(self.crop) for make in (black, noise, disc)])
        if self.entry.family not in TRANSFORMERS:
            return images
        halves_exchanged = np.roll(noise(self.crop), self.crop // 2, axis=2)  # which are whole patches
        return np.concatenate([images, halves_exchanged])

    @cached_property
    def found(self) -> LOGITS:
        """What the model says of the images before it is trained."""
        return logits(self.galaxy.model, self.images)


JAX = keras.backend.backend() == "jax"  # which takes longer to compile each operation than all of them together


def logits(model: keras.Model, images: npt.NDArray[np.generic]) -> LOGITS:
    found: LOGITS = model.predict_on_batch(images) if JAX else model(images, training=False).numpy()
    return found


def small_spec(entry: Entry) -> ModelSpec:
    size, patch = SMALL.get(entry.family, (entry.min_size, None))
    return ModelSpec(entry.name, weights="none", size=size, patch=patch)


ONE_A_PATH = {
    "small": (pytest.mark.both_backends,),
    "vgg16": (pytest.mark.slow, pytest.mark.thorough),  # no batch norm; layers of Keras' own alone
    "mobilenetv3small": (pytest.mark.slow,),  # batch norm; the report's head
    "convnexttiny": (pytest.mark.slow, pytest.mark.thorough),  # layers of its own, by Keras
    "vit-64-8-12": (pytest.mark.both_backends, pytest.mark.slow),
    "cct": (pytest.mark.both_backends,),
    "cvt": (pytest.mark.both_backends, pytest.mark.slow),
}
"""One model for each way through the code that builds, saves and loads: all of it is done with these."""
FURTHER = {
    *("resnet50v2", "inceptionv3", "vgg19", "mobilenetv3large", "convnextnano"),
    *("vit-64-12-12", "vit-64-16-12", "vit-64-16-16", "vit-128-12-12"),
}
THE_REST = [
    pytest.param(name, marks=[pytest.mark.thorough] if name in FURTHER else [])
    for name in MODELS
    if name not in ONE_A_PATH or name in {"vgg16", "cvt"}
]
"""Models that differ from one of those in numbers or in a constructor of Keras': they are built, and counted. VGG16 is
built here alone; CvT has all its blocks here, and few above."""


def made(name: str, *, whole: bool) -> Iterator[Built]:
    """A model with random weights; with all its blocks, or with a few of each kind."""
    keras.utils.set_random_seed(1)
    entry = MODELS[name]
    spec = small_spec(entry)
    crop = int(spec.size or 0) * 3 // 2
    with nullcontext() if whole else shallow():
        galaxy = build(spec, crop, OUTPUTS)
    yield Built(entry, crop, galaxy, whole or entry.family not in {"vit", "cvt"})
    keras.backend.clear_session()


@contextmanager
def shallow() -> Iterator[None]:
    """Transformers get one or two blocks of each kind: all are the same, and JAX compiles each anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vit, "PRESETS", {name: replace(preset, blocks=2) for name, preset in vit.PRESETS.items()})
        patch.setattr(cvt, "STAGES", tuple(replace(stage, blocks=min(stage.blocks, 2)) for stage in cvt.STAGES))
        yield


@pytest.fixture(scope="module", params=[pytest.param(name, marks=marks) for name, marks in ONE_A_PATH.items()])
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    """A model of each path in turn."""
    yield from made(request.param, whole=False)


@pytest.fixture(scope="module", params=THE_REST)
def one_of_the_rest(request: pytest.FixtureRequest) -> Iterator[Built]:
    """Each of the others in turn."""
    yield from made(request.param, whole=True)


def black(size: int) -> IMAGES:
    return np.zeros((1, size, size, 3), np.uint8)


def noise(size: int) -> IMAGES:
    return np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)


def disc(size: int) -> IMAGES:
    """A galaxy: an inclined exponential disc, redder in the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    light = np.exp(-np.hypot(x, 2 * y)[..., None] / (size / np.array([8.0, 9.0, 10.0])))
    return (230 * light).astype(np.uint8)[None]


def moved(first: LOGITS, second: LOGITS) -> float:
    """Largest difference, as a share of the largest logit."""
    return float(np.abs(first - second).max() / np.abs([first, second]).max())


def step(model: keras.Model, images: IMAGES) -> float:
    """One step of an optimizer towards random targets; its loss. The model itself stays without an optimizer."""
    trained = keras.Model(model.input, model.output)
    targets = np.random.default_rng(0).integers(0, 2, (len(images), OUTPUTS)).astype(np.float32)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    # Adam moves weights of however small a gradient; to compile it for each weight takes JAX half of its time.
    optimizer = keras.optimizers.SGD(0.1) if JAX else keras.optimizers.Adam(1e-4)
    trained.compile(optimizer, loss, run_eagerly=not JAX)
    return float(trained.train_on_batch(images, targets))


# ---------------------------------------------------------------- every model


def check_counts_and_shapes(built: Built) -> None:
    """Parameters as listed, bytes in, as many logits as asked for out, the head of the report."""
    entry, galaxy, size = built.entry, built.galaxy, small_spec(built.entry).size
    if built.whole:
        assert (galaxy.backbone and galaxy.backbone.count_params()) == entry.backbone_parameters
        assert galaxy.model.count_params() == expected_count(entry)
    assert galaxy.model.input_shape == (None, built.crop, built.crop, 3)
    assert galaxy.model.inputs[0].dtype == "uint8"
    assert galaxy.body.input_shape == (None, size, size, 3)
    assert galaxy.model.output_shape == (None, OUTPUTS)
    assert galaxy.model.outputs[0].dtype == "float32"
    assert head_widths(galaxy.body) == (*HEADS.get(entry.name, ()), OUTPUTS)


def test_counts_and_shapes(built: Built) -> None:
    check_counts_and_shapes(built)


@pytest.mark.slow
def test_counts_and_shapes_of_the_rest(one_of_the_rest: Built) -> None:
    check_counts_and_shapes(one_of_the_rest)


def expected_count(entry: Entry) -> int:
    """Those that are listed are for 256 px, which matters to two families."""
    if entry.family == "vit":
        return vit_count(entry.name, 32, 8, OUTPUTS)
    return cct_count(32, 4, OUTPUTS) if entry.family == "cct" else entry.parameters


HEADS = {
    "resnet50": (1000,),
    "resnet50v2": (1000,),
    "xception": (4096,),
    "inceptionv3": (4096,),
    "vgg16": (4096, 4096),
    "vgg19": (4096, 4096),
    "mobilenetv3small": (4096, 4096),
    "mobilenetv3large": (4096, 4096),
    "vit-64-8-12": (2048, 1024),
    "vit-64-12-12": (2048, 1024),
    "vit-64-16-12": (2048, 1024),
    "vit-64-16-16": (2048, 1024),
    "vit-128-12-12": (2048, 1024),
    "vit-64-12-12-wide": (4096, 2048),
}


def head_widths(body: keras.Model) -> tuple[int, ...]:
    """Units of the dense layers at the end."""
    widths: list[int] = []
    for layer in reversed(body.layers):
        if isinstance(layer, keras.layers.Dense):
            widths.append(layer.units)
        elif not isinstance(layer, keras.layers.Dropout):
            break
    return tuple(reversed(widths))


def test_the_output_depends_on_the_input_and_on_the_places_of_patches(built: Built) -> None:
    assert len(built.images) == (4 if built.entry.family in TRANSFORMERS else 3)
    assert built.found.shape == (len(built.images), OUTPUTS)
    assert built.found.dtype == np.float32
    assert np.isfinite(built.found).all()
    for first, second in combinations(built.found, 2):
        assert moved(first, second) > 0.01


def test_a_step_then_saved_and_loaded_it_predicts_the_same(built: Built, tmp_path: Path) -> None:
    model = built.galaxy.model
    before, untrained = model.get_weights(), built.found
    assert np.isfinite(step(model, built.images))
    changed = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert np.mean(changed) > 0.95
    expected = logits(model, built.images)
    assert moved(expected, untrained) > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(logits(loaded, built.images), expected, rtol=0, atol=1e-5)
    assert (unpack(loaded).backbone is None) == (built.galaxy.backbone is None)


# ---------------------------------------------------------------- parts


@pytest.mark.parametrize("name", ["small", "mobilenetv3small"])
def test_the_parts_share_their_weights(name: str) -> None:
    galaxy = build(ModelSpec(name, "none", 32), 48, OUTPUTS)
    small = keras.ops.convert_to_numpy(galaxy.stem(disc(48)))
    assert small.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(logits(galaxy.body, small), logits(galaxy.model, disc(48)), rtol=1e-4, atol=1e-5)
    galaxy.body.set_weights([2 * weight for weight in galaxy.body.get_weights()])
    np.testing.assert_allclose(logits(galaxy.body, small), logits(galaxy.model, disc(48)), rtol=1e-4, atol=1e-5)


def test_a_frozen_backbone_stays_as_it_is_with_its_batch_norm() -> None:
    galaxy = build(ModelSpec("mobilenetv3small", "none", 32), 32, OUTPUTS)
    assert galaxy.backbone is not None
    before, head = galaxy.backbone.get_weights(), galaxy.body.layers[-1].get_weights()
    galaxy.backbone.trainable = False
    step(galaxy.model, noise(32))
    assert all(np.array_equal(old, new) for old, new in zip(before, galaxy.backbone.get_weights(), strict=True))
    assert not np.array_equal(head[0], galaxy.body.layers[-1].get_weights()[0])


# ---------------------------------------------------------------- the transformers know where things are


@pytest.mark.parametrize("spec", [ModelSpec("cct", size=32, patch=4), ModelSpec("vit-64-8-12", "none", 32, 8, "plain")])
def test_positions_alone_tell_tokens_apart(spec: ModelSpec) -> None:
    """Sequence pooling and means cannot: without its positions such a model sees a bag of patches."""
    keras.utils.set_random_seed(2)
    body = build(spec, 32, OUTPUTS).body
    positions = body.get_layer("positions")
    rest = keras.Model(positions.input, body.output)
    tokens = np.random.default_rng(3).normal(size=(1, *positions.input.shape[1:])).astype(np.float32)
    exchanged = tokens[:, ::-1]
    assert moved(logits(rest, tokens), logits(rest, exchanged)) > 1e-3
    assert moved(logits(rest, tokens), logits(rest, 2 * tokens)) > 1e-3  # added to the tokens, not put in their place
    positions.set_weights([np.zeros_like(weight) for weight in positions.get_weights()])
    np.testing.assert_allclose(logits(rest, tokens), logits(rest, exchanged), atol=1e-5)


# ---------------------------------------------------------------- heads, policies


def test_a_plain_head_is_a_mean_and_one_layer() -> None:
    body = build(ModelSpec("mobilenetv3small", "none", 32, head="plain"), 32, OUTPUTS).body
    assert head_widths(body) == (OUTPUTS,)
    assert any(isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in body.layers)
    assert body.count_params() == 939_120 + 576 * OUTPUTS + OUTPUTS


@pytest.mark.parametrize("name", ["small", "mobilenetv3small", "vit-64-8-12", "cct", "cvt"])
def test_logits_are_float32_under_mixed_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        galaxy = build(ModelSpec(name, "none", 32, 8 if name in {"cct", "vit-64-8-12"} else None), 48, OUTPUTS)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(galaxy.stem(noise(48)).dtype) == "float32"
    assert logits(galaxy.model, noise(48)).dtype == np.float32
    inner = [layer for layer in galaxy.body.layers if layer.name != "logits" and layer.compute_dtype == "bfloat16"]
    assert inner


def test_the_seed_decides_the_weights() -> None:
    drawn = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        drawn.append(build(ModelSpec("small", size=16), 16, 3).body.get_weights()[0])
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


# ---------------------------------------------------------------- preprocessing

PREPROCESSING = {
    "resnet50": applications.resnet.preprocess_input,
    "resnet50v2": applications.resnet_v2.preprocess_input,
    "xception": applications.xception.preprocess_input,
    "inceptionv3": applications.inception_v3.preprocess_input,
    "vgg16": applications.vgg16.preprocess_input,
    "vgg19": applications.vgg19.preprocess_input,
}


@pytest.mark.parametrize("name", PREPROCESSING)
def test_preprocessing_is_that_of_the_family(name: str) -> None:
    from gztrain.models.cnn import BACKBONES
    from gztrain.models.layers import Preprocess

    image = noise(8).astype(np.float32)
    found = keras.ops.convert_to_numpy(Preprocess(BACKBONES[name].mode)(image))
    np.testing.assert_allclose(found, PREPROCESSING[name](image.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "constructor"),
    [
        ("mobilenetv3small", applications.MobileNetV3Small),
        ("efficientnetv2b0", applications.EfficientNetV2B0),
        ("convnexttiny", applications.ConvNeXtTiny),
    ],
)
def test_preprocessing_is_that_inside_the_models_that_have_it(name: str, constructor: object) -> None:
    from gztrain.models import cnn, modern
    from gztrain.models.layers import Preprocess

    model = constructor(weights=None, include_top=False, input_shape=(32, 32, 3))  # type: ignore[operator]
    inside = next(place for place, layer in enumerate(model.layers) if layer.weights) - 1
    expected = logits(keras.Model(model.input, model.layers[inside].output), noise(32).astype(np.float32))
    mode = {**cnn.BACKBONES, **modern.BACKBONES}[name].mode
    found = keras.ops.convert_to_numpy(Preprocess(mode)(noise(32).astype(np.float32)))
    np.testing.assert_allclose(found, expected, atol=1e-4)
