"""The job renew-calendar-watches in a process of its own, for tests that kill it."""

import sys
from datetime import datetime

from pipeline.jobs.job import CalendarWatches, Input
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.steps.renew_watches import renew_watches

if __name__ == "__main__":
    _, dsn, now, client_id, client_secret, webhook_url, base_url, token_url = sys.argv
    calendar = CalendarSettings(
        client_id=client_id,
        client_secret=client_secret,
        webhook_url=webhook_url,
        base_url=base_url,
        token_url=token_url,
    )
    given = Input(now=datetime.fromisoformat(now))
    list(renew_watches(DatabaseSettings(dsn=dsn), CalendarWatches(), given, calendar=calendar))
