"""Beam's own options that most launches need."""

from dataclasses import dataclass
from typing import Final

# The default name of the job.
JOB_NAME: Final = "fanout"
# The default machine type of the workers.
MACHINE_TYPE: Final = "n2-standard-2"
# Threads that hold no connection: one reads the next batch, one passes on the last batch.
SPARE_THREADS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudOption:
    """One of Beam's own options that a launch accepts.

    Attributes:
        name: Beam's name for it.
        help: what it is for.
        metavar: stands for the value in the help; empty for a flag without a value.
        example: an example of a needed option; empty if it is not needed.
    """

    name: str
    help: str
    metavar: str = ""
    example: str = ""


# The options that most launches need. A launch accepts all other options of Beam too.
CLOUD: Final = (
    CloudOption(
        name="project",
        metavar="PROJECT",
        help="the Google Cloud project",
        example="my-project",
    ),
    CloudOption(name="region", metavar="REGION", help="where the job runs", example="europe-west1"),
    CloudOption(
        name="temp_location",
        metavar="gs://BUCKET/PATH",
        help="the folder for the files that the job stages",
        example="gs://my-bucket/temp",
    ),
    CloudOption(
        name="sdk_container_image",
        metavar="IMAGE",
        help="the image that deploy/Dockerfile builds",
        example="europe-west1-docker.pkg.dev/my-project/fanout/fanout:1",
    ),
    CloudOption(
        name="max_num_workers",
        metavar="NUMBER",
        help="the most workers that autoscaling may start",
        example="4",
    ),
    CloudOption(
        name="job_name",
        metavar="NAME",
        help=f"the name of the job; an update finds the running job by it (default: {JOB_NAME})",
    ),
    CloudOption(
        name="machine_type", metavar="TYPE", help=f"type of the workers (default: {MACHINE_TYPE})"
    ),
    CloudOption(
        name="number_of_worker_harness_threads",
        metavar="NUMBER",
        help=f"threads per process (default: pool_size and {SPARE_THREADS} more)",
    ),
    CloudOption(name="service_account_email", metavar="ACCOUNT", help="account of the workers"),
    CloudOption(name="subnetwork", metavar="URL", help="network from which workers reach Postgres"),
    CloudOption(
        name="transform_name_mapping",
        metavar="JSON",
        help="old to new names of steps, for an update that renames steps",
    ),
    CloudOption(name="no_use_public_ips", help="give workers only private addresses"),
    CloudOption(
        name="update", help="replace the running job of this name and keep its unfinished messages"
    ),
)
# Beam's options that a launch needs, each with an example.
NEEDED: Final = {each.name: each.example for each in CLOUD if each.example}
