-- How many mails wait that a switch holds back. In: name, is_provider: then it holds back all.
SELECT count(*) FROM fanout.deliveries
WHERE channel = 'email' AND state IN ('pending', 'waiting', 'paused')
    AND (%(is_provider)s OR switch = %(name)s)
