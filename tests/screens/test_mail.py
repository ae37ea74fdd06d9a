from pathlib import Path

from pipeline.ops.mail.preview import mail_types, preview_mails
from pipeline.ops.mail.write import write_previews
from pipeline.ops.sample.mails import SAMPLE_BRAND
from pipeline.screens.mail import page_of_previews
from tests.mail.page import read


def test_the_page_shows_all_previews_of_its_folder(tmp_path: Path) -> None:
    page = read(page_of_previews(write_previews(preview_mails(SAMPLE_BRAND), tmp_path)))
    shown = {value for name, value in page.attributes if name == "src"}
    assert shown == {f"{name}.html" for name in mail_types()}
    assert all((tmp_path / file).exists() for file in shown)
