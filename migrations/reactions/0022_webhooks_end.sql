-- What was sent to a webhook endpoint is forgotten together with the ledger row of its event.

ALTER TABLE fanout.reaction_webhooks
    ADD FOREIGN KEY (event_id) REFERENCES fanout.reactions (event_id) ON DELETE CASCADE;
