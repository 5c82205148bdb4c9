"""All accounts of one sandbox: who exists, which token opens what, the faults switched on, and who is told of changes. No HTTP here."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from integration_pipelines.partner_models.base import Faults, PartnerAccount
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.app import HubSpotApp
from integration_pipelines.partner_models.hubspot.limits import PROFESSIONAL
from integration_pipelines.partner_models.pagerduty import account as pagerduty
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.pagerduty.limits import PER_MINUTE
from integration_pipelines.partner_models.seeds.support import Support, seed_support
from integration_pipelines.partner_models.seeds.world import Seeded, seed_tenant
from integration_pipelines.partner_models.slack.account import SlackAccount
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.limits import LIVE_RATES
from integration_pipelines.partner_models.zendesk import account as zendesk
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.partner_models.zendesk.limits import RateLimits
from integration_pipelines.sandbox.webhooks.hubspot import HubSpotWebhooks
from integration_pipelines.sandbox.webhooks.lines import Registrar
from integration_pipelines.sandbox.webhooks.outbound import HURRY, Outbound
from integration_pipelines.sandbox.webhooks.pagerduty import PagerDutyWebhooks
from integration_pipelines.sandbox.webhooks.stripe import StripeWebhooks
from integration_pipelines.sandbox.webhooks.zendesk import ZendeskWebhooks

A = TypeVar("A", bound=PartnerAccount)
_TOKEN_STEP = 7919  # any odd step keeps tokens of neighbouring tenants unlike


class World:
    """The partners' accounts of so many tenants, the same for the same seed and moment.

    Args:
        tenants: how many.
        customers: billing customers each.
        seed: the world's number.
        now: seconds since the epoch at which the seeds were true; once they are made the clock goes on from there in real time.
        search_lag: how far the partners' search indexes are behind, in seconds.
        rate_limits: whether the partners' limits hold; benchmarks switch them off.
        hurry: how many times quicker than their partners refused webhooks are tried again.
        tickets: support tickets each; without any a tenant has neither a support desk nor incidents nor a chat.
    """

    def __init__(  # noqa: PLR0913 - what makes one world unlike another
        self,
        *,
        tenants: int,
        customers: int,
        seed: int,
        now: float,
        search_lag: float = 1.0,
        rate_limits: bool = True,
        hurry: float = HURRY,
        tickets: int = 0,
    ) -> None:
        self.rate_limits = rate_limits
        self.faults = Faults()
        self.accounts: list[PartnerAccount] = []
        self._now = now
        self._started: float | None = None
        for number in range(1, tenants + 1):
            name = f"tenant-{number}"
            crm = HubSpotAccount(
                tenant=name, account=str(40_000_000 + seed * 1_000 + number), token=_token("pat-na1", seed, number), now=self.now,
                search_lag=search_lag, rate_limits=PROFESSIONAL if rate_limits else None,
            )  # fmt: skip
            billing = StripeAccount(
                tenant=name, account=f"acct_{seed:04d}{number:06d}", token=_token("rk_test", seed, number), now=self.now,
                livemode=False, search_lag=search_lag, rate_limits=LIVE_RATES if rate_limits else None,
            )  # fmt: skip
            seed_tenant(Seeded(crm=crm, billing=billing), number=number, customers=customers, seed=seed, now=now)
            self.accounts += [crm, billing]
            if tickets:
                support = self._support(number, seed, search_lag, limited=rate_limits)
                seed_support(support, number=number, tickets=tickets, seed=seed, now=now)
                self.accounts += [support.desk, support.pager, support.chat]
        self._by_token = {a.token: a for a in self.accounts}
        self.hubspot_app = HubSpotApp(self.now, client_secret=_token("secret", seed, 0), developer_key=_token("hapikey", seed, 0))
        self.outbound = Outbound(self.faults, hurry=hurry)
        self.registrars: Sequence[Registrar] = (
            StripeWebhooks(self._of(StripeAccount), self.outbound),
            HubSpotWebhooks(self.hubspot_app, self._of(HubSpotAccount), self.outbound),
            ZendeskWebhooks(self._of(ZendeskAccount), self.outbound),
            PagerDutyWebhooks(self._of(PagerDutyAccount), self.outbound),
        )
        self._started = time.monotonic()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Time passes for the accounts, and their webhooks are delivered."""
        with self.outbound.running(self._pass_time):
            yield

    def now(self) -> float:
        """Seconds since the epoch; the clock stands still while the world is made, so that a seed makes the same world again."""
        return self._now if self._started is None else self._now + time.monotonic() - self._started

    def finder(self, kind: type[A]) -> Callable[[str], A | None]:
        """Look an account of a partner up by its token."""

        def find(token: str) -> A | None:
            account = self._by_token.get(token)
            return account if isinstance(account, kind) else None

        return find

    def find_hook(self, path: str) -> SlackAccount | None:
        """Look a workspace up by what follows `/services/` in the address of its incoming webhook."""
        chats = (account for account in self.accounts if isinstance(account, SlackAccount))
        return next((chat for chat in chats if chat.hook_path == path), None)

    def account(self, partner: str, account: str) -> PartnerAccount | None:
        """By partner and account id."""
        return next((a for a in self.accounts if a.partner == partner and a.account == account), None)

    def _of(self, kind: type[A]) -> list[A]:
        return [account for account in self.accounts if isinstance(account, kind)]

    def _pass_time(self) -> None:
        """Renewals, trial ends and planned cancellations happen when they are due."""
        for account in self.accounts:
            account.pass_time()

    def _support(self, number: int, seed: int, lag: float, *, limited: bool) -> Support:
        tenant, place = f"tenant-{number}", f"{seed}-{number}"
        desk = ZendeskAccount(
            tenant=tenant, account=f"desk-{place}", token=_token("zd", seed, number), now=self.now,
            plan=zendesk.Plan(limits=RateLimits() if limited else None, export_lag=lag),
        )  # fmt: skip
        pager = PagerDutyAccount(
            tenant=tenant, account=f"pager-{place}", token=_token("u+pd", seed, number), now=self.now,
            plan=pagerduty.Plan(per_minute=PER_MINUTE if limited else None),
        )  # fmt: skip
        chat = SlackAccount(
            tenant=tenant, account=f"T{seed:04d}{number:05d}", token=_token("xoxb", seed, number), now=self.now, limited=limited
        )
        return Support(desk, pager, chat)


def _token(prefix: str, seed: int, number: int) -> str:
    """A token that looks like the partner's and opens nothing but this sandbox."""
    return f"{prefix}_sandbox_{seed:04x}{number * _TOKEN_STEP:012x}"
