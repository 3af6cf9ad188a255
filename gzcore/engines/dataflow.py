"""What Google Cloud Dataflow needs before a job can be sent there, without importing Beam.

A job is sent once and then lives in Google's care: the launcher may go. So everything that it reads and writes is in
buckets, and its workers bring our packages with them, in an image that the repository's Dockerfile describes.
"""

import hashlib
import importlib.util
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gzcore.console import brief
from gzcore.engines.names import DATAFLOW, option_value
from gzcore.errors import GzError, UsageError
from gzcore.storage.documents import parse_toml, read_bytes
from gzcore.storage.places import Place, Url

_CORES = re.compile(r"-(\d+)(-\d+)?$")


@dataclass(frozen=True)
class JobKind:
    """What all Dataflow jobs of one command have in common.

    Attributes:
        name: begins the name of each job, such as ``gzprep``.
        image: variable of the environment that names the workers' image where no option does.
        folder: below the output, where Dataflow keeps its own files.
        options: options of Beam's that every job of this kind has.
    """

    name: str
    image: str
    folder: str
    options: Mapping[str, str] = field(default_factory=dict)

    def needed(self, options: Sequence[str]) -> dict[str, str | None]:
        """What each job must be told: by the user's options, else by the environment; None where neither says it."""
        variables = {
            "project": "GOOGLE_CLOUD_PROJECT",
            "region": "CLOUDSDK_COMPUTE_REGION",
            "sdk_container_image": self.image,
        }
        return {
            name: option_value(options, name) or os.environ.get(variable) or None
            for name, variable in variables.items()
        }


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Fleet:
    """The machines that do the work; every key is an option of Beam's, which may follow ``--`` as well."""

    machine_type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]+$")] = "n2-standard-8"
    """Machine of a worker. Beam runs one process a core; one holds 0.3 GB, so 4 GB a core is plenty."""
    num_workers: Annotated[int, Field(ge=1)] | None = 1
    """Machines to begin with; reading the catalogue takes no more. None: Dataflow decides."""
    max_num_workers: Annotated[int, Field(ge=1)] = 100
    """Machines at most; never more than there is work for."""
    autoscaling_algorithm: Literal["THROUGHPUT_BASED", "NONE"] = "THROUGHPUT_BASED"
    """How their number follows the work."""
    disk_size_gb: Annotated[int, Field(ge=25)] = 50
    """Disk of a machine: the system and the image take 15 GB, and each core spools one bin of ``shards.megabytes``."""
    number_of_worker_harness_threads: Annotated[int, Field(ge=1)] | None = 1
    """Threads of a process: pixels keep a core busy, and images are read ahead by threads of our own. None: Beam
    decides."""

    @property
    def cores(self) -> int:
        """Cores of a machine, by its name."""
        found = _CORES.search(self.machine_type)
        return int(found.group(1)) if found else 2

    def machines_for(self, units: int) -> int:
        """Machines at most, for so many units of work of which a core takes one at a time."""
        return max(1, min(self.max_num_workers, math.ceil(units / self.cores)))


def read_fleet(path: Place | None) -> Fleet:
    """Read a file of worker options (None: the defaults, which are those of ``pipelines/dataflow/workers.toml``).

    Raises:
        UsageError: the file is absent or not TOML, a key is unknown, a value is unfit.
    """
    if path is None:
        return Fleet()
    try:
        return TypeAdapter(Fleet).validate_python(parse_toml(read_bytes(path)))
    except OSError as error:
        raise UsageError(
            f"The worker options {path} cannot be read ({error.strerror}); name an existing file."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageError(f"The worker options {path} have {key!r}, which does not fit: {first['msg']}.") from None
    except ValueError as error:
        raise UsageError(f"The worker options {path} are not TOML: {brief(error)}.") from None


def check_dataflow(kind: JobKind, options: Sequence[str], places: Sequence[Place]) -> None:
    """Check what can be checked before anything is written or sent.

    Args:
        kind: of the job.
        options: Beam's own options, as the user gives them.
        places: all that the workers read or write; the output folder first.

    Raises:
        GzError: Beam's Google part is not installed.
        UsageError: an option is absent, or a place is not in a bucket.
    """
    if not _installed():
        raise GzError(f"{DATAFLOW} needs what the extra 'gcp' brings; install it with: pip install 'gzprep[gcp]'.")
    for place in places:
        _check_in_a_bucket(place)
    absent = [name for name, value in kind.needed(options).items() if value is None]
    if absent:
        wanted = " ".join(f"--{name}=..." for name in absent)
        raise UsageError(f"{DATAFLOW} needs to know more: add -- {wanted} (docs/cloud.md says how).")
    if not str(places[0]).startswith("gs://") and option_value(options, "temp_location") is None:
        raise UsageError(
            f"{DATAFLOW} keeps its own files in Google's buckets: add -- --temp_location=gs://BUCKET/PATH."
        )


def _installed() -> bool:
    try:
        return importlib.util.find_spec("google.cloud.dataflow") is not None
    except ModuleNotFoundError:
        return False


def _check_in_a_bucket(place: Place) -> None:
    if not isinstance(place, Url):
        raise UsageError(
            f"{DATAFLOW} works on machines that do not see {place}; copy it into a bucket "
            "(gcloud storage cp --recursive) and name it as gs://BUCKET/PATH."
        )


def dataflow_options(kind: JobKind, fleet: Fleet, options: Sequence[str], out: Place, machines: int) -> list[str]:
    """Return Beam's options for a job: ours, then the user's, which win.

    Args:
        kind: of the job.
        fleet: the machines.
        options: the user's.
        out: the output folder; the job is named after it, and Dataflow runs no two jobs of one name at a time.
        machines: as many as there is work for.
    """
    own = str(out / kind.folder)
    most = max(1, min(fleet.max_num_workers, machines))
    ours = {
        **kind.needed(options),
        "job_name": job_name(kind, out),
        "temp_location": own,
        "staging_location": option_value(options, "temp_location") or own,
        **asdict(fleet),
        "num_workers": fleet.num_workers and min(fleet.num_workers, most),
        "max_num_workers": most,
        "sdk_location": "container",
        **kind.options,
    }
    return [*(f"--{name}={value}" for name, value in ours.items() if value is not None), *options]


def job_name(kind: JobKind, out: Place) -> str:
    """Name of the job that makes an output folder: the same for the same place."""
    readable = re.sub(r"[^a-z0-9]+", "-", out.name.lower()).strip("-")[:30].strip("-")
    digest = hashlib.blake2b(str(out).encode(), digest_size=5).hexdigest()
    return f"{kind.name}-{readable}-{digest}" if readable else f"{kind.name}-{digest}"


def template_location(options: Sequence[str]) -> str | None:
    """The file that the job is written into in place of being sent, as a Flex Template's launch does; or None."""
    return option_value(options, "template_location")


def console_address(project: str, region: str, job: str) -> str:
    """Where a person watches a job."""
    return f"https://console.cloud.google.com/dataflow/jobs/{region}/{job}?project={project}"


def cancel_command(project: str, region: str, job: str) -> str:
    """How a person ends a job."""
    return f"gcloud dataflow jobs cancel {job} --project={project} --region={region}"
