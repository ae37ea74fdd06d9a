from tests.mail.desk import SITE, W, digest, immediate, update, uploaded
from tests.mail.page import read


def test_a_digest_says_who_uploaded_which_file() -> None:
    page = read(digest(uploaded("Rent roll.xlsx")).html)
    assert "Rent roll.xlsx uploaded by Ann Actor" in page.lines
    assert (f"{SITE}{W}?resourceId=R", "Rent roll.xlsx") in page.links


def test_a_file_and_a_person_without_a_name_have_general_ones() -> None:
    page = read(digest(update("document_uploaded", {"file_name": "", "uploader_name": None})).html)
    assert "New document uploaded by Someone" in page.lines


def test_a_mail_about_one_file_alone() -> None:
    mail = immediate(uploaded("a.pdf"))
    assert mail.preheader == "Ann Actor uploaded a.pdf to Tower."
    assert "New Document" in read(mail.html).lines
