"""Stripe's deliveries: one event a request, signed `t=…,v1=…`, to the endpoints that the account registered through the API."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Sequence

import orjson

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.sandbox.webhooks.lines import ALL_ACCOUNTS, Line, Message, Parcel, Registrar
from integration_pipelines.sandbox.webhooks.outbound import Outbound

LIVE_GAPS = (300, 1_800, 7_200, 18_000, 36_000, 36_000, 43_200, 43_200, 43_200)  # about three days
TEST_GAPS = (600, 3_600, 14_400)  # some hours
ROLL_SECONDS = 86_400.0
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Accept": "*/*; q=0.5, application/xml",
    "Cache-Control": "no-cache",
}


class StripeLine(Line):
    """One webhook endpoint of an account; its address, secret and state are read anew for every request."""

    partner = "stripe"

    def __init__(self, account: StripeAccount, endpoint_id: str) -> None:
        self.account = account
        self.endpoint_id = endpoint_id
        self.old_secrets: list[tuple[str, float]] = []
        """Replaced secrets and until when (seconds since the epoch) deliveries are signed with them as well."""

    def record(self) -> Json:
        """The endpoint as the account holds it, {} once it is deleted."""
        return self.account.endpoint(self.endpoint_id) or {}

    def address(self) -> str:
        """The endpoint's address."""
        return str(self.record().get("url", ""))

    def wanted(self) -> bool:
        """Disabling or deleting an endpoint ends its deliveries."""
        return self.record().get("status") == "enabled"

    def compose(self, parcels: Sequence[Parcel], at: float) -> Message:
        """Pretty JSON, as Stripe writes it; one signature for the secret and one for each that was replaced lately."""
        body = orjson.dumps(parcels[0].event, option=orjson.OPT_INDENT_2)
        valid = [str(self.record().get("secret", "")), *(secret for secret, until in self.old_secrets if until > at)]
        return Message(body, {**_HEADERS, "Stripe-Signature": signature(body, valid, at)})

    def gap(self, attempt: int) -> float | None:
        """Three days of tries for a live account, some hours for a test one."""
        gaps = LIVE_GAPS if self.account.store.livemode else TEST_GAPS
        return gaps[attempt - 1] if attempt <= len(gaps) else None

    def taken(self, parcel: Parcel) -> None:
        """The event is no longer pending here."""
        self.account.mark_delivered(parcel.event_id, self.endpoint_id)


def signature(body: bytes, valid: Iterable[str], at: float) -> str:
    """The header: HMAC-SHA256 over time and raw body, once for every secret."""
    stamp = str(int(at))
    signed = [hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() for secret in valid]
    return ",".join([f"t={stamp}", *(f"v1={one}" for one in signed)])


class StripeWebhooks(Registrar):
    """The endpoints of all Stripe accounts of a sandbox; listens to every account from the start."""

    partner = "stripe"

    def __init__(self, accounts: Sequence[StripeAccount], outbound: Outbound) -> None:
        self._accounts = accounts
        self._outbound = outbound
        self._lines: dict[str, StripeLine] = {}
        for account in accounts:
            account.on_event(self._teller(account))

    def listed(self) -> list[Json]:
        """As the accounts hold them, secrets included."""
        return [_shown(account, record) for account in self._accounts for record in account.endpoints()]

    def register(self, account: str, url: str, secret: str) -> list[Json]:
        """One endpoint for every event in each chosen account; an old secret signs along for a day."""
        return [self._one(chosen, url, secret) for chosen in self._chosen(account)]

    def remove(self, account: str, url: str) -> int:
        """Delete the endpoints."""
        gone = 0
        for chosen in self._chosen(account or ALL_ACCOUNTS):
            for record in chosen.endpoints():
                if url in {"", record["url"]}:
                    chosen.write("webhook_endpoints", "delete", record["id"], Call(actor="person"))
                    gone += 1
        return gone

    def _teller(self, account: StripeAccount) -> Callable[[Json], None]:
        def tell(event: Json) -> None:
            for endpoint in account.endpoints_for(event["type"]):
                line = self._line(account, endpoint["id"])
                self._outbound.send(line, Parcel(account.account, event["type"], event["id"], event))

        return tell

    def _one(self, account: StripeAccount, url: str, secret: str) -> Json:
        new = secret or f"whsec_{secrets.token_hex(16)}"
        known = next((record for record in account.endpoints() if record["url"] == url), None)
        if known is None:
            call = Call({"url": url, "enabled_events": ["*"]}, actor="person")
            known = account.write("webhook_endpoints", "create", "", call).body
        elif known["secret"] != new:
            self._line(account, known["id"]).old_secrets.append((known["secret"], time.time() + ROLL_SECONDS))
        return _shown(account, account.replace_secret(known["id"], new))

    def _line(self, account: StripeAccount, endpoint_id: str) -> StripeLine:
        return self._lines.setdefault(endpoint_id, StripeLine(account, endpoint_id))

    def _chosen(self, name: str) -> list[StripeAccount]:
        found = [account for account in self._accounts if name in {ALL_ACCOUNTS, account.account}]
        if not found:
            raise PartnerRefusalError(404, "unknown", "There is no such account here.")
        return found


def _shown(account: StripeAccount, record: Json) -> Json:
    return {"partner": "stripe", "account": account.account, **{name: record[name] for name in ("id", "url", "secret", "status")}}
