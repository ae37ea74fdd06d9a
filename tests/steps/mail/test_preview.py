"""A dry run of mail goes on page by page, though nothing that it has told of is done."""

from pipeline.steps.mail.preview import DueMailPreview
from tests.steps.mail.desk import MailDesk

TELL = (
    "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
    " source_id) SELECT gen_random_uuid(), 'domain_events:' || event_id, 'email',"
    " user_id::text, event_type, user_id, 'pending_emails', id::text FROM pending_emails"
    " WHERE id = %s RETURNING id::text"
)


def test_a_dry_run_tells_of_each_mail_once_also_of_those_behind_the_first_page(
    desk: MailDesk,
) -> None:
    due = [str(desk.rows(TELL, desk.email())[0][0]) for _ in range(5)]
    preview = DueMailPreview(desk.sender, most=2)
    pages = [[each["delivery"] for each in preview.look()] for _ in range(4)]
    assert pages == [due[:2], due[2:4], due[4:], []]
    assert desk.rows("SELECT DISTINCT state, attempts FROM fanout.deliveries") == [("pending", 0)]
