"""The sinks that an operator configured. One that is configured wrongly says so when it is to deliver, and stops nothing else."""

from collections.abc import Callable
from datetime import datetime

from integration_pipelines.alerting.email import Mail, MailServer
from integration_pipelines.alerting.pagerduty import EVENTS, PagerDuty
from integration_pipelines.alerting.sink_config import SinkConfig
from integration_pipelines.alerting.slack import API, SlackBot, SlackWebhook
from integration_pipelines.alerting.webhook import SignedWebhook
from integration_pipelines.core.alerts import Alert, AlertEvent
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.alerts import AlertSink, NotArrived


class Misconfigured(AlertSink):
    """In place of a sink that cannot be made: keeps its messages waiting, with the reason beside them."""

    def __init__(self, name: str, error: ConfigError) -> None:
        self.name = name
        self.trouble = str(error)

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> NotArrived:
        """Never."""
        del alert, event, at
        return NotArrived(self.trouble)


def sinks_of(config: SinkConfig) -> list[AlertSink]:
    """Every wanted sink."""
    makers: dict[str, Callable[[], AlertSink]] = {
        "slack": lambda: _slack(config),
        "email": lambda: _mail(config),
        "webhook": lambda: SignedWebhook(config.webhook_url, config.webhook_secret),
        "pagerduty": lambda: PagerDuty(config.pagerduty_key, config.pagerduty_url or EVENTS),
    }
    return [_made(name, makers[name]) for name in config.names]


def _slack(config: SinkConfig) -> AlertSink:
    if config.slack_webhook_url:
        return SlackWebhook(config.slack_webhook_url)
    if not config.slack_channel:
        raise ConfigError("A Slack token is configured, and no channel.", remedy="Name the channel, or use a webhook instead.")
    return SlackBot(config.slack_token, config.slack_channel, config.slack_api or API)


def _mail(config: SinkConfig) -> AlertSink:
    server = MailServer(config.smtp_host, config.smtp_port, config.smtp_security, config.smtp_user, config.smtp_password)
    return Mail(server, config.mail_from, config.mail_to)


def _made(name: str, make: Callable[[], AlertSink]) -> AlertSink:
    try:
        return make()
    except ConfigError as error:
        return Misconfigured(name, error)
