-- What broadcasts tell. In: ids. Out: id, title, body and link.
SELECT id, title, body, link FROM fanout.broadcasts WHERE id = ANY (%(ids)s)
