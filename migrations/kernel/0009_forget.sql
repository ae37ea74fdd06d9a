-- What forget empties in a dead letter, also where there is no fan-out, whose 0026 grants the same.

GRANT UPDATE (data, attributes, message) ON public.event_dead_letters TO fanout_operator;
