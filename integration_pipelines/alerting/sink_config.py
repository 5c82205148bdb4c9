"""What an operator may configure of the sinks; nothing of it is loaded to say which ones are wanted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """What is configured; empty means not wanted."""

    slack_webhook_url: str = ""
    slack_token: str = ""
    slack_channel: str = ""
    slack_api: str = ""  # default: Slack's own
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    webhook_url: str = ""
    webhook_secret: str = ""
    pagerduty_key: str = ""
    pagerduty_url: str = ""  # default: PagerDuty's US address

    @property
    def names(self) -> tuple[str, ...]:
        """Of the wanted sinks, without making them."""
        wanted = {
            "slack": self.slack_webhook_url or self.slack_token,
            "email": self.smtp_host,
            "webhook": self.webhook_url,
            "pagerduty": self.pagerduty_key,
        }
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)
