"""How the modelled desk, pager and chat behave: their limits, refusals and quirks, and what is seeded into them."""

from collections.abc import Callable

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.pagerduty.account import Plan as PagerPlan
from integration_pipelines.partner_models.pagerduty.listing import Asked as PagerAsked
from integration_pipelines.partner_models.seeds.words import shares
from integration_pipelines.partner_models.slack.account import HOOK_CHANNEL, SlackAccount
from integration_pipelines.partner_models.zendesk.account import Plan as DeskPlan
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.partner_models.zendesk.exporting import Asked
from integration_pipelines.partner_models.zendesk.limits import RateLimits
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.kit.stripe_sandbox import START, Clock
from integration_pipelines_tests.kit.support import escalations_of

NEW = {"type": "incident", "title": "T", "incident_key": "k", "service": {"id": "PS", "type": "service_reference"}}


@pytest.fixture
def clock() -> Clock:
    """A clock that moves only when told."""
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> ZendeskAccount:
    """A desk with one ticket."""
    made = ZendeskAccount(tenant="t", account="acme", token="x", now=clock)
    made.insert("tickets", {"id": 1, "subject": "One", "tags": ["b"]})
    made.insert(
        "ticket_fields", {"id": 9, "title": "Sev", "type": "tagger", "custom_field_options": [{"name": "One", "value": "one"}]}
    )
    return made


@pytest.fixture
def pager(clock: Clock) -> PagerDutyAccount:
    """A pager with one service."""
    made = PagerDutyAccount(tenant="t", account="acme", token="x", now=clock)
    made.insert("services", {"id": "PS", "name": "Support"})
    return made


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    """Status and code of a refusal."""
    with pytest.raises(PartnerRefusalError) as refused:
        call()
    return refused.value.status, refused.value.code


def test_an_update_that_changes_nothing_leaves_no_trace(desk: ZendeskAccount, clock: Clock) -> None:
    """No audit, the same `updated_at`, an effect that says so."""
    clock.at += 60
    before = desk.state()
    desk.update_ticket(1, {"subject": "One", "tags": ["B"]})
    assert desk.state() == before
    assert [effect.changed for effect in desk.effects] == [False]


def test_tags_are_kept_in_zendesk_s_way(desk: ZendeskAccount) -> None:
    """In small letters, each once, sorted; a blank inside one makes two of it."""
    assert desk.update_ticket(1, {"tags": ["Web", "a b", "web"]})["ticket"]["tags"] == ["a", "b", "web"]


@pytest.mark.parametrize(
    ("stamp", "wins"),
    [("2026-11-23T00:00:09Z", False), ("2026-11-23T00:00:10Z", True), ("2026-11-23T00:00:11Z", True), ("never", False)],
)
def test_a_safe_update_needs_a_stamp_that_is_not_older_than_the_ticket(
    desk: ZendeskAccount, clock: Clock, stamp: str, wins: bool
) -> None:
    """Whole seconds count; without a stamp, or with one that is no time, it is refused as a bad request."""
    clock.at += 10
    desk.update_ticket(1, {"subject": "Changed"})
    body = {"subject": "Ours", "safe_update": True, "updated_stamp": stamp}
    if wins:
        assert desk.update_ticket(1, body)["ticket"]["subject"] == "Ours"
    else:
        assert refusal(lambda: desk.update_ticket(1, body))[0] == (400 if stamp == "never" else 409)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"priority": "asap"}, 422),
        ({"custom_fields": [{"id": 9, "value": "two"}]}, 422),
        ({"custom_fields": {"9": "one"}}, 400),
        ({"tags": "one two"}, 400),
        ({"comment": {"body": " "}}, 422),
    ],
)
def test_values_that_a_ticket_does_not_take_change_nothing(desk: ZendeskAccount, body: Json, status: int) -> None:
    """Not even the part of the update that would have been right."""
    before = desk.state()
    assert refusal(lambda: desk.update_ticket(1, {"subject": "New", **body}))[0] == status
    assert desk.state() == before


def test_the_export_leaves_out_the_last_minute_and_tells_of_the_trash(desk: ZendeskAccount, clock: Clock) -> None:
    """A change appears once it is a minute old; a deleted ticket is told as deleted, and answers no more."""
    clock.at += 120
    desk.edit("tickets", "1", {"deleted": True})
    start = str(int(clock.at) - 60)
    assert desk.export(Asked(start=start))["tickets"] == []
    clock.at += 60
    assert [one["status"] for one in desk.export(Asked(start=start))["tickets"]] == ["deleted"]
    assert refusal(lambda: desk.get_ticket(1)) == (404, "RecordNotFound")
    assert desk.show_many([1])["tickets"] == []


def test_the_export_s_cursor_goes_on_where_it_ended(desk: ZendeskAccount, clock: Clock) -> None:
    """Page by page, and again later from the last cursor; a start in the last minute and a strange cursor are refused."""
    for number in range(2, 8):
        desk.insert("tickets", {"id": number, "subject": str(number)})
    clock.at += 120
    first = desk.export(Asked(start="1", limit=4))
    second = desk.export(Asked(cursor=first["after_cursor"], limit=4))
    assert [[one["id"] for one in page["tickets"]] for page in (first, second)] == [[1, 2, 3, 4], [5, 6, 7]]
    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)
    desk.update_ticket(2, {"subject": "Again"})
    clock.at += 120
    assert [one["id"] for one in desk.export(Asked(cursor=second["after_cursor"]))["tickets"]] == [2]
    assert refusal(lambda: desk.export(Asked(start=str(int(clock.at))))) == (422, "StartTimeTooRecent")
    assert refusal(lambda: desk.export(Asked(cursor="zzz")))[0] == 400


def test_the_desk_s_limits_hold(clock: Clock) -> None:
    """So many requests a minute, fewer exports, and so many updates of one ticket in ten minutes."""
    desk = ZendeskAccount(tenant="t", account="a", token="x", now=clock, plan=DeskPlan(limits=RateLimits(50, 10, 30)))
    for _ in range(10):
        desk.admit(export=True)
    assert refusal(lambda: desk.admit(export=True)) == (429, "TooManyRequests")
    for _ in range(30):
        desk.admit(ticket="1")
    assert refusal(lambda: desk.admit(ticket="1"))[0] == 429
    assert desk.admit(ticket="2")["X-Rate-Limit-Remaining"] == "9"
    clock.at += 61
    assert desk.admit(export=True)["X-Rate-Limit-Remaining"] == "49"


def test_a_key_is_taken_while_its_incident_is_open(pager: PagerDutyAccount) -> None:
    """Afterwards PagerDuty would take it again, and on another service it always does."""
    made = pager.create_incident({"incident": NEW}, "")["incident"]
    assert refusal(lambda: pager.create_incident({"incident": NEW}, "")) == (400, "2001")
    pager.insert("services", {"id": "PX", "name": "Other"})
    pager.create_incident({"incident": {**NEW, "service": {"id": "PX"}}}, "")
    pager.edit("incidents", made["id"], {"status": "resolved"})
    assert pager.create_incident({"incident": NEW}, "")["incident"]["id"] != made["id"]


@pytest.mark.parametrize(
    "query",
    [{"offset": ["9950"], "limit": ["100"]}, {"since": ["2026-01-01T00:00:00Z"]}, {"limit": ["101"]}, {"sort_by": ["title"]}],
)
def test_the_list_refuses_what_pagerduty_refuses(pager: PagerDutyAccount, query: dict[str, list[str]]) -> None:
    """Beyond ten thousand, over more than half a year, more than a hundred a page, in an order that there is not."""
    assert refusal(lambda: pager.list_incidents(PagerAsked(query))) == (400, "2001")


def test_without_a_range_the_list_tells_of_a_month(pager: PagerDutyAccount) -> None:
    """Older incidents come when all are asked for."""
    pager.insert("incidents", {"title": "Old", "created_at": "2026-01-01T00:00:00Z"})
    assert pager.list_incidents(PagerAsked({}))["incidents"] == []
    assert len(pager.list_incidents(PagerAsked({"date_range": ["all"]}))["incidents"]) == 1


def test_the_pager_s_limit_and_its_headers(clock: Clock) -> None:
    """The reply says how many are left and when the window ends; beyond it 429 with code 2020."""
    pager = PagerDutyAccount(tenant="t", account="a", token="x", now=clock, plan=PagerPlan(per_minute=2))
    assert pager.admit() == {"ratelimit-limit": "2", "ratelimit-remaining": "1", "ratelimit-reset": "60"}
    pager.admit()
    assert refusal(pager.admit) == (429, "2020")


def test_the_chat_takes_one_message_a_second_and_channel(clock: Clock) -> None:
    """A short burst, then one for each second; other channels are not slowed."""
    chat = SlackAccount(tenant="t", account="T1", token="xoxb-1", now=clock)
    chat.insert("channels", {"id": "C2", "name": "other"})
    for _ in range(4):
        chat.post_by_hook({"text": "x"})
    assert refusal(lambda: chat.post_by_hook({"text": "x"})) == (429, "rate_limited")
    chat.post({"channel": "other", "text": "x"})
    clock.at += 1
    chat.post_by_hook({"text": "x"})
    assert [one["channel"] for one in chat.state()["messages"]].count(HOOK_CHANNEL) == 5


def test_seeded_desks_are_the_same_again_and_hold_every_kind() -> None:
    """The same seed and moment make the same desk; each kind of ticket occurs, most are plain, and nothing counts as written."""
    one, again, other = (World(tenants=1, customers=1, seed=seed, now=START, tickets=200) for seed in (3, 3, 4))
    assert [a.state() for a in one.accounts] == [a.state() for a in again.accounts]
    assert one.accounts[2].state() != other.accounts[2].state()
    state = one.accounts[2].state()
    found = escalations_of(state)
    assert len(state["tickets"]) == 200
    assert {record["seq"] for record in found.values()} == {1, 2}
    assert {record["status"] for record in found.values()} == {"open", "solved", "closed"}
    assert len(found) > 200 * shares("ticket")["escalated"] / 1000
    assert [effect for account in one.accounts for effect in account.effects] == []
