# Images of gzprep and gztrain. Tried without a container engine by `make container-check`; docs/cloud.md has the commands.
#
#   prep (the default)  the worker of a Dataflow job, and the launcher of its Flex Template; no TensorFlow
#   tool                gzprep on one machine, as nobody in particular
#   train               gztrain on a GPU; the machine brings the driver, the image brings CUDA
#   predict             the worker of a job of `gztrain predict --runner DataflowRunner`, with or without a GPU
#
# requirements/*.txt pin every package by its hash. The images below are pinned by version; pin yours by digest.
ARG PYTHON=python:3.11-slim-bookworm
ARG BEAM=apache/beam_python3.11_sdk:2.77.0
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:20230622_RC00

FROM ${BEAM} AS beam

FROM ${LAUNCHER} AS launcher

FROM ${PYTHON} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NO_ALBUMENTATIONS_UPDATE=1
WORKDIR /opt/gzprep
COPY requirements/cloud.txt requirements/cloud.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/cloud.txt

FROM packages AS gzprep
COPY pyproject.toml README.md LICENSE ./
COPY gzcore gzcore
COPY gzprep gzprep
COPY gztrain gztrain
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home --uid 1000 galaxy
COPY pipelines pipelines

FROM gzprep AS tool
USER 1000
WORKDIR /home/galaxy
ENTRYPOINT ["gzprep"]

FROM ${PYTHON} AS gztrain
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=1
WORKDIR /opt/gzprep
COPY requirements/gpu.txt requirements/gpu.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/gpu.txt
COPY pyproject.toml README.md LICENSE ./
COPY gzcore gzcore
COPY gzprep gzprep
COPY gztrain gztrain
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home --uid 1000 galaxy
COPY pipelines pipelines

FROM gztrain AS train
USER 1000
WORKDIR /home/galaxy
ENTRYPOINT ["gztrain"]

FROM gztrain AS predict
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

# Last, so that it is what a plain build makes. It runs as root, as Beam's own images do: on Dataflow the boot program
# writes below directories that the machine mounts, and that are root's. boot makes no environment of its own in it.
FROM gzprep AS prep
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/gzprep/pipelines/dataflow/main.py
ENTRYPOINT ["/opt/apache/beam/boot"]
