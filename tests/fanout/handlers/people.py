"""The people and places of the handlers' tests."""

from typing import Final
from uuid import UUID

from pipeline.testing import person, project, thread

ANN: Final = person("Ann")
BOB: Final = person("Bob")
CY: Final = person("Cy")
TOWER: Final = project("Tower")
GENERAL: Final = thread("General", of=TOWER)
PLAN: Final = UUID(int=0x51)
WORKSPACE: Final = f"/project/workspace/{TOWER.id}"
