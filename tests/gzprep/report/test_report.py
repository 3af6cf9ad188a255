"""The page about a data set: real galaxies from end to end, and what happens where something is missing."""

import csv
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gzcore.console.theme import style
from gzcore.images import decode
from gzprep.images.mean import box_side, brightness, read_mean
from gzprep.report import _page
from gzprep.report.about_catalogue import catalogue_section
from gzprep.report.about_images import mean_of
from gzprep.report.study import study
from tests.running import Result, gzprep

pytestmark = pytest.mark.slow

FIGURES = (
    "tree",
    "galaxies",
    "votes",
    "votes-behind-labels",
    "min-votes",
    "label-rates",
    "drift",
    "together",
    "shards",
)
FROM_THE_REPORT = tuple(f"fig-{number}" for number in range(15, 29))
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def real(gz2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All real galaxies as a data set of small crops, and the page about it."""
    folder = tmp_path_factory.mktemp("real")
    made = gzprep("run", "--data", gz2, "--out", folder / "out", "--views", "2", "--crop", "64", "--workers", "1")
    assert made.code == 0, made.err
    written = gzprep("report", folder / "out", "--html", folder / "page", "--json")
    assert written.code == 0, written.err
    assert set(json.loads(written.out)["figures"]) == {*FIGURES, *FROM_THE_REPORT}
    return folder


def rows(folder: Path, figure: str) -> list[dict[str, str]]:
    with (folder / "page" / "data" / f"{figure}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text(page: Path) -> str:
    """What a reader sees."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_every_figure_has_its_place_its_sentence_and_its_numbers(real: Path) -> None:
    page = (real / "page" / "index.html").read_text(encoding="utf-8")
    for figure in (*FIGURES, *FROM_THE_REPORT):
        assert page.count(f'id="{figure}"') == 1
        assert rows(real, figure), figure
    assert page.count('class="verdict"') == len(FIGURES) + len(FROM_THE_REPORT)


@pytest.mark.slow
def test_opposites_are_opposite_where_asked_and_not_where_zeros_are_filled_in(real: Path) -> None:
    pairs = {(row["first"], row["second"]): row for row in rows(real, "fig-19")}
    for question in ("disk-edge-on-gz2", "has-spiral-arms-gz2", "bar-gz2", "something-odd-gz2", "bulge-gz2"):
        row = pairs[f"{question}_yes_fraction", f"{question}_no_fraction"]
        assert float(row["r_asked_only"]) == pytest.approx(-1, abs=5e-4)
    bar = float(pairs["bar-gz2_yes_fraction", "bar-gz2_no_fraction"]["r_zero_filled"])
    assert bar == pytest.approx(-0.5, abs=0.01)
    shown = text(real / "page" / "index.html")
    assert "Asked only, r is -1.000 for all 5 questions with two answers." in shown
    assert "bar -0.50" in shown
    assert "They differ because a question that was not asked has no vote fraction" in shown


@pytest.mark.slow
def test_the_bulge_rate_of_both_policies_is_shown(real: Path) -> None:
    (bulge,) = (row for row in rows(real, "label-rates") if row["label"] == "bulge-gz2_yes")
    catalogue = pq.read_table(real / "out" / "catalogue.parquet").to_pylist()
    asked = [row["label_asked"][-1] for row in catalogue if row["mask"][-1]]
    assert float(bulge["share under report"]) == pytest.approx(0.3747, abs=5e-5)
    assert float(bulge["share under asked"]) == pytest.approx(np.mean(asked))
    shown = text(real / "page" / "index.html")
    assert re.search(rf"bulge-gz2_yes\s+0\.3747\s+{np.mean(asked):.4f}\s", shown)


@pytest.mark.slow
def test_the_mean_image_is_that_of_numpy(real: Path, gz2: Path) -> None:
    """The run has summed all images that are in the shards."""
    catalogue = pq.read_table(real / "out" / "catalogue.parquet").to_pylist()
    names = [(row["subfolder"], row["filename"]) for row in catalogue if row["verdict"] != "rejected"]
    stored = read_mean(real / "out" / ".gzprep" / "mean_image.npz")
    assert stored is not None
    assert stored.images == len(names) == 731
    total = np.zeros((424, 424, 3), np.uint64)
    for name in names:
        total += decode(gz2.joinpath("images", *name).read_bytes())
    np.testing.assert_array_equal(stored.total, total)
    mean = total / len(names)
    for row in rows(real, "fig-25"):
        threshold = float(row["threshold_percent"])
        assert int(row["side_mean_of_channels_px"]) == box_side(brightness(mean, "grey"), threshold)
        assert int(row["side_maximum_of_channels_px"]) == box_side(brightness(mean, "maximum"), threshold)


@pytest.mark.slow
def test_without_the_runs_mean_the_source_images_are_read(real: Path, tmp_path: Path) -> None:
    shutil.copytree(real / "out", tmp_path / "out")
    (tmp_path / "out" / ".gzprep" / "mean_image.npz").unlink()
    known = study(tmp_path / "out")
    mean = mean_of(known)
    assert mean is not None
    assert mean.images == len(known.sample) == 726  # all that are accepted and not flagged


@pytest.mark.slow
def test_the_page_asks_no_network_and_runs_no_script(real: Path) -> None:
    page = (real / "page" / "index.html").read_text(encoding="utf-8")
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {address.split(":")[0].split("#")[0].split("/")[0] for address in addresses} <= {"data", ""}
    assert "<script" not in page
    assert "default-src 'none'" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with")
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_runs_over_the_edge(real: Path, tmp_path: Path, width: int) -> None:
    """A frame of the page's width asks the browser: only boxes that scroll may hold what is wider."""
    frame = tmp_path / "frame.html"
    frame.write_text(_FRAME.format(page=(real / "page" / "index.html").as_uri(), width=width), encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    allowed = (
        "--allow-file-access-from-files",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=9000",
    )
    command = [str(CHROMIUM), *flags, *allowed, "--dump-dom", frame.as_uri()]
    opened = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    seen = json.loads(html.unescape(re.findall(r"<pre[^>]*>(.*?)</pre>", opened.stdout)[0]))
    assert seen["wide"] == []
    assert seen["figures"] == len(FIGURES) + len(FROM_THE_REPORT)
    assert seen["broken"] == 0


_FRAME = """<html><body><iframe id="f" src="{page}" style="width:{width}px;height:900px;border:0"></iframe><pre></pre>
<script>
const frame = document.getElementById("f");
frame.onload = () => {{
  const page = frame.contentDocument, wide = [];
  page.querySelectorAll("body *").forEach(e => {{
    const over = e.getBoundingClientRect().right > {width} + 1;
    if (over && !e.closest(".scroll")) wide.push(e.tagName + "." + e.className);
  }});
  const images = [...page.images];
  images.forEach(i => i.loading = "eager");
  const broken = images.filter(i => i.complete && i.naturalWidth === 0).length;
  const figures = page.querySelectorAll("section.part").length;
  document.querySelector("pre").textContent = JSON.stringify({{wide: wide.slice(0, 9), figures, broken}});
}};
</script></body></html>"""


def test_without_source_images_the_rest_is_there(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "moved" / "out"
    shutil.copytree(dataset, copy)
    shutil.rmtree(copy / ".gzprep", ignore_errors=True)
    result = gzprep("report", copy, "--html", tmp_path / "page")
    assert result.code == 0, result.err
    assert "name their folder with --data" in result.err
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert 'id="fig-22"' in page
    assert 'id="fig-20"' not in page


def test_what_a_folder_says_is_escaped_and_a_simulated_sky_is_called_one(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(dataset, copy)
    rejects = pq.read_table(copy / "rejects.parquet")
    hostile = pa.array(["<script>alert(1)</script>\x1b[31m"] * len(rejects))
    rejects = rejects.set_column(rejects.column_names.index("detail"), "detail", hostile)
    pq.write_table(rejects, copy / "rejects.parquet")
    known = study(copy)
    with style():
        page = _page(known, [catalogue_section(known)])
    assert "A simulated sky: no volunteer has seen these galaxies." in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "\x1b" not in page


def refused(result: Result, *words: str) -> None:
    assert result.code in (1, 2)
    assert len(result.err.strip().splitlines()) == 1
    assert all(word in result.err for word in words)


def test_what_cannot_be_reported_on(dataset: Path, tmp_path: Path) -> None:
    refused(gzprep("report", tmp_path / "nowhere", "--html", tmp_path / "page"), "nowhere")
    copy = tmp_path / "out"
    shutil.copytree(dataset, copy)
    (copy / "catalogue.parquet").write_bytes(b"PAR1 nothing PAR1")
    refused(gzprep("report", copy, "--html", tmp_path / "page"), "catalogue.parquet", "damaged")
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused(gzprep("report", dataset, "--html", tmp_path / "file"), "file")
