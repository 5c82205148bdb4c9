"""Subscriptions to one customer view: status, MRR, currency, renewal and cancel date, all in SQL over whole numbers.

MRR follows Stripe's own definition (docs.stripe.com/billing/subscriptions/analytics/glossary): the monthly value of active and past
due subscriptions without trials, taxes and metered prices. Week and day factors are ours, since Stripe does not publish its own: a
month is 52/12 weeks and 365/12 days. Amounts are kept in 10^-12 minor units and rounded half away from zero once, at the end; a sum
is first rounded to 10^-9, so that thirds which add up to a half round as the half they are. What cannot be computed is null and never
nothing: an amount beyond measure, an interval of no length.
"""

from integration_pipelines.core.contract import Contract, Rollup
from integration_pipelines.core.sql import Sql, text, text_list

_MONTHLY = """CASE interval
  WHEN 'month' THEN CASE WHEN count = 1 THEN {amount} ELSE rdiv({amount}, count) END
  WHEN 'year' THEN rdiv({amount}, 12 * count)
  WHEN 'week' THEN rdiv({amount} * 13, 3 * count)
  WHEN 'day' THEN rdiv({amount} * 365, 12 * count)
END"""

# A discount in force, reduced to what the fold needs. `off` is monthly, in 10^-12 minor units, of its own currency only.
_FOLD_ONE = """CASE WHEN d.pct IS NOT NULL THEN rdiv(a.v * (1000000 - d.pct), 1000000)
  WHEN d.off IS NOT NULL AND a.v > 0 THEN greatest(a.v - d.off, 0::HUGEINT) ELSE a.v END"""


def _monthly(amount: str) -> str:
    return _MONTHLY.format(amount=amount)


def _in_force(discount: str, rollup: Rollup, now_text: str) -> str:
    running = f"({discount}.ends_at = '' OR {discount}.ends_at IS NULL OR {discount}.ends_at > {text(now_text)})"
    repeating = f"({discount}.duration = 'repeating' AND {running})" if rollup.repeating_discounts == "apply" else "false"
    return f"({discount}.duration = 'forever' OR {repeating})"


def _steps(discounts: str, chosen: str, rollup: Rollup, now_text: str) -> str:
    """A list expression of fold steps from those discounts that are in force and chosen, in their order."""
    pct = "CASE WHEN coalesce(d.percent_off, '') <> '' THEN pico(d.percent_off) // 100000000 END"
    own = "coalesce(d.amount_off, '') <> '' AND upper(d.currency) = currency"
    amount = f"CASE WHEN {own} THEN least(pico(d.amount_off), (10 ** 27)::HUGEINT) END"
    kept = f"list_filter(coalesce({discounts}, []), lambda d: {_in_force('d', rollup, now_text)} AND {chosen})"
    read = f"list_transform({kept}, lambda d: {{'pct': {pct}, 'amount': {amount}}})"  # before `_monthly` repeats it
    return f"list_transform({read}, lambda d: {{'v': 0::HUGEINT, 'pct': d.pct, 'off': {_monthly('d.amount')}}})"


def _fold(start: str, steps: str) -> str:
    first = f"{{'v': {start}, 'pct': NULL::HUGEINT, 'off': NULL::HUGEINT}}"
    return f"list_reduce({steps}, lambda a, d: {{'v': {_FOLD_ONE}, 'pct': NULL::HUGEINT, 'off': NULL::HUGEINT}}, {first}).v"


_SUBS = """SELECT tenant_id, record_id, observed_at, customer_id, status, upper(currency) AS currency, trial_end, ended_at, cancel_at, items,
    nullif(discounts, []) AS own_discounts, status IN {ended} AS ended, status IN {counted}{paused} AS counted,
    coalesce(cancel_at, '') <> '' OR lower(coalesce(cancel_at_period_end, '')) = 'true' AS ends
  FROM {subs}"""

# Only what the steps below need, so that no subscription is carried through them whole; tiers and discounts where there are any.
_ITEMS = """SELECT * EXCLUDE (bought), CASE WHEN package IS NULL THEN bought WHEN divide_round = 'up' THEN (bought + package - 1) // package
    ELSE bought // package END AS units
  FROM (SELECT * REPLACE (CASE WHEN package = 0 THEN NULL ELSE bought END AS bought, nullif(package, 0) AS package)
    FROM (SELECT s.* EXCLUDE (item, items, own_discounts), s.item.interval AS interval, s.item.product_id AS product_id,
        s.item.billing_scheme AS scheme, s.item.unit_amount AS unit_amount, s.item.divide_round AS divide_round,
        s.item.tiers_mode AS mode, CASE WHEN s.item.billing_scheme = 'tiered' THEN s.item.tiers END AS tiers,
        nullif(s.item.discounts, []) AS discounts, coalesce(s.own_discounts, c.discounts) AS shared,
        coalesce(TRY_CAST(s.item.quantity AS HUGEINT), 1) AS bought, TRY_CAST(s.item.divide_by AS HUGEINT) AS package,
        nullif(TRY_CAST(s.item.interval_count AS HUGEINT), 0) AS count, nullif(s.item.current_period_end, '') AS period_end,
        coalesce(s.item.interval, '') <> '' AND coalesce(s.item.usage_type, 'licensed') <> 'metered' AS charged
      FROM ({rows}) s LEFT JOIN (SELECT tenant_id, record_id, discounts FROM {customers} WHERE len(discounts) > 0) c
        ON c.tenant_id = s.tenant_id AND c.record_id = s.customer_id))"""
_UNUSUAL = "SELECT * FROM rollup_subs WHERE coalesce(len(items), 0) <> 1 OR items[1].billing_scheme = 'tiered'"
_SINGLE = "SELECT *, items[1] AS item, 1::BIGINT AS position FROM {subs} WHERE len(items) = 1"
_SEVERAL = "SELECT *, unnest(items) AS item, generate_subscripts(items, 1) AS position FROM rollup_unusual WHERE len(items) > 1"

_TIERS = """SELECT tenant_id, record_id, position, units, tier.unit_amount AS unit_amount, tier.flat_amount AS flat_amount,
    TRY_CAST(tier.up_to AS HUGEINT) AS up_to, mode
  FROM (SELECT tenant_id, record_id, position, units, mode, unnest(tiers) AS tier FROM ({tiered_singles}) WHERE tiers IS NOT NULL
    UNION ALL SELECT tenant_id, record_id, position, units, mode, unnest(tiers) FROM rollup_several WHERE tiers IS NOT NULL)"""

_TIERED = """SELECT tenant_id, record_id, position, CASE WHEN count(*) = count(part) THEN sum(part)::HUGEINT END AS amount FROM (
  SELECT *, within(CASE WHEN mode = 'graduated' THEN inside * unit12 + CASE WHEN inside > 0 THEN flat12 ELSE 0 END
      WHEN volume_tier THEN units * unit12 + flat12 ELSE 0 END) AS part
  FROM (SELECT *, coalesce(pico(nullif(unit_amount, '')), 0) AS unit12, coalesce(pico(nullif(flat_amount, '')), 0) AS flat12,
      greatest(least(units, coalesce(up_to, units)) - below, 0::HUGEINT) AS inside,
      (units > below OR below = 0) AND (up_to IS NULL OR units <= up_to) AS volume_tier
    FROM (SELECT *, coalesce(lag(up_to) OVER (PARTITION BY tenant_id, record_id, position ORDER BY up_to NULLS LAST), 0) AS below
      FROM rollup_tiers)))
  GROUP BY tenant_id, record_id, position"""

# Often there is none of it, and to plan what is done with it takes longer than to see that.
_DISCOUNTED = """SELECT EXISTS (FROM rollup_subs WHERE own_discounts IS NOT NULL OR len(list_filter(items, lambda i: len(i.discounts) > 0)) > 0)
  OR EXISTS (FROM {customers} WHERE len(discounts) > 0)"""
_TIERED_ANYWHERE = (
    """SELECT EXISTS (FROM rollup_unusual WHERE len(list_filter(items, lambda i: i.billing_scheme = 'tiered')) > 0)"""
)
_NO_TIERS = (
    "SELECT NULL::VARCHAR AS tenant_id, NULL::VARCHAR AS record_id, NULL::BIGINT AS position, NULL::HUGEINT AS amount WHERE false"
)
_NO_SUMS = "SELECT NULL::VARCHAR AS tenant_id, NULL::VARCHAR AS record_id, NULL::HUGEINT AS mrr12 WHERE false"


def subscription_facts(sql: Sql, contract: Contract, now_text: str) -> None:
    """Make `sub_facts`: one row per accepted subscription with its part of the roll-up.

    Reads `accepted_<object>` tables of the roll-up's object and its parent. `now_text` (ISO 8601, UTC) decides which repeating
    discounts still run. Columns: tenant_id, record_id, observed_at, customer_id, status, mrr12 (10^-12 minor units), currency, ended,
    renewal, ends, end_date.
    """
    rollup = contract.rollup
    if rollup is None:
        return
    spec = contract.objects[rollup.object]
    subs, customers = f"accepted_{rollup.object}", f"accepted_{spec.parent_object}"
    paused = " AND coalesce(paused_collection, '') = ''" if rollup.paused_collection == "zero" else ""
    ended, counted = text_list(rollup.ended_statuses), text_list(rollup.counted_statuses)
    sql.view("rollup_subs", _SUBS.format(subs=subs, ended=ended, counted=counted, paused=paused))
    sql.make("rollup_unusual", _UNUSUAL)
    usual = sql.few and not sql.yes("SELECT EXISTS (FROM rollup_unusual)")  # then there is nothing that the next ones could find
    singles = {
        name: _ITEMS.format(rows=_SINGLE.format(subs=name), customers=customers) for name in ("rollup_subs", "rollup_unusual")
    }
    if not usual:
        sql.make("rollup_several", f"SELECT * FROM ({_ITEMS.format(rows=_SEVERAL, customers=customers)}) WHERE charged")
    discounts = rollup if sql.yes(_DISCOUNTED.format(customers=customers)) else None
    sql.make("rollup_tiered", _NO_TIERS if usual else _tiered(sql, singles["rollup_unusual"]))
    several = not usual and sql.yes("SELECT count(*) > 0 FROM rollup_several")
    sql.make("rollup_sums", _subscription_sums(discounts, now_text) if several else _NO_SUMS)
    sql.make("sub_facts", _facts(f"({singles['rollup_subs']})", discounts, now_text, others=not usual))
    sql.drop("rollup_unusual", "rollup_several", "rollup_tiers", "rollup_tiered", "rollup_sums")


def _tiered(sql: Sql, tiered_singles: str) -> str:
    """What items with tiers cost."""
    if not sql.yes(_TIERED_ANYWHERE):
        return _NO_TIERS
    sql.make("rollup_tiers", _TIERS.format(tiered_singles=tiered_singles))
    return _TIERED


def _item_monthly(items: str, discounts: Rollup | None, now_text: str) -> str:
    """Items with `after_item`: what each costs a month, less the discounts that are its own, by the roll-up's rules."""
    amount = "within(CASE WHEN scheme = 'tiered' THEN CASE WHEN priced THEN tiered ELSE 0 END ELSE unit12 * units END)"
    applies = "(coalesce(d.products, '') = '' OR list_contains(string_split(d.products, ';'), product_id))"
    restricted = f"coalesce(d.products, '') <> '' AND {applies}"
    after = "monthly"
    if discounts is not None:
        own = _steps("discounts", applies, discounts, now_text)
        shared = _steps("shared", restricted, discounts, now_text)
        after = f"CASE WHEN discounts IS NULL AND shared IS NULL THEN monthly ELSE {_fold('monthly', f'list_concat({own}, {shared})')} END"
    return f"""SELECT *, {after} AS after_item FROM (
      SELECT *, {_monthly("amount")} AS monthly FROM (
        SELECT *, {amount} AS amount FROM (
          SELECT p.*, t.record_id IS NOT NULL AS priced, t.amount AS tiered,
            CASE WHEN scheme = 'tiered' THEN NULL ELSE coalesce(pico(nullif(unit_amount, '')), 0) END AS unit12
          FROM {items} p LEFT JOIN rollup_tiered t USING (tenant_id, record_id, position))))"""


def _whole(total: str, discounts: Rollup | None, now_text: str) -> str:
    """A subscription's total less the discounts of the whole."""
    if discounts is None:
        return total
    steps = _steps("shared", "coalesce(d.products, '') = ''", discounts, now_text)
    return f"CASE WHEN shared IS NULL THEN {total} ELSE {_fold(total, steps)} END"


def _subscription_sums(discounts: Rollup | None, now_text: str) -> str:
    """Per subscription with several items what those of them that are charged cost together."""
    return f"""SELECT tenant_id, record_id, {_whole("total", discounts, now_text)} AS mrr12 FROM (
        SELECT tenant_id, record_id, any_value(currency) AS currency,
          CASE WHEN count(*) = count(after_item) THEN sum(after_item)::HUGEINT END AS total, arg_min(shared, position) AS shared,
          arg_min(interval, position) AS interval, arg_min(count, position) AS count
        FROM ({_item_monthly("rollup_several", discounts, now_text)}) GROUP BY tenant_id, record_id)"""


def _facts(singles: str, discounts: Rollup | None, now_text: str, *, others: bool) -> str:
    """Most subscriptions have one item and need neither sum nor join; `others` says whether there may be any that have not."""
    common = "tenant_id, record_id, observed_at, customer_id, status, currency, trial_end, ended_at, cancel_at, ended, ends"
    period_end = "list_min(list_filter(list_transform(s.items, lambda i: i.current_period_end), lambda t: t <> ''))"
    rest = f"""UNION ALL BY NAME SELECT s.* EXCLUDE (items, own_discounts, counted), {period_end} AS period_end,
          CASE WHEN s.counted AND m.record_id IS NOT NULL THEN m.mrr12 ELSE 0 END AS mrr12
        FROM rollup_unusual s LEFT JOIN rollup_sums m ON m.tenant_id = s.tenant_id AND m.record_id = s.record_id
        WHERE coalesce(len(s.items), 0) <> 1"""
    return f"""SELECT tenant_id, record_id, observed_at, customer_id, currency, mrr12, ended,
        CASE WHEN status = 'active' AND ends THEN 'canceling' WHEN ended THEN 'canceled' ELSE status END AS status,
        CASE WHEN ended OR status = 'paused' OR ends THEN NULL
          WHEN status = 'trialing' THEN coalesce(nullif(trial_end, ''), period_end) ELSE period_end END AS renewal,
        ends, CASE WHEN ended THEN nullif(ended_at, '') WHEN ends THEN coalesce(nullif(cancel_at, ''), period_end) END AS end_date
      FROM (SELECT {common}, period_end, CASE WHEN counted AND charged THEN {_whole("after_item", discounts, now_text)} ELSE 0 END AS mrr12
          FROM ({_item_monthly(singles, discounts, now_text)}) {rest if others else ""})"""
