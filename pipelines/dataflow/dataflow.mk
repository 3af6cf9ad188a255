# Dataflow, buckets, the container (docs/cloud.md). Included by the Makefile, after VENV and BIN.
# IMAGE names the container image, SPEC the file to write: gs://BUCKET/gzprep.json, or one of this machine.
IMAGE ?= REGION-docker.pkg.dev/PROJECT/REPOSITORY/gzprep:0.1.0
SPEC ?= build/gzprep.json

.PHONY: template container-check launch-check bench-scale

template: $(VENV)/dev ## write the Flex Template: pipelines/dataflow/metadata.json, and SPEC for IMAGE
	mkdir -p build
	$(BIN)/gzprep template $(SPEC) --image $(IMAGE) --metadata pipelines/dataflow/metadata.json

container-check: $(VENV)/dev ## execute the Dockerfile without a container engine, and run a job inside (root, buildah, go)
	PYTHON=$(abspath $(BIN))/python tests/container/check.sh

launch-check: $(VENV)/dev ## launch a job over 2,000,000 rows: under 60 s, 2 GB, and 1 MB of graph
	$(BIN)/python benchmarks/launch.py

bench-scale: $(VENV)/dev ## what a galaxy costs from disk and buckets, and what that makes of a survey
	$(BIN)/python benchmarks/scale.py
