"""Subscriptions to one customer view: status, MRR, currency, renewal and cancel date, all in SQL over whole numbers.

MRR follows Stripe's own definition (docs.stripe.com/billing/subscriptions/analytics/glossary): the monthly value of active and past
due subscriptions without trials, taxes and metered prices. Week and day factors are ours, since Stripe does not publish its own: a
month is 52/12 weeks and 365/12 days. Amounts are kept in 10^-12 minor units and rounded half away from zero once, at the end; a sum
is first rounded to 10^-9, so that thirds which add up to a half round as the half they are. What cannot be computed is null and never
nothing: an amount beyond measure, an interval of no length.
"""

from integration_pipelines.core.contract import Contract, Rollup
from integration_pipelines.core.sql import Sql, text, text_list

_MONTHLY = """CASE {interval}
  WHEN 'month' THEN rdiv({amount}, {count})
  WHEN 'year' THEN rdiv({amount}, 12 * {count})
  WHEN 'week' THEN rdiv({amount} * 13, 3 * {count})
  WHEN 'day' THEN rdiv({amount} * 365, 12 * {count})
END"""

# A discount in force, reduced to what the fold needs. `off` is monthly, in 10^-12 minor units, of its own currency only.
_FOLD_ONE = """CASE WHEN d.pct IS NOT NULL THEN rdiv(a.v * (1000000 - d.pct), 1000000)
  WHEN d.off IS NOT NULL AND a.v > 0 THEN greatest(a.v - d.off, 0::HUGEINT) ELSE a.v END"""


def _monthly(amount: str, interval: str, count: str) -> str:
    return _MONTHLY.format(amount=amount, interval=interval, count=count)


def _in_force(discount: str, rollup: Rollup) -> str:
    running = f"({discount}.ends_at = '' OR {discount}.ends_at IS NULL OR {discount}.ends_at > now_text)"
    repeating = f"({discount}.duration = 'repeating' AND {running})" if rollup.repeating_discounts == "apply" else "false"
    return f"({discount}.duration = 'forever' OR {repeating})"


def _steps(discounts: str, chosen: str, interval: str, count: str, rollup: Rollup) -> str:
    """A list expression of fold steps from those discounts that are in force and chosen, in their order."""
    pct = "CASE WHEN coalesce(d.percent_off, '') <> '' THEN pico(d.percent_off) // 100000000 END"
    off_minor = "least(pico(d.amount_off), (10 ** 27)::HUGEINT)"
    off = f"CASE WHEN coalesce(d.amount_off, '') <> '' AND upper(d.currency) = sub_currency THEN {_monthly(off_minor, interval, count)} END"
    kept = f"list_filter(coalesce({discounts}, []), lambda d: {_in_force('d', rollup)} AND {chosen})"
    return f"list_transform({kept}, lambda d: {{'v': 0::HUGEINT, 'pct': {pct}, 'off': {off}}})"


def _fold(start: str, steps: str) -> str:
    first = f"{{'v': {start}, 'pct': NULL::HUGEINT, 'off': NULL::HUGEINT}}"
    return f"list_reduce({steps}, lambda a, d: {{'v': {_FOLD_ONE}, 'pct': NULL::HUGEINT, 'off': NULL::HUGEINT}}, {first}).v"


_ITEMS = """SELECT s.tenant_id, s.record_id, s.position, s.item, s.discounts AS own_discounts, c.discounts AS customer_discounts,
    upper(s.currency) AS sub_currency, {now} AS now_text,
    coalesce(TRY_CAST(s.item.quantity AS HUGEINT), 1) AS quantity,
    nullif(TRY_CAST(s.item.interval_count AS HUGEINT), 0) AS count
  FROM (SELECT *, unnest(items) AS item, generate_subscripts(items, 1) AS position FROM {subs}) s
  LEFT JOIN {customers} c ON c.tenant_id = s.tenant_id AND c.record_id = s.customer_id
  WHERE coalesce(s.item.interval, '') <> '' AND coalesce(s.item.usage_type, 'licensed') <> 'metered'"""

_PACKAGED = """SELECT *, CASE WHEN package IS NULL THEN quantity WHEN item.divide_round = 'up' THEN (quantity + package - 1) // package
    ELSE quantity // package END AS units
  FROM (SELECT * REPLACE (CASE WHEN package = 0 THEN NULL ELSE quantity END AS quantity, nullif(package, 0) AS package)
    FROM (SELECT *, TRY_CAST(item.divide_by AS HUGEINT) AS package FROM rollup_items))"""

_TIERS = """SELECT tenant_id, record_id, position, units, tier.unit_amount AS unit_amount, tier.flat_amount AS flat_amount,
    TRY_CAST(tier.up_to AS HUGEINT) AS up_to, item.tiers_mode AS mode
  FROM (SELECT *, unnest(item.tiers) AS tier FROM rollup_packaged WHERE item.billing_scheme = 'tiered')"""

_TIERED = """SELECT tenant_id, record_id, position, CASE WHEN count(*) = count(part) THEN sum(part)::HUGEINT END AS amount FROM (
  SELECT *, within(CASE WHEN mode = 'graduated' THEN inside * unit12 + CASE WHEN inside > 0 THEN flat12 ELSE 0 END
      WHEN volume_tier THEN units * unit12 + flat12 ELSE 0 END) AS part
  FROM (SELECT *, coalesce(pico(nullif(unit_amount, '')), 0) AS unit12, coalesce(pico(nullif(flat_amount, '')), 0) AS flat12,
      greatest(least(units, coalesce(up_to, units)) - below, 0::HUGEINT) AS inside,
      (units > below OR below = 0) AND (up_to IS NULL OR units <= up_to) AS volume_tier
    FROM (SELECT *, coalesce(lag(up_to) OVER (PARTITION BY tenant_id, record_id, position ORDER BY up_to NULLS LAST), 0) AS below
      FROM rollup_tiers)))
  GROUP BY tenant_id, record_id, position"""


def subscription_facts(sql: Sql, contract: Contract, now_text: str) -> None:
    """Make `sub_facts`: one row per accepted subscription with its part of the roll-up.

    Reads `accepted_<object>` tables of the roll-up's object and its parent. `now_text` (ISO 8601, UTC) decides which repeating
    discounts still run. Columns: tenant_id, record_id, customer_id, status, mrr12 (10^-12 minor units), currency, ended, renewal,
    ends, end_date.
    """
    rollup = contract.rollup
    if rollup is None:
        return
    spec = contract.objects[rollup.object]
    subs, customers = f"accepted_{rollup.object}", f"accepted_{spec.parent_object}"
    sql.make("rollup_items", _ITEMS.format(now=text(now_text), subs=subs, customers=customers))
    sql.make("rollup_packaged", _PACKAGED)
    sql.make("rollup_tiers", _TIERS)
    sql.make("rollup_tiered", _TIERED)
    sql.make("rollup_monthly", _item_monthly(rollup))
    sql.make("rollup_sums", _subscription_sums(rollup))
    sql.make("sub_facts", _facts(rollup, subs))
    sql.drop("rollup_items", "rollup_packaged", "rollup_tiers", "rollup_tiered", "rollup_monthly", "rollup_sums")


def _item_monthly(rollup: Rollup) -> str:
    flat = "coalesce(pico(nullif(p.item.unit_amount, '')), 0) * p.units"
    amount = f"within(CASE WHEN p.item.billing_scheme = 'tiered' THEN CASE WHEN t.record_id IS NULL THEN 0 ELSE t.amount END ELSE {flat} END)"
    applies = "(coalesce(d.products, '') = '' OR list_contains(string_split(d.products, ';'), item.product_id))"
    restricted = f"coalesce(d.products, '') <> '' AND {applies}"
    own = _steps("item.discounts", applies, "item.interval", "count", rollup)
    shared = _steps("shared", restricted, "item.interval", "count", rollup)
    return f"""SELECT *, {_fold("monthly", f"list_concat({own}, {shared})")} AS after_item FROM (
      SELECT *, {_monthly("amount", "item.interval", "count")} AS monthly FROM (
        SELECT p.*, {amount} AS amount,
          CASE WHEN len(coalesce(p.own_discounts, [])) > 0 THEN p.own_discounts ELSE coalesce(p.customer_discounts, []) END AS shared
        FROM rollup_packaged p LEFT JOIN rollup_tiered t USING (tenant_id, record_id, position)))"""


def _subscription_sums(rollup: Rollup) -> str:
    steps = _steps("shared", "coalesce(d.products, '') = ''", "interval", "count", rollup)
    return f"""SELECT tenant_id, record_id, {_fold("total", steps)} AS mrr12 FROM (
      SELECT tenant_id, record_id, any_value(sub_currency) AS sub_currency, any_value(now_text) AS now_text,
        CASE WHEN count(*) = count(after_item) THEN sum(after_item)::HUGEINT END AS total, arg_min(shared, position) AS shared,
        arg_min(item.interval, position) AS interval, arg_min(count, position) AS count
      FROM rollup_monthly GROUP BY tenant_id, record_id)"""


def _facts(rollup: Rollup, subs: str) -> str:
    counted = text_list(rollup.counted_statuses)
    ended = text_list(rollup.ended_statuses)
    paused = " AND coalesce(s.paused_collection, '') = ''" if rollup.paused_collection == "zero" else ""
    return f"""SELECT tenant_id, record_id, customer_id, currency, mrr12, ended,
        CASE WHEN status = 'active' AND ends THEN 'canceling' WHEN ended THEN 'canceled' ELSE status END AS status,
        CASE WHEN ended OR status = 'paused' OR ends THEN NULL
          WHEN status = 'trialing' THEN coalesce(nullif(trial_end, ''), period_end) ELSE period_end END AS renewal,
        ends, CASE WHEN ended THEN nullif(ended_at, '') WHEN ends THEN coalesce(nullif(cancel_at, ''), period_end) END AS end_date
      FROM (SELECT s.* EXCLUDE (currency), upper(s.currency) AS currency, s.status IN {ended} AS ended,
          coalesce(s.cancel_at, '') <> '' OR lower(coalesce(s.cancel_at_period_end, '')) = 'true' AS ends,
          list_min(list_filter(list_transform(s.items, lambda i: i.current_period_end), lambda t: t <> '')) AS period_end,
          CASE WHEN s.status IN {counted}{paused} AND m.record_id IS NOT NULL THEN m.mrr12 ELSE 0 END AS mrr12
        FROM {subs} s LEFT JOIN rollup_sums m ON m.tenant_id = s.tenant_id AND m.record_id = s.record_id)"""


def group_rollup(sql: Sql, contract: Contract, name: str, groups: str) -> None:
    """Make table `name`: the roll-up per group of customers.

    `groups` names a table (tenant_id, group_id, customer_id). Columns: tenant_id, group_id, status, mrr, currency, renewal_date,
    cancel_date; canonical text, '' for blank; mrr is '' when the currency is MIXED, since amounts never add across currencies.
    """
    rollup = contract.rollup
    if rollup is None:
        return
    order = text_list(rollup.status_order).replace("(", "[", 1)[:-1] + "]"
    sql.make(
        name,
        f"""SELECT tenant_id, group_id, coalesce({order}[rank], 'none') AS status,
          CASE WHEN currencies > 1 THEN '' ELSE rdiv(rdiv(total, 1000), 1000000000)::VARCHAR END AS mrr,
          CASE WHEN currencies > 1 THEN 'MIXED' ELSE coalesce(one_currency, '') END AS currency,
          coalesce(left(renewal, 10), '') AS renewal_date,
          CASE WHEN running > 0 AND running > ending THEN ''
            ELSE coalesce(left(CASE WHEN running > 0 THEN last_end ELSE last_ended END, 10), '') END AS cancel_date
        FROM (SELECT g.tenant_id, g.group_id, min(list_position({order}, f.status)) AS rank,
            coalesce(sum(f.mrr12), 0)::HUGEINT AS total,
            count(DISTINCT upper(f.currency)) FILTER (WHERE NOT f.ended) AS currencies,
            min(upper(f.currency)) FILTER (WHERE NOT f.ended) AS one_currency, min(f.renewal) AS renewal,
            count(*) FILTER (WHERE NOT f.ended) AS running, count(*) FILTER (WHERE NOT f.ended AND f.ends) AS ending,
            max(f.end_date) FILTER (WHERE NOT f.ended) AS last_end, max(f.end_date) FILTER (WHERE f.ended) AS last_ended
          FROM {groups} g LEFT JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id
          GROUP BY g.tenant_id, g.group_id)""",
    )
