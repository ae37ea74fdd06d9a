-- An event can end an inbox item of whoever has it: found by the thing that it is about.

CREATE INDEX IF NOT EXISTS inbox_items_thing_idx ON reactions.inbox_items (item_type, item_id);
