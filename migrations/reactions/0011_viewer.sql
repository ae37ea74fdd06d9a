-- status tells rows that no graph has found from those that were there before this family.

GRANT SELECT (sequence) ON reactions.events TO fanout_viewer;
