"""The loopback Resend as a process of its own."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from pipeline.domain.webhook_signature import SigningSecret, verify
from tests.deadline import wait_until
from tests.local.resend.application import application

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of an example
MAIL: Final = {"from": "a@acme.dev", "to": "bounced@resend.dev", "subject": "x", "text": "y"}


def test_it_keeps_mails_tells_of_them_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.resend", "--folder", str(tmp_path)]
    with application() as (url, got):
        command += ["--webhook-url", url, "--webhook-secret", SECRET]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = dict(word.split("=") for word in process.stdout.readline().split())
            headers = {"Authorization": f"Bearer {said['RESEND_API_KEY']}"}
            with httpx2.Client(trust_env=False, headers=headers) as client:
                answer = client.post(f"{said['RESEND_BASE_URL']}/emails", json=MAIL)
            assert answer.status_code == 200
            wait_until(lambda: len(got) == 2, seconds=20, what="two events arrive")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
    [own] = tmp_path.iterdir()
    assert own.name.endswith(answer.json()["id"])
    assert (own / "mail.txt").read_text() == "y"
    told = [json.loads(body) for _, body in got]
    assert [each["type"] for each in told] == ["email.sent", "email.bounced"]
    for signed, body in got:
        verify(body, signed, secrets=[SigningSecret.parse(SECRET)], now=datetime.now(UTC))


def test_a_webhook_needs_a_secret() -> None:
    command = [sys.executable, "-m", "local.resend", "--webhook-url", "http://127.0.0.1:1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "pass both --webhook-url and --webhook-secret" in ended.stderr
