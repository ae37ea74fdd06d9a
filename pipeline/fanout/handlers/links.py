"""Makes the links of notifications: paths within the application.

The ids in them are UUIDs, which need no quoting.
"""

from pipeline.domain.identifiers import ProjectId, ResourceId, ThreadId

DASHBOARD = "/dashboard"
TEAM = "/team"


def project(project_id: ProjectId | None) -> str:
    """Return the link to a project's workspace; without a project, to the dashboard."""
    return DASHBOARD if project_id is None else f"/project/workspace/{project_id}"


def document(project_id: ProjectId | None, resource_id: ResourceId | None) -> str:
    """Return the link to a document in its project; without one of them, as ``project`` does."""
    if project_id is None or resource_id is None:
        return project(project_id)
    return f"{project(project_id)}?resourceId={resource_id}"


def chat(project_id: ProjectId | None, thread_id: ThreadId) -> str:
    """Return the link to a thread in the chat of its project; without one, to the dashboard."""
    if project_id is None:
        return DASHBOARD
    return f"{project(project_id)}?tab=chat&thread={thread_id}"


def thread(project_id: ProjectId | None, thread_id: ThreadId) -> str:
    """Return the link to a thread that a person has just joined. Its form differs from ``chat``."""
    return f"{project(project_id)}?threadId={thread_id}"


def meetings(project_id: ProjectId | None) -> str:
    """Return the link to the meetings of a project; without one, of the dashboard."""
    return f"{project(project_id)}?tab=meetings"
