"""``mail preview`` as a command: without a database, in the brand of the environment."""

import json
from pathlib import Path

from tests.test_command_line import command


def test_previews_are_written_and_their_paths_printed_without_a_database(tmp_path: Path) -> None:
    done = command("mail", "preview", "--folder", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Sign in to Harborline, to tomas" in done.stdout
    assert str(tmp_path / "digest.html") in done.stdout
    assert "<html" in (tmp_path / "digest.html").read_text("utf-8")


def test_a_program_gets_one_object_and_the_brand_is_that_of_the_environment(tmp_path: Path) -> None:
    brand = {"BRAND_NAME": "Acme", "BRAND_URL": "https://acme.example/x"}
    given = ("--type", "magic_link", "--person", "maya", "--folder", str(tmp_path), "--json")
    done = command("mail", "preview", *given, **brand)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "mails": [
            {
                "type": "magic_link",
                "person": "maya",
                "subject": "Sign in to Acme",
                "preheader": "Your link to sign in works for 24 hours.",
                "html": str(tmp_path / "magic_link.html"),
                "text": str(tmp_path / "magic_link.txt"),
            }
        ]
    }
    assert "https://acme.example/auth/confirm" in (tmp_path / "magic_link.txt").read_text("utf-8")


def test_half_a_brand_is_one_line_that_says_what_is_missing(tmp_path: Path) -> None:
    done = command("mail", "preview", "--folder", str(tmp_path), BRAND_NAME="Acme")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "pipeline mail: not set: BRAND_URL; mails need the name and the address of your site\n"
    )
