"""The part of the page about images: their mean, defects, views, and what can be done to a galaxy (Fig 20 to 28)."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from gzcore.console.theme import SERIES
from gzcore.images import Pixels, UnusableImage, decode
from gzprep.dataset.read import read_record, read_rows, read_shard, widths_of
from gzprep.images.mean import REPORT_THRESHOLD, THRESHOLDS, MeanImage, box_side, brightness, read_mean, sum_of
from gzprep.report import plots
from gzprep.report.figure import Figure, Gallery, Section, Tile, Value, numbers, plot_picture
from gzprep.report.pictures import (
    Picture,
    as_picture,
    centre,
    name_of,
    patched,
    read_frame,
    scaled,
    shifted,
    strip,
    symmetries,
    thumbnail,
)
from gzprep.report.study import Known, Study

VIEWED = 10
_DEFECTS = 6
_AT_A_TIME = 64
_NO_IMAGES = "The source images were not found; name the folder that has them with --data."


def images_section(study: Study) -> Section:
    """Build the section. Call within ``theme.style()``."""
    mean, shown = mean_of(study), _first_frames(study, 3)
    figures = [] if mean is None else [_mean_image(study, mean)]
    figures += [_defects(study), _views(study)] if study.images is not None else [_views(study)]
    figures += _of_one(study, shown) if shown else []
    lead = "What the pixels hold, and what cropping and augmentation do to them."
    return Section("images", "The images", lead if study.images is not None else f"{lead} {_NO_IMAGES}", tuple(figures))


def _frames(study: Study) -> Iterator[tuple[Known, Pixels]]:
    """Source images of the sample, all of the frame's size; of the first one's where each image keeps its own."""
    side = study.document["recipe"]["images"]["frame"]
    shape = None if side == "any" else (side, side, 3)
    for known in study.sample:
        frame = read_frame(study.images, known) if study.images is not None else None
        if frame is not None and frame.shape == (shape := shape or frame.shape):
            yield known, frame


def _first_frames(study: Study, count: int) -> list[tuple[Known, Pixels]]:
    frames = _frames(study)
    return [entry for _, entry in zip(range(count), frames, strict=False)]


def mean_of(study: Study) -> MeanImage | None:
    """The mean that the run kept; else that of the sample's source images, None where there are none."""
    stored = read_mean(study.folder.mean_image)
    if stored is not None and stored.images:
        return stored
    total: MeanImage | None = None
    waiting: list[Pixels] = []
    for _, frame in _frames(study):
        waiting.append(frame)
        if len(waiting) == _AT_A_TIME:
            total, waiting = _merged(total, waiting), []
    return _merged(total, waiting) if waiting else total


def _merged(total: MeanImage | None, frames: list[Pixels]) -> MeanImage:
    part = sum_of(frames)
    return part if total is None else total.merged(part)


def _mean_image(study: Study, total: MeanImage) -> Figure:
    """Fig 25: the mean image, and the box that holds all above a threshold, as a curve."""
    mean = total.mean()
    grey, largest = brightness(mean, "grey"), brightness(mean, "maximum")
    sides = [(threshold, box_side(grey, threshold), box_side(largest, threshold)) for threshold in THRESHOLDS]
    chosen = box_side(grey, REPORT_THRESHOLD), box_side(largest, REPORT_THRESHOLD)
    given = np.array(THRESHOLDS)
    curves = {
        "mean of channels": (given, np.array([side for _, side, _ in sides], float)),
        "maximum of channels": (given, np.array([side for _, _, side in sides], float)),
    }
    plot = plots.lines(curves, "brightness threshold, % of 255", "side of the box, px", (REPORT_THRESHOLD,))
    crop = int(study.document["recipe"]["crop"]["size"])
    stretched = (mean * (255 / max(float(mean.max()), 1.0))).round().astype(np.uint8)
    picture = as_picture(_boxed(stretched, chosen[0]), f"Mean of {total.images} images.")
    return Figure(
        "fig-25",
        "The mean image",
        f"Mean of {total.images:,} images. Above {REPORT_THRESHOLD} % of full brightness, all light lies in a "
        "centred box of "
        f"{chosen[0]} px (mean of the channels) or {chosen[1]} px (their maximum); the crop of this data set is "
        f"{crop} px. "
        "The source report found 227 px, and did not say which brightness it took.",
        numbers(("threshold_percent", "side_mean_of_channels_px", "side_maximum_of_channels_px"), sides),
        plots=(plot_picture(plot, "Side of the box by threshold, for both kinds of brightness."),),
        galleries=(Gallery("", (Tile(picture, ("the box at 8.5 %", "brightness stretched to the full range")),)),),
    )


def _boxed(image: Pixels, side: int) -> Pixels:
    """Draw the outline of a centred square."""
    drawn = image.copy()
    height, width = image.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    colour = tuple(int(SERIES[1][place : place + 2], 16) for place in (1, 3, 5))
    return cv2.rectangle(drawn, (left, top), (left + side - 1, top + side - 1), colour, 3)  # type: ignore[return-value]


def _defects(study: Study) -> Figure:
    """Fig 20: images with defects, by kind, the highest score first."""
    rows, galleries = [], []
    for kind, entries in sorted(_defective(study).items()):
        entries.sort(key=lambda row: (-(row[f"score_{kind}"] or 0.0), row["id_str"]))
        rows += [(kind, row["id_str"], row[f"score_{kind}"], row["verdict"]) for row in entries]
        tiles = tuple(_defect_tile(study, kind, row) for row in entries[:_DEFECTS])
        galleries.append(Gallery(f"{kind.replace('_', ' ')} ({len(entries):,})", tiles))
    sentence = (
        "Images that a detector found, by kind, the highest score first. Dropped galaxies are in no shard; flagged "
        "ones are."
        if rows
        else "The detectors found nothing."
    )
    return Figure(
        "fig-20", "Defects", sentence, numbers(("defect", "id", "score", "verdict"), rows), galleries=tuple(galleries)
    )


def _defective(study: Study) -> dict[str, list[dict[str, Any]]]:
    detectors = [name.removeprefix("score_") for name in study.columns.stored if name.startswith("score_")]
    columns = [
        "id_str",
        "verdict",
        "reason",
        "flags",
        "subfolder",
        "filename",
        *(f"score_{name}" for name in detectors),
    ]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(study.folder.catalogue, columns, filters=[("verdict", "!=", "accepted")]):
        for kind in {row["reason"], *(row["flags"] or ())} & set(detectors):
            found.setdefault(kind, []).append(row)
    return found


def _defect_tile(study: Study, kind: str, row: dict[str, Any]) -> Tile:
    frame = None if study.images is None else read_frame(study.images, name_of(row))
    picture = None if frame is None else as_picture(thumbnail(frame, 200), f"Galaxy {row['id_str']}: {kind}.")
    return Tile(picture, (row["id_str"], f"score {row[f'score_{kind}']:.3g}, {row['verdict']}"))


def _views(study: Study) -> Figure:
    """Fig 22: all views of ten galaxies, from the shards."""
    count = int(study.document["recipe"]["views"]["count"])
    views = _read_views(study)
    rows: list[tuple[Value, ...]] = [
        (id_, view, ops) for id_, records in views.items() for view, (_, ops) in sorted(records.items())
    ]
    strips = tuple(
        as_picture(
            strip([thumbnail(pixels, 88) for _, (pixels, _) in sorted(records.items())]),
            f"All views of galaxy {id_}.",
            id_,
        )
        for id_, records in views.items()
    )
    return Figure(
        "fig-22",
        f"All {count + 1} views of {len(views)} galaxies",
        "Left the original, cropped; then its augmented views, as they are in the shards. No black corner should be "
        "seen.",
        numbers(("id", "view", "operations"), rows),
        strips=strips,
    )


def _read_views(study: Study) -> dict[str, dict[int, tuple[Pixels, str]]]:
    """Views of the first galaxies of the first shard of train that has some."""
    splits = study.manifest.splits
    pairs = zip(splits.train.shards, splits.train_views.shards, strict=False)
    first = next(((train, views) for train, views in pairs if train.records), None)
    views: dict[str, dict[int, tuple[Pixels, str]]] = {}
    widths = widths_of(study.document)
    for shard in first or ():
        for data in read_shard(study.folder.root / shard.file):
            record = read_record(data, widths)
            if record.id in views or len(views) < VIEWED:
                try:
                    views.setdefault(record.id, {})[record.view] = (decode(record.image), record.ops.decode())
                except UnusableImage:
                    continue
    return views


def _of_one(study: Study, shown: list[tuple[Known, Pixels]]) -> Iterator[Figure]:
    """Fig 21, 23, 24, 26: what scale, shift, symmetry, crop, resize and patches do to galaxies of this data set."""
    crop = int(study.document["recipe"]["crop"]["size"])
    known, frame = shown[0]
    yield _strips("fig-21", "Bad scale and bad shift", _BAD, known, _badly_placed(frame, crop))
    yield _strips("fig-23", "The 8 symmetries", _EIGHT, known, symmetries(centre(frame, crop)))
    pairs = [pair for _, image in shown for pair in _crop_and_resize(image, crop)]
    yield _strips("fig-24", "Crop against resize", _CROP.format(crop=crop, frame=frame.shape[0]), known, pairs)
    whole = centre(frame, crop)
    patches = as_picture(patched(whole), f"Galaxy {known.id} in patches of 16 px.", known.id)
    count = (crop // 16) ** 2
    yield Figure(
        "fig-26",
        "Patches of 16 px",
        f"A vision transformer reads the crop as {count} patches of 16 x 16 px. The gaps are drawn only here.",
        numbers(("id", "crop_px", "patch_px", "patches"), [(known.id, crop, 16, count)]),
        plots=(patches,),
    )


_BAD = (
    "Why the ranges of zoom and shift are small: at the left the crop as it is; then zoomed too far out (black "
    "corners), too far "
    "in (the galaxy leaves the crop), and shifted out of the frame."
)
_EIGHT = "Quarter turns and mirror images move pixels and change none. The label of a galaxy is the same in all eight."
_CROP = (
    "The same galaxies cropped to {crop} px (left of each pair) and resized from {frame} px to {crop} px (right). A "
    "crop keeps the "
    "pixel scale, so sizes can be compared; resizing keeps neighbours that are not of interest."
)


def _badly_placed(frame: Pixels, crop: int) -> list[tuple[str, Pixels]]:
    return [
        ("as it is", centre(frame, crop)),
        ("zoom 0.3", scaled(frame, 0.3, crop)),
        ("zoom 2.5", scaled(frame, 2.5, crop)),
        ("shift 150 px", shifted(frame, 150, crop)),
    ]


def _crop_and_resize(frame: Pixels, crop: int) -> list[tuple[str, Pixels]]:
    return [("crop", centre(frame, crop)), ("resize", thumbnail(frame, crop))]


def _strips(name: str, title: str, sentence: str, known: Known, images: list[tuple[str, Pixels]]) -> Figure:
    tiles = tuple(Tile(_small(text, pixels, known), (text,)) for text, pixels in images)
    rows = [(known.id, text, pixels.shape[1]) for text, pixels in images]
    return Figure(name, title, sentence, numbers(("id", "what", "side_px"), rows), galleries=(Gallery("", tiles),))


def _small(text: str, pixels: Pixels, known: Known) -> Picture:
    return as_picture(thumbnail(pixels, 160), f"Galaxy {known.id}: {text}.")
