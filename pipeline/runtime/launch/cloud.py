"""Check credentials, buckets and the job to update, before a job is submitted.

Beam 2.77 does not check them first. It continues without credentials. It retries for minutes if a
bucket is missing or not writable, and forever if the job to update is not running.
"""

from typing import Final

import google.auth
from apache_beam.io.gcp.gcsio import create_storage_client
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient
from google.cloud.dataflow_v1beta3 import JobState, ListJobsRequest

from pipeline.domain.errors import ConfigurationError

_WRITE: Final = "storage.objects.create"
_UPDATED: Final = (JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_DRAINING)


def check_cloud(options: PipelineOptions) -> None:
    """Check that there are credentials, writable buckets, and for an update the job to replace.

    Raises:
        ConfigurationError: the job to update is not running, or a bucket is not writable.
        GoogleAuthError: there are no credentials.
        GoogleAPICallError: Google Cloud rejects the request or does not answer, or a bucket is
            missing.
    """
    cloud = options.view_as(GoogleCloudOptions)
    if not cloud.no_auth:
        google.auth.default(scopes=cloud.gcp_oauth_scopes)
    storage = create_storage_client(options, use_credentials=not cloud.no_auth)
    for location in filter(None, (cloud.staging_location, cloud.template_location)):
        bucket = storage.get_bucket(location.removeprefix("gs://").partition("/")[0])
        if not bucket.test_iam_permissions([_WRITE]):
            raise ConfigurationError(
                f"Permission '{_WRITE}' denied on gs://{bucket.name}: grant the account"
                " roles/storage.objectUser on it"
            )
    if cloud.update:
        _check_job_to_update(options)


def _check_job_to_update(options: PipelineOptions) -> None:
    cloud = options.view_as(GoogleCloudOptions)
    jobs = DataflowApplicationClient(options)._jobs_client  # noqa: SLF001 - Beam has no public one
    request = ListJobsRequest(project_id=cloud.project, location=cloud.region)
    if not any(
        job.name == cloud.job_name and job.current_state in _UPDATED
        for job in jobs.list_jobs(request)
    ):
        raise ConfigurationError(
            f"no job named {cloud.job_name} runs in {cloud.region}: launch it without --update"
        )
