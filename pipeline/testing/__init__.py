"""The handler kit: an event in, what each person gets out; no Beam, no database.

::

    def test_the_project_hears_of_an_upload() -> None:
        told = given(ANN, BOB, project=TOWER).when(UPLOADED, {"fileName": "a.pdf"}, actor=ANN)
        assert told.notification(BOB).title == "Document uploaded - Tower"
        assert told.skip_reason(ANN) is Reason.ACTOR

The kit uses the decoder and ``pipeline.fanout.decide`` of the stream, so defaults, nulls,
exclusions and preferences behave as they do there. It is in the package and not among the tests,
because a team with its handlers in another repository tests them with it, and because the catalogue
uses it to show the results of the examples. It needs no pytest.
"""

from pipeline.testing.facts import person, prefers, project, thread
from pipeline.testing.given import Given, given
from pipeline.testing.told import Told

__all__ = ["Given", "Told", "given", "person", "prefers", "project", "thread"]
