"""HubSpot's deliveries: up to a hundred events a request, of all accounts of the app, signed with its client secret."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence

import orjson

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.app import HubSpotApp
from integration_pipelines.sandbox.webhooks.lines import ALL_ACCOUNTS, Line, Message, Parcel, Registrar
from integration_pipelines.sandbox.webhooks.outbound import Outbound

GAPS = (60, 300, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 18_000, 21_600)  # ten tries in about a day
_HEADERS = {"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) - WebHooks"}
_SPELT_OUT = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")", "%2A": "*",
              "%2C": ",", "%3B": ";"}  # fmt: skip
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


class HubSpotLine(Line):
    """The app's one target."""

    partner = "hubspot"
    most = 100
    linger = 0.05
    patience = 5.0

    def __init__(self, app: HubSpotApp) -> None:
        self.app = app

    def address(self) -> str:
        """The target address."""
        return self.app.target_url

    def lanes(self) -> int:
        """What the app's settings allow."""
        return self.app.lanes

    def wanted(self) -> bool:
        """Without a target nothing is sent."""
        return bool(self.app.target_url)

    def compose(self, parcels: Sequence[Parcel], at: float) -> Message:
        """An array of events, each with the number of tries before, signed in the third version and, as HubSpot does, in the first."""
        body = orjson.dumps([{**parcel.event, "attemptNumber": parcel.attempt} for parcel in parcels])
        secret, stamp = self.app.client_secret, str(int(at * 1000))
        signed = {
            "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Signature-v3": signature(self.address(), body, secret, stamp),
            "X-HubSpot-Request-Timestamp": stamp,
        }
        return Message(body, {**_HEADERS, **signed})

    def gap(self, attempt: int) -> float | None:
        """Ten tries, spread over a day."""
        return GAPS[attempt - 1] if attempt <= len(GAPS) else None


def signature(url: str, body: bytes, secret: str, stamp: str) -> str:
    """Version 3: base64 of HMAC-SHA256 over method, address with some escapes spelt out, raw body and milliseconds."""
    address = _ESCAPE.sub(lambda found: _SPELT_OUT.get(found[0].upper(), found[0]), url)
    message = b"POST" + address.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


class HubSpotWebhooks(Registrar):
    """The app's target; listens to every account from the start."""

    partner = "hubspot"

    def __init__(self, app: HubSpotApp, accounts: Sequence[HubSpotAccount], outbound: Outbound) -> None:
        self._app = app
        self._outbound = outbound
        self._line = HubSpotLine(app)
        for account in accounts:
            account.on_event(self._teller(account))

    def listed(self) -> list[Json]:
        """The one target, if it is set."""
        return [self._shown()] if self._app.target_url else []

    def register(self, account: str, url: str, secret: str) -> list[Json]:
        """Every change of every account goes to the address, without subscriptions."""
        if account != ALL_ACCOUNTS:
            raise PartnerRefusalError(
                400, "app_level", "HubSpot sends the events of all accounts of an app to one address; say account *."
            )
        self._app.configure({"targetUrl": url, "throttling": {"maxConcurrentRequests": self._app.lanes}})
        self._app.everything = True
        self._app.client_secret = secret or self._app.client_secret
        return [self._shown()]

    def remove(self, account: str, url: str) -> int:
        """Clear the target."""
        if account not in {"", ALL_ACCOUNTS} or url not in {"", self._app.target_url} or not self._app.target_url:
            return 0
        self._app.clear()
        return 1

    def _teller(self, account: HubSpotAccount) -> Callable[[Json], None]:
        def tell(event: Json) -> None:
            for told in self._app.told(event):
                kind, number = str(told["subscriptionType"]), str(told["eventId"])
                self._outbound.send(self._line, Parcel(account.account, kind, number, told))

        return tell

    def _shown(self) -> Json:
        app = self._app
        return {
            "partner": "hubspot",
            "account": ALL_ACCOUNTS,
            "id": str(app.app_id),
            "url": app.target_url,
            "secret": app.client_secret,
            "developer_key": app.developer_key,
            "everything": app.everything,
        }
