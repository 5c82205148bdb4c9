"""E-mail over SMTP: plain text, no HTML; STARTTLS or TLS unless the server is this very machine."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from integration_pipelines.alerting.http import SECONDS, stays_here
from integration_pipelines.alerting.words import headline, parts
from integration_pipelines.core.alerts import Alert, AlertEvent
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.alerts import AlertSink, Arrived, NotArrived

_PASSING = range(400, 500)
"""Codes by which a server says: later."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `security`: starttls, tls, or none, which is for this machine only."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = ""
    context: ssl.SSLContext | None = None  # another one than the machine's is for servers of one's own


class Mail(AlertSink):
    """One mail to all recipients; the mails about one alert are one thread."""

    name = "email"

    def __init__(self, server: MailServer, sender: str, recipients: tuple[str, ...]) -> None:
        if server.security not in {"starttls", "tls"} and not (server.security == "none" and stays_here(server.host)):
            remedy = "Use starttls or tls; none is for a server on this machine."
            raise ConfigError("Mail would leave this machine unencrypted.", remedy=remedy)
        if not recipients or not all(_is_address(a) for a in (sender, *recipients)):
            raise ConfigError("Alerts by e-mail need a sender and recipients.", remedy="Write addresses such as ops@example.com.")
        self._server = server
        self._sender = sender
        self._recipients = recipients

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """One mail; the server has taken it when this returns `Arrived`."""
        try:
            mail = self._mail(alert, event, at)
            with self._connected() as smtp:
                smtp.send_message(mail, self._sender, list(self._recipients))
        except smtplib.SMTPAuthenticationError:
            return NotArrived("The mail server does not accept user and password.")
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            return NotArrived(f"The mail server refuses every recipient ({_codes(codes)}).", again=bool(codes & set(_PASSING)))
        except smtplib.SMTPResponseException as error:
            return NotArrived(f"The mail server answered {error.smtp_code}.", again=error.smtp_code in _PASSING)
        except (smtplib.SMTPException, MessageError, OSError, ValueError) as error:  # their own words may quote addresses
            return NotArrived(f"The mail could not be handed in ({type(error).__name__}).")
        return Arrived()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        context = server.context or ssl.create_default_context()
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
        try:
            if server.security == "starttls":
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _mail(self, alert: Alert, event: AlertEvent, at: datetime) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        domain = self._sender.rpartition("@")[2]
        first = f"<{alert.alert_id}.opened@{domain}>"
        mail["From"], mail["To"] = self._sender, ", ".join(self._recipients)
        mail["Subject"] = headline(alert, event)
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = first if event is AlertEvent.OPENED else f"<{alert.alert_id}.{event}.{at:%Y%m%d%H%M%S}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
        if event is not AlertEvent.OPENED:
            mail["In-Reply-To"] = mail["References"] = first
        lines = [f"{label}: {text}" for label, text in parts(alert, event).items()]
        mail.set_content("\n\n".join([*lines, f"Look: {alert.finding.link}"]) + "\n")
        return mail


def _is_address(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    return bool(name and at and domain) and text.isprintable() and not set(text) & set(" ,;<>\"'()")


def _codes(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))
