"""Alerts by e-mail, handed to a real SMTP server."""

import email
import ssl
from email.policy import default
from pathlib import Path

import pytest

from integration_pipelines.alerting.email import Mail, MailServer
from integration_pipelines.core.alerts import AlertEvent
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.alerts import Arrived, NotArrived
from integration_pipelines_tests.faults.http.test_line import certificate
from integration_pipelines_tests.unit.alerting.alerts import ALERT, NOW, OVER
from integration_pipelines_tests.unit.alerting.listening import mail_server


def mail_to(port: int, *recipients: str) -> Mail:
    """A sink that hands in at a server on this machine."""
    return Mail(MailServer("127.0.0.1", port, "none"), "alerts@example.com", recipients or ("ops@example.com",))


def test_a_mail_is_plain_text_to_its_recipients_alone() -> None:
    """Nothing in an alert becomes HTML, a header or another recipient."""
    with mail_server() as server:
        assert mail_to(server.port, "a@example.com", "b@example.com").deliver(ALERT, AlertEvent.OPENED, NOW) == Arrived()
    (raw,) = server.mails
    mail = email.message_from_bytes(raw, policy=default)
    assert (mail.get_content_type(), mail.is_multipart(), mail["Bcc"]) == ("text/plain", False, None)
    assert (mail["Subject"], mail["To"]) == ("The last sync failed: t1 (crm_billing)", "a@example.com, b@example.com")
    assert "What to do: Correct it, then: integration-pipelines sync t1" in mail.get_content()
    assert [c for c in server.commands if c.startswith("rcpt")] == ["rcpt TO:<a@example.com>", "rcpt TO:<b@example.com>"]


def test_the_mails_about_one_alert_are_one_thread() -> None:
    """The end answers the beginning."""
    with mail_server() as server:
        mail_to(server.port).deliver(ALERT, AlertEvent.OPENED, NOW)
        mail_to(server.port).deliver(OVER, AlertEvent.CLOSED, NOW)
    first, last = (email.message_from_bytes(raw, policy=default) for raw in server.mails)
    assert last["In-Reply-To"] == first["Message-ID"]
    assert last["Subject"] == "Over: The last sync failed: t1 (crm_billing)"


@pytest.mark.parametrize(
    ("refuse", "again"),
    [
        ("RCPT 450 later", True),
        ("RCPT 550 nobody", False),
        ("MAIL 421 busy", True),
        ("DATA 554 no", False),
    ],
)
def test_what_a_refusal_means(refuse: str, again: bool) -> None:
    """4xx is tried again, 5xx about the message is not, and no address is in the reason."""
    with mail_server(refuse=refuse) as server:
        result = mail_to(server.port).deliver(ALERT, AlertEvent.OPENED, NOW)
    assert isinstance(result, NotArrived)
    assert (result.again, "@" in result.reason) == (again, False)


def test_a_server_without_starttls_gets_nothing() -> None:
    """No fall-back to plain text: neither mail nor password is sent."""
    with mail_server() as server:
        sink = Mail(MailServer("127.0.0.1", server.port, "starttls", "user", "secret"), "a@example.com", ("b@example.com",))
        result = sink.deliver(ALERT, AlertEvent.OPENED, NOW)
    assert isinstance(result, NotArrived)
    assert (server.mails, [c for c in server.commands if "AUTH" in c.upper() or "MAIL" in c.upper()]) == ([], [])


@pytest.mark.parametrize("trusted", [True, False])
def test_mail_and_password_go_through_a_trusted_line_only(tmp_path: Path, trusted: bool) -> None:
    """With STARTTLS everything after it is encrypted; a certificate that nobody vouches for ends it before the password."""
    chain, key = certificate(tmp_path, "localhost", days=30)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(chain, key)
    known = ssl.create_default_context(cafile=str(chain) if trusted else None)
    with mail_server(tls=offered) as server:
        place = MailServer("localhost", server.port, "starttls", "user", "secret", known)
        result = Mail(place, "a@example.com", ("b@example.com",)).deliver(ALERT, AlertEvent.OPENED, NOW)
    verbs = [c.partition(" ")[0].upper() for c in server.commands]
    assert (isinstance(result, Arrived), "AUTH" in verbs, len(server.mails)) == (trusted, trusted, int(trusted))
    assert not trusted or verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")


@pytest.mark.parametrize(
    ("host", "security", "sender", "recipient"),
    [
        ("mail.example.com", "none", "a@example.com", "b@example.com"),
        ("127.0.0.1", "none", "a@example.com", "b@example.com\r\nBcc: c@example.com"),
        ("127.0.0.1", "none", "a@example.com", "nobody"),
        ("127.0.0.1", "none", "", "b@example.com"),
        ("127.0.0.1", "often", "a@example.com", "b@example.com"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(host: str, security: str, sender: str, recipient: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError):
        Mail(MailServer(host, 25, security), sender, (recipient,))
