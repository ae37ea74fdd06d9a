-- How many events of each type a switch holds back.
SELECT event_type, count(*) FROM fanout.reactions WHERE state = 'paused' GROUP BY event_type
