"""A replay with the topic of another graph is refused, in words that say which is meant."""

import pytest

from pipeline.__main__ import main
from pipeline.clients.pubsub.check import check_stream
from pipeline.domain.graph import Graph
from pipeline.ops.replay.topics import wrong_topic
from pipeline.settings import DatabaseSettings
from pipeline.sinks.graph_topic import note_topic
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_replay import dead
from tests.streams import SUBSCRIPTION, TOPIC, broker

OURS = "projects/p/topics/reaction-events"
THEIRS = "projects/p/topics/domain-events"
OTHER = "projects/p/topics/other"


def operator(board: Board) -> DatabaseSettings:
    return DatabaseSettings(dsn=board.database.operator_dsn)


def noted(board: Board, graph: Graph, topic: str | None) -> None:
    """A graph starts. As the role that processes events, which may write of every graph."""
    note_topic(board.reactor().database, graph, topic)


def wrong(board: Board, topic: str, graph: Graph = Graph.REACTIONS) -> str | None:
    return wrong_topic(operator(board), graph, topic)


def said(board: Board, topic: str, graph: Graph = Graph.REACTIONS) -> str:
    """What is wrong, without the advice."""
    return (wrong(board, topic, graph) or "").partition(". ")[0]


def test_while_nothing_is_known_any_topic_may_be_the_right_one(board: Board) -> None:
    for graph in (Graph.REACTIONS, Graph.FANOUT):
        assert wrong(board, OURS, graph) is None


def test_the_topic_that_the_graph_reads_is_the_only_one(board: Board) -> None:
    noted(board, Graph.REACTIONS, OURS)
    assert wrong(board, OURS) is None
    # A project has a name and a number.
    assert wrong(board, "projects/1234/topics/reaction-events") is None
    assert said(board, OTHER) == f"expected {OURS}, which the graph reactions reads"
    # Of the other family, that one is known to be wrong.
    assert wrong(board, OTHER, Graph.FANOUT) is None
    assert said(board, OURS, Graph.FANOUT) == (
        "expected the topic that the graph fanout reads; that one is of reactions"
    )
    noted(board, Graph.FANOUT, THEIRS)
    assert said(board, THEIRS) == (
        f"expected {OURS}, which the graph reactions reads; that one is of the graph fanout"
    )
    assert wrong(board, THEIRS, Graph.FANOUT) is None


@pytest.mark.parametrize("moved", [Graph.REACTIONS, Graph.FANOUT])
def test_the_refusal_says_which_statement_removes_the_note_of_a_graph_that_moved(
    board: Board, moved: Graph
) -> None:
    """Also where its old topic is refused because another graph reads that one now."""
    noted(board, moved, OURS)
    asked = OTHER if moved is Graph.REACTIONS else OURS
    refused = wrong(board, asked)
    assert refused is not None
    assert "On Dataflow a graph notes no topic" in refused
    board.execute(refused.partition("run as the owner: ")[2])
    assert wrong(board, asked) is None


def test_a_graph_that_may_not_look_any_more_forgets_its_topic(board: Board) -> None:
    noted(board, Graph.REACTIONS, OURS)
    noted(board, Graph.REACTIONS, OTHER)
    assert wrong(board, OTHER) is None
    noted(board, Graph.REACTIONS, None)
    assert wrong(board, OURS) is None
    assert board.rows("SELECT FROM fanout.graph_topics") == []
    # Nobody replays what the other graphs process.
    noted(board, Graph.MAIL, OURS)
    assert board.rows("SELECT FROM fanout.graph_topics") == []


def test_the_check_of_the_subscription_says_its_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    with broker() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        assert check_stream(SUBSCRIPTION, None) == TOPIC


@pytest.mark.parametrize("apply", [True, False])
def test_the_command_refuses_the_topic_of_another_graph_in_one_line(
    board: Board,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    apply: bool,
) -> None:
    monkeypatch.setenv("DATABASE_URL", board.database.operator_dsn)
    noted(board, Graph.FANOUT, THEIRS)
    noted(board, Graph.REACTIONS, OURS)
    event = dead(board)
    how = ["--apply"] if apply else []
    arguments = ["replay", "--event", str(event), *how, "--no-wait", "--topic"]
    assert main([*arguments, THEIRS]) == 2
    said = capsys.readouterr().err
    assert (
        f"invalid --topic {THEIRS!r}: expected {OURS}, which the graph reactions reads; that one is"
        " of the graph fanout"
    ) in said
    assert "Traceback" not in said
    assert board.state(event)[0] == "dead"
