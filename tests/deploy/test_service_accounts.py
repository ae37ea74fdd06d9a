"""deploy/service-accounts.md: each account has the rights that it needs, and no others."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from pipeline.fanout.handlers import HANDLERS
from pipeline.topology import graphs
from tests.deploy.google_cloud import GoogleCloud
from tests.deploy.iam import PROJECT, Grant, Policy, follow, grant_of
from tests.deploy.launches import Done, launch, stand_ins
from tests.deploy.recorder import recorded_programs
from tests.docs.gcloud import command_tree, is_in_gcloud
from tests.docs.markdown import commands

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "deploy/service-accounts.md").read_text("utf-8")
OPTIONAL: Final = "### An attribute as the event's time\n"
BUCKET: Final = "buckets/acme-fanout"
EVENTS, DEAD = "topics/domain-events", "topics/domain-events-dead"
WAITING: Final = "subscriptions/fanout-pipeline"
TICKS: Final = "subscriptions/fanout-jobs"
DELIVERIES: Final = "subscriptions/fanout-mail"
SIGNALS: Final = "subscriptions/fanout-push"
REACTIONS: Final = "subscriptions/fanout-reactions"
REACTION_EVENTS: Final = "topics/reaction-events"
Needed = tuple[str, str, str, str]


def of_graph(name: str, waiting: str, *more: tuple[str, str, str]) -> tuple[Needed, ...]:
    """Return what a graph needs beside the fan-out: its account, permission, resource, purpose."""
    needed = (
        ("storage.buckets.get", BUCKET, "the launcher looks for the bucket"),
        ("storage.objects.create", BUCKET, "the graph, temporary files"),
        ("dataflow.jobs.list", PROJECT, "an update looks for the running job"),
        ("dataflow.workItems.lease", PROJECT, "work"),
        ("artifactregistry.repositories.downloadArtifacts", "repositories/fanout", "the image"),
        ("pubsub.subscriptions.consume", waiting, "the source"),
        ("pubsub.subscriptions.get", waiting, "its acknowledgement deadline"),
        ("secretmanager.versions.access", f"secrets/{name}-password", "the login"),
        ("secretmanager.versions.access", "secrets/fanout-server-ca", "its server"),
        *more,
    )
    return (
        *((name, *each) for each in needed),
        (
            "fanout-deployer",
            "iam.serviceAccounts.actAs",
            f"service-accounts/{name}",
            "a job runs as this account",
        ),
    )


# Account, permission, resource and purpose. The bucket may be in another project.
NEEDED: Final = (
    ("fanout-pipeline", "storage.buckets.get", BUCKET, "the launcher looks for the bucket"),
    ("fanout-pipeline", "storage.objects.create", BUCKET, "the graph, temporary files"),
    ("fanout-pipeline", "storage.objects.get", BUCKET, "the graph"),
    ("fanout-pipeline", "storage.objects.list", BUCKET, "temporary files"),
    ("fanout-pipeline", "storage.objects.delete", BUCKET, "temporary files"),
    ("fanout-pipeline", "dataflow.jobs.list", PROJECT, "an update looks for the running job"),
    ("fanout-pipeline", "dataflow.jobs.get", PROJECT, "a worker asks what its job is"),
    ("fanout-pipeline", "dataflow.workItems.lease", PROJECT, "work"),
    ("fanout-pipeline", "dataflow.streamingWorkItems.commitWork", PROJECT, "work"),
    ("fanout-pipeline", "logging.logEntries.create", PROJECT, "logs"),
    ("fanout-pipeline", "monitoring.timeSeries.create", PROJECT, "metrics"),
    (
        "fanout-pipeline",
        "artifactregistry.repositories.downloadArtifacts",
        "repositories/fanout",
        "the image",
    ),
    ("fanout-pipeline", "pubsub.subscriptions.consume", WAITING, "the source"),
    ("fanout-pipeline", "pubsub.subscriptions.get", WAITING, "its acknowledgement deadline"),
    ("fanout-pipeline", "pubsub.topics.publish", DEAD, "dead letters"),
    (
        "fanout-pipeline",
        "secretmanager.versions.access",
        "secrets/fanout-database-password",
        "the login",
    ),
    ("fanout-pipeline", "secretmanager.versions.access", "secrets/fanout-server-ca", "its server"),
    *of_graph(
        "fanout-jobs",
        TICKS,
        ("pubsub.topics.publish", "topics/job-ticks", "the ticker of one machine"),
        ("pubsub.topics.publish", DEAD, "dead letters"),
    ),
    *of_graph(
        "fanout-mail",
        DELIVERIES,
        ("secretmanager.versions.access", "secrets/fanout-resend-key", "the provider"),
        ("secretmanager.versions.access", "secrets/fanout-unsubscribe", "the link"),
    ),
    *of_graph(
        "fanout-push",
        SIGNALS,
        ("secretmanager.versions.access", "secrets/fanout-bus-token", "the bus"),
        ("secretmanager.versions.access", "secrets/fanout-webhook-key", "webhooks"),
        ("cloudmessaging.messages.create", PROJECT, "FCM"),
    ),
    *of_graph(
        "fanout-reactions", REACTIONS, ("pubsub.topics.publish", DEAD, "events that are refused")
    ),
    ("fanout-cdc", "pubsub.topics.publish", EVENTS, "events"),
    ("fanout-cdc", "pubsub.topics.publish", "topics/domain-events-heartbeats", "heartbeats"),
    ("fanout-cdc", "pubsub.topics.publish", "topics/deliveries", "deliveries"),
    ("fanout-cdc", "pubsub.topics.publish", REACTION_EVENTS, "events of reactions"),
    ("fanout-operator", "pubsub.topics.publish", EVENTS, "replay"),
    ("fanout-operator", "pubsub.topics.publish", REACTION_EVENTS, "replay of reactions"),
    ("fanout-service", "pubsub.topics.publish", EVENTS, "replay over HTTP"),
    ("fanout-service", "pubsub.topics.publish", REACTION_EVENTS, "reactions over HTTP"),
    *(
        ("fanout-service", "secretmanager.versions.access", f"secrets/{name}", "a login")
        for name in ("fanout-service-viewer-url", "fanout-service-operator-url")
    ),
    ("fanout-service", "secretmanager.versions.access", "secrets/fanout-unsubscribe", "the link"),
    (
        "fanout-service",
        "secretmanager.versions.access",
        "secrets/fanout-resend-webhook",
        "reports of Resend",
    ),
    ("fanout-service", "secretmanager.versions.access", "secrets/fanout-server-ca", "its server"),
    (
        "fanout-operator",
        "pubsub.subscriptions.consume",
        "subscriptions/fanout-dead-letters",
        "dead letters",
    ),
    ("fanout-operator", "pubsub.subscriptions.get", WAITING, "doctor"),
    ("fanout-operator", "pubsub.topics.get", DEAD, "doctor"),
    ("fanout-operator", "secretmanager.versions.access", "secrets/fanout-operator", "the login"),
    ("fanout-operator", "dataflow.messages.list", PROJECT, "what the job says"),
    ("fanout-operator", "logging.logEntries.list", PROJECT, "what its workers say"),
    ("fanout-operator", "monitoring.timeSeries.list", PROJECT, "the dashboard"),
    (
        "fanout-builder",
        "artifactregistry.repositories.uploadArtifacts",
        "repositories/fanout",
        "make image",
    ),
    ("fanout-builder", "artifactregistry.tags.create", "repositories/fanout", "make image"),
    ("fanout-deployer", "storage.objects.create", BUCKET, "make template"),
    ("fanout-deployer", "dataflow.jobs.create", PROJECT, "make launch"),
    ("fanout-deployer", "dataflow.jobs.list", PROJECT, "make drain finds the job"),
    ("fanout-deployer", "dataflow.jobs.updateContents", PROJECT, "make update, workers, drain"),
    ("fanout-deployer", "dataflow.jobs.cancel", PROJECT, "make cancel"),
    (
        "fanout-deployer",
        "iam.serviceAccounts.actAs",
        "service-accounts/fanout-pipeline",
        "the job runs as this account",
    ),
    (
        "acme-prod.svc.id.goog[NAMESPACE/debezium]",
        "iam.serviceAccounts.getAccessToken",
        "service-accounts/fanout-cdc",
        "Debezium's pod",
    ),
)
TRACKING: Final = (
    ("pubsub.subscriptions.create", PROJECT),
    ("pubsub.subscriptions.get", PROJECT),
    ("pubsub.subscriptions.consume", PROJECT),
    ("pubsub.subscriptions.delete", PROJECT),
    ("pubsub.topics.get", EVENTS),
    ("pubsub.topics.attachSubscription", EVENTS),
)
FORBIDDEN: Final = (
    ("fanout-pipeline", "pubsub.topics.publish", EVENTS),
    ("fanout-pipeline", "pubsub.subscriptions.delete", WAITING),
    ("fanout-pipeline", "dataflow.jobs.cancel", PROJECT),
    ("fanout-jobs", "pubsub.topics.publish", EVENTS),
    ("fanout-jobs", "pubsub.subscriptions.consume", WAITING),
    ("fanout-jobs", "secretmanager.versions.access", "secrets/fanout-database-password"),
    ("fanout-mail", "pubsub.topics.publish", EVENTS),
    ("fanout-mail", "pubsub.topics.publish", DEAD),
    ("fanout-mail", "pubsub.subscriptions.consume", WAITING),
    ("fanout-mail", "pubsub.subscriptions.consume", TICKS),
    ("fanout-mail", "secretmanager.versions.access", "secrets/fanout-resend-webhook"),
    ("fanout-push", "pubsub.topics.publish", EVENTS),
    ("fanout-push", "pubsub.subscriptions.consume", WAITING),
    ("fanout-push", "pubsub.subscriptions.consume", DELIVERIES),
    ("fanout-push", "secretmanager.versions.access", "secrets/fanout-resend-key"),
    ("fanout-reactions", "pubsub.topics.publish", EVENTS),
    ("fanout-reactions", "pubsub.topics.publish", REACTION_EVENTS),
    ("fanout-reactions", "pubsub.subscriptions.consume", WAITING),
    ("fanout-reactions", "secretmanager.versions.access", "secrets/fanout-database-password"),
    ("fanout-mail", "cloudmessaging.messages.create", PROJECT),
    ("fanout-mail", "secretmanager.versions.access", "secrets/fanout-bus-token"),
    ("fanout-pipeline", "secretmanager.versions.access", "secrets/fanout-resend-key"),
    ("fanout-jobs", "secretmanager.versions.access", "secrets/fanout-resend-key"),
    ("fanout-service", "secretmanager.versions.access", "secrets/fanout-resend-key"),
    ("fanout-cdc", "pubsub.subscriptions.consume", WAITING),
    ("fanout-operator", "pubsub.subscriptions.consume", WAITING),
    ("fanout-operator", "dataflow.jobs.cancel", PROJECT),
    ("fanout-service", "secretmanager.versions.access", "secrets/fanout-operator"),
    ("fanout-service", "pubsub.subscriptions.consume", WAITING),
    ("fanout-operator", "secretmanager.versions.access", "secrets/fanout-database-password"),
    ("fanout-builder", "dataflow.jobs.create", PROJECT),
    ("fanout-deployer", "secretmanager.versions.access", "secrets/fanout-database-password"),
)
# What cannot be granted on anything less than a project, and what is for looking at all of it.
ONLY_ON_PROJECT: Final = (
    "roles/dataflow.developer",
    "roles/dataflow.viewer",
    "roles/dataflow.worker",
    "roles/firebasecloudmessaging.admin",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "projects/acme-prod/roles/fanoutTrackingSubscription",
)
CREATE_ACCOUNT: Final = ["gcloud", "iam", "service-accounts", "create"]


def required() -> str:
    """Return the guide without the optional part about an attribute."""
    before, heading, rest = GUIDE.partition(OPTIONAL)
    assert heading
    return before + rest[rest.index("\n## ") :]


def calls_of(document: str, home: Path) -> Sequence[Sequence[str]]:
    return follow(document, recorded_programs(home))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sequence[str]]:
    """The calls of gcloud in the whole guide."""
    return calls_of(GUIDE, tmp_path_factory.mktemp("all") / "recorded")


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy without the optional part about an attribute."""
    return Policy.of(calls_of(required(), tmp_path_factory.mktemp("policy") / "recorded"))


def refused(policy: Policy) -> list[str]:
    """List the required permissions that are missing."""
    return [
        f"{account} lacks {permission} on {resource}, for: {purpose}"
        for account, permission, resource, purpose in NEEDED
        if not policy.may(account, permission, resource, elsewhere=resource == BUCKET)
    ]


def unneeded(policy: Policy) -> list[Grant]:
    """List the grants that no required permission needs."""
    return [grant for grant in policy.grants if not refused(policy.without(grant))]


def test_everyone_may_what_they_have_to(policy: Policy) -> None:
    assert refused(policy) == []


def test_no_grant_is_one_that_nobody_needs(policy: Policy) -> None:
    assert unneeded(policy) == []


def test_control_a_grant_that_nobody_needs_is_noticed(policy: Policy) -> None:
    more = Grant("fanout-cdc", "roles/pubsub.subscriber", WAITING)
    roles = dict(policy.roles)
    assert unneeded(Policy([*policy.grants, more], roles)) == [more]


def test_nobody_may_what_the_guide_says_they_may_not(policy: Policy) -> None:
    assert [each for each in FORBIDDEN if policy.may(*each)] == []


def test_only_who_follows_the_optional_part_may_have_a_tracking_subscription(
    policy: Policy, everything: Sequence[Sequence[str]]
) -> None:
    more = Policy.of(everything)
    for permission, resource in TRACKING:
        assert more.may("fanout-pipeline", permission, resource), permission
    assert not any(policy.may("fanout-pipeline", *each) for each in TRACKING)
    assert set(TRACKING) >= {
        (permission, PROJECT)
        for permission in more.roles["projects/acme-prod/roles/fanoutTrackingSubscription"]
    }


def test_what_the_optional_part_grants_it_also_takes_back(
    everything: Sequence[Sequence[str]], policy: Policy
) -> None:
    taken = [
        [word.replace("remove-", "add-", 1) for word in call]
        for call in everything
        if "remove-iam-policy-binding" in call
    ]
    more = set(Policy.of(everything).grants) - set(policy.grants)
    assert {grant_of(call) for call in taken} == more


def too_broad(grant: Grant) -> bool:
    """Return whether it is a basic role, or a project role that a resource could have."""
    basic = "." not in grant.role and not grant.role.startswith("projects/")
    return basic or (grant.resource == PROJECT and grant.role not in ONLY_ON_PROJECT)


def test_every_account_gets_what_it_gets_on_the_narrowest_resource(
    everything: Sequence[Sequence[str]],
) -> None:
    grants = Policy.of(everything).grants
    created = {call[4] for call in everything if list(call[:4]) == CREATE_ACCOUNT}
    granted = {grant.account for grant in grants if ".svc.id.goog" not in grant.account}
    assert [grant for grant in grants if too_broad(grant)] == []
    # The grants of the status job are in its own guide.
    assert granted == created - {"fanout-status"}


@pytest.mark.parametrize(
    "grant",
    [
        Grant("fanout-pipeline", "roles/pubsub.subscriber", PROJECT),
        Grant("fanout-pipeline", "roles/viewer", PROJECT),
        Grant("fanout-pipeline", "roles/editor", BUCKET),
    ],
)
def test_control_a_grant_that_is_too_broad_is_noticed(grant: Grant) -> None:
    assert too_broad(grant)


def test_each_account_is_made_in_one_guide() -> None:
    made = [
        path.relative_to(ROOT).as_posix()
        for folder in ("deploy", "docs", "debezium")
        for path in sorted((ROOT / folder).rglob("*.md"))
        for command in commands(path.read_text("utf-8"))
        if "iam service-accounts create" in command.text
    ]
    assert made == ["deploy/service-accounts.md"]


def test_gcloud_has_every_command_and_option(everything: Sequence[Sequence[str]]) -> None:
    tree = command_tree()
    assert [call for call in everything if not is_in_gcloud(call, tree)] == []


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    """Google Cloud with a running job, and a graph of one event type, which is built sooner."""
    name, handler = next(iter(HANDLERS.items()))
    monkeypatch.setattr(graphs, "HANDLERS", {name: handler})
    with stand_ins() as cloud:
        running = {"id": "3", "name": "fanout", "currentState": "JOB_STATE_RUNNING"}
        cloud.running.append(running)
        yield cloud


def launched(cloud: GoogleCloud, policy: Policy, *, elsewhere: bool = False) -> Done:
    """Update the job as the template's launcher does, which runs as fanout-pipeline."""
    cloud.may = lambda permission, resource: policy.may(
        "fanout-pipeline",
        permission,
        resource,
        elsewhere=elsewhere and resource.startswith("buckets/"),
    )
    return launch(
        cloud,
        "--update",
        temp_location="gs://acme-fanout/staging",
        template_location="gs://acme-fanout/staging/template_launches/1/job_object",
    )


@pytest.mark.parametrize("elsewhere", [False, True], ids=["of the project", "of another project"])
def test_the_launcher_updates_a_job_with_the_roles_and_the_bucket_of_the_guide(
    cloud: GoogleCloud, policy: Policy, *, elsewhere: bool
) -> None:
    done = launched(cloud, policy, elsewhere=elsewhere)
    assert done == Done(0, "", "launching fanout ...\nthe template is written\n")


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("roles/dataflow.viewer", "dataflow.jobs.list"),
        ("roles/storage.legacyBucketReader", "storage.buckets.get"),
        ("roles/storage.objectUser", "storage.objects.create"),
    ],
)
def test_a_role_that_the_launcher_lacks_stops_it_with_the_permissions_name(
    role: str, permission: str, cloud: GoogleCloud, policy: Policy
) -> None:
    [missing] = [
        grant for grant in policy.grants if (grant.account, grant.role) == ("fanout-pipeline", role)
    ]
    done = launched(cloud, policy.without(missing), elsewhere=True)
    assert (done.status, done.stdout) == (1, "")
    assert f"Permission '{permission}' denied on" in done.stderr
    assert done.stderr.count("\n") == 2
    assert cloud.objects == {}
