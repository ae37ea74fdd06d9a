"""The paths within the application that notifications point to.

What is put into them are UUIDs, which need no quoting.
"""

from pipeline.domain.identifiers import ProjectId, ResourceId, ThreadId

DASHBOARD = "/dashboard"
TEAM = "/team"


def project(project_id: ProjectId | None) -> str:
    """A project's workspace; without a project, the dashboard."""
    return DASHBOARD if project_id is None else f"/project/workspace/{project_id}"


def document(project_id: ProjectId | None, resource_id: ResourceId | None) -> str:
    """A document in its project's workspace; the dashboard shows no document."""
    if project_id is None or resource_id is None:
        return project(project_id)
    return f"{project(project_id)}?resourceId={resource_id}"


def chat(project_id: ProjectId | None, thread_id: ThreadId) -> str:
    """A thread in the chat of its project; the dashboard has no chat."""
    if project_id is None:
        return DASHBOARD
    return f"{project(project_id)}?tab=chat&thread={thread_id}"


def thread(project_id: ProjectId | None, thread_id: ThreadId) -> str:
    """A thread that someone has just joined: the application opens it in another way."""
    return f"{project(project_id)}?threadId={thread_id}"


def meetings(project_id: ProjectId | None) -> str:
    """The meetings of a project; without one, those of the dashboard."""
    return f"{project(project_id)}?tab=meetings"
