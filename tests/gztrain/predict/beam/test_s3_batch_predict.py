"""Prediction with everything in a bucket of Amazon's: the rows are those of a local run."""

import json
from pathlib import Path

import pytest

from gzcore.storage import buckets
from gzcore.storage.places import Url
from tests import clouds
from tests.clouds import Faulty, Rule, status
from tests.gztrain.run_folders import untrained_run
from tests.running import gztrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("file_lean_training")]


def test_s3_records_are_predicted_as_on_a_disk(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = untrained_run(tmp_path / "run", dataset).root
    with clouds.amazon() as target, (proxy := Faulty(target)).running() as address:
        for name, value in {**clouds.CREDENTIALS, "AWS_ENDPOINT_URL_S3": address}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GZTRAIN_CACHE", str(tmp_path / "cache"))
        buckets._store_of.cache_clear()
        places = {name: Url("s3", clouds.BUCKET, name) for name in ("run", "data", "out")}
        clouds.upload(run, places["run"])
        clouds.upload(dataset, places["data"])
        proxy.rules.append(Rule("PUT", r"part-", status(503), 1))
        call = ("predict", str(places["run"]), str(places["data"]), "--parquet", str(places["out"]))
        result = gztrain(*call, "--runner", "DirectRunner", "--json")
        assert result.code == 0, result.err
        assert json.loads(result.out)["objects"] == 38
        assert proxy.broken
        far = clouds.download(places["out"], tmp_path / "far")
        buckets._store_of.cache_clear()
    near = tmp_path / "near"
    assert gztrain("predict", run, dataset, "--parquet", near, "--runner", "DirectRunner").code == 0
    assert [path.read_bytes() for path in sorted(far.glob("part-*"))] == [
        path.read_bytes() for path in sorted(near.glob("part-*"))
    ]
