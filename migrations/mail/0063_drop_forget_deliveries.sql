-- The function of 0023: it left the requests for several mails. 0061 has the one to call.
DROP FUNCTION fanout.forget_deliveries(uuid, bigint, integer, boolean);
