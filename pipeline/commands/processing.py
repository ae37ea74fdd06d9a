"""From the arguments of a command that processes events to the graph it builds."""

import argparse
from datetime import timedelta

from pipeline.domain.identifiers import UserId
from pipeline.fanout.decide import AI_USER, Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.topology.ends import Preview, Rows
from pipeline.topology.fanout import Topology


def topology_of(options: argparse.Namespace) -> Topology:
    """The graph that the arguments ask for."""
    topic = options.dead_letter_topic
    return Topology(
        database=options.database,
        handlers=HANDLERS,
        policy=Policy(
            system_users=frozenset({AI_USER, *map(UserId, options.system_user)}),
            max_event_age=timedelta(hours=options.max_event_age_hours),
        ),
        ends=Preview(topic) if options.dry_run else Rows(options.database, topic),
        batch_size=options.batch_size,
    )
