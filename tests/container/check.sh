#!/bin/bash
# Executes the Dockerfile without a container engine: buildah runs its lines in a chroot, over a Debian made by debootstrap.
#
# What stands in for what cannot be fetched: Debian's own Python 3.11 for python:3.11-slim; Beam's boot program, built from
# its source by Go, for apache/beam_python3.11_sdk; four lines of shell for Google's template launcher. Packages are the
# pinned wheels, mounted: the build itself has no network. Then a job is run in the image, and by the image's boot program.
# Needs root, buildah, debootstrap and go. Usage: tests/container/check.sh [FOLDER]   (kept; default: build/container)
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$PWD/build/container}
beam=2.77.0
suite=bookworm # its Python is 3.11
mkdir -p "$work"
for tool in buildah debootstrap go; do
    command -v "$tool" >/dev/null || { echo "container-check needs $tool (on Debian: apt-get install buildah debootstrap golang)" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "container-check needs root: debootstrap and chroot do" >&2; exit 1; }
export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/store"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
say() { echo "container-check: $*"; }
tidy() { # buildah keeps the containers that COPY --from read, and its store mounted upon itself
    buildah rm --all >/dev/null 2>&1 || true
    umount "$work/store/overlay" 2>/dev/null || true
}
trap tidy EXIT

if [ ! -f "$work/rootfs.tar" ]; then
    say "making a Debian with Python 3.11"
    rm -rf "$work/rootfs"
    debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates "$suite" "$work/rootfs" >"$work/debootstrap.log"
    ln -s /usr/bin/python3 "$work/rootfs/usr/local/bin/python"
    rm -f "$work/rootfs"/usr/lib/python3.11/EXTERNALLY-MANAGED
    tar -C "$work/rootfs" -cf "$work/rootfs.tar" .
    rm -rf "$work/rootfs"
fi
if [ ! -x "$work/boot" ]; then
    say "building Beam's boot program"
    GOBIN="$work/go" go install "github.com/apache/beam/sdks/v2/python/container@v$beam"
    mv "$work/go/container" "$work/boot"
fi
say "fetching the pinned packages"
mkdir -p "$work/wheels"
pip=("${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheels")
"${pip[@]}" --require-hashes --requirement requirements/cloud.txt
"${pip[@]}" wheel # what pip itself wants where a package has no wheel
printf '[global]\nno-index = true\nfind-links = /wheels\nbreak-system-packages = true\n' >"$work/pip.conf"

stand_in() { # NAME FILE PATH: an image of one file
    local from
    from=$(buildah from scratch)
    buildah copy --quiet --chmod 755 "$from" "$2" "$3" >/dev/null
    buildah commit --quiet --rm "$from" "localhost/$1" >/dev/null
}
if ! buildah images --quiet localhost/python >/dev/null 2>&1; then
    from=$(buildah from scratch)
    buildah add --quiet "$from" "$work/rootfs.tar" / >/dev/null
    buildah commit --quiet --rm "$from" localhost/python >/dev/null
fi
# shellcheck disable=SC2016
printf '#!/bin/sh\nexec python "$FLEX_TEMPLATE_PYTHON_PY_FILE" "$@"\n' >"$work/launcher"
stand_in beam "$work/boot" /opt/apache/beam/boot
stand_in launcher "$work/launcher" /opt/google/dataflow/python_template_launcher

build() { # TARGET
    buildah bud --quiet --pull-never --network none --layers --target "$1" --tag "localhost/$1" \
        --build-arg PYTHON=localhost/python --build-arg BEAM=localhost/beam --build-arg LAUNCHER=localhost/launcher \
        --volume "$work/wheels:/wheels:ro" --volume "$work/pip.conf:/etc/pip.conf:ro" . >/dev/null
}
inside() { # IMAGE COMMAND...: run a command in a fresh container
    local from status=0
    from=$(buildah from "localhost/$1")
    buildah run --network host --volume "$work/out:/out" "$from" -- "${@:2}" || status=$?
    buildah rm "$from" >/dev/null
    return $status
}

say "executing the lines of the Dockerfile: prep, tool"
build prep
build tool
rm -rf "$work/out" && mkdir -m 777 "$work/out"
say "what is inside"
inside prep python -c '
import importlib.util, sys
import apache_beam, google.cloud.dataflow, google.cloud.storage, boto3, gzprep, gztrain
absent = [name for name in ("tensorflow", "keras", "torch", "matplotlib") if importlib.util.find_spec(name)]
assert not absent, absent
assert sys.version_info[:2] == (3, 11) and apache_beam.__version__ == "'$beam'"
print("container-check: Python", sys.version.split()[0], "Beam", apache_beam.__version__, "and no TensorFlow")'
[ "$(inside tool id -u)" = 1000 ] || { echo "the tool image runs as root" >&2; exit 1; }
say "a job in the image, as an unknown user"
inside tool gzprep simulate /out/sky --galaxies 40 --seed 1
small=(--crop 64 --views 2 --set shards.min_bins=1 --set max_reject_share=1)
inside tool gzprep run --data /out/sky --out /out/alone "${small[@]}" >/dev/null
inside tool gzprep verify /out/alone --replay 5
say "the launcher of the template says what it needs"
inside prep /opt/google/dataflow/python_template_launcher --data=gs://bucket/sky --out=gs://bucket/out 2>&1 | tee "$work/launcher.log" || true
grep -q "DataflowRunner needs to know more" "$work/launcher.log"
say "the same job, by a worker that the image's boot program starts"
inside prep sh -c '
    echo "127.0.0.1 $(hostname)" >>/etc/hosts # where the job service tells a worker to find it
    setsid /opt/apache/beam/boot --worker_pool >/out/pool.log 2>&1 &
    pool=$!
    python -m apache_beam.runners.portability.local_job_service_main --port 18099 >/out/jobs.log 2>&1 &
    jobs=$!
    for try in $(seq 120); do
        python -c "import socket; [socket.create_connection((\"localhost\", port), 1) for port in (50000, 18099)]" 2>/dev/null && break
        sleep 0.5
    done
    gzprep run --data /out/sky --out /out/pooled --crop 64 --views 2 --set shards.min_bins=1 --set max_reject_share=1 \
        --runner PortableRunner -- --job_endpoint=localhost:18099 --environment_type=EXTERNAL \
        --environment_config=localhost:50000 >/dev/null
    status=$?
    kill -TERM -$pool $jobs # the pool with the workers that it started
    exit $status'
(cd "$work/out/alone" && sha256sum ./*.tfrecord-*) >"$work/sums"
(cd "$work/out/pooled" && sha256sum --check --quiet "$work/sums")
say "good: $(wc -l <"$work/sums") shards, equal"
