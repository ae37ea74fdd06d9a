-- Older deliveries satisfy the constraint of 0070 as well. Writers are not blocked meanwhile.
ALTER TABLE fanout.deliveries VALIDATE CONSTRAINT deliveries_state_check;
