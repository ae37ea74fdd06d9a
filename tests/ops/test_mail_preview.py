"""Previews: every type of mail for people of the sample, and the files of them."""

from pathlib import Path

import pytest

from pipeline.domain.errors import UsageError
from pipeline.mail.brand import Brand
from pipeline.ops.mail.preview import mail_types, preview_mails
from pipeline.ops.mail.write import write_previews
from pipeline.ops.sample.mails import SAMPLE_BRAND
from tests.mail.page import read


def test_every_type_has_a_preview() -> None:
    assert [each.type for each in preview_mails(SAMPLE_BRAND)] == mail_types()


def test_each_mail_goes_to_the_person_whom_its_event_names() -> None:
    found = {each.type: each for each in preview_mails(SAMPLE_BRAND)}
    assert found["chat_thread_participant_added"].person == "ruth"
    assert found["project_access_granted"].person == "priya"
    assert found["project_access_granted"].mail.text.startswith("Hi Priya,\n\nYou now have view ")


def test_a_preview_may_be_of_one_type_for_one_person() -> None:
    [preview] = preview_mails(SAMPLE_BRAND, "digest", "maya")
    assert preview.person == "maya"
    assert preview.mail.text.startswith("Your Harborline Updates\n\nHey Maya,")


def test_a_person_without_a_name_is_greeted_too() -> None:
    [preview] = preview_mails(SAMPLE_BRAND, "magic_link", "analyst")
    assert preview.mail.text.startswith("Hi there,")


def test_the_digest_shows_several_projects_with_links_of_the_brand() -> None:
    [preview] = preview_mails(Brand(name="Acme", base_url="https://acme.example/"), "digest")
    page = read(preview.mail.html)
    projects = ("Harbor Point Residences", "Mill Street Lofts", "Cedar Ridge Townhomes")
    assert [name for name in projects if name not in page.lines] == []
    ours = ("https://acme.example/", "https://notify.harborline.example/unsubscribe/")
    assert [target for target, _ in page.links if not target.startswith(ours)] == []


def test_a_type_or_a_person_that_is_none_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="invalid type 'welcome': expected chat_thread_"):
        preview_mails(SAMPLE_BRAND, "welcome")
    with pytest.raises(UsageError, match="invalid person 'eve': expected maya, "):
        preview_mails(SAMPLE_BRAND, person="eve")


def test_each_preview_is_two_files(tmp_path: Path) -> None:
    previews = preview_mails(SAMPLE_BRAND, "magic_link")
    for _ in range(2):
        [written] = write_previews(previews, tmp_path / "new" / "folder")
    assert Path(written.html).read_text("utf-8") == previews[0].mail.html
    assert Path(written.text).read_text("utf-8") == previews[0].mail.text
    assert written.subject == "Sign in to Harborline"


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write to .*file"):
        write_previews([], tmp_path / "file")
