"""Identity links: stored links decide, rules propose for records without one, and ambiguity creates nothing but a question.

Makes `links` (every link as it stands now, `is_new`, `changed` and `base_link_id` beside the stored columns), `live_links` (both
records accepted; `is_primary` on the oldest of a left record's links, `is_oldest` if no older one is in quarantine, `siblings` = how
many, `dispute` if a merge is contradicted) and `unlinked` (tenant_id, record_id, outcome, rule, reason: right records without a link).

States: `live`; `one_sided` when a record is gone; `merged` when the left record lives on in another one, which has the link now;
`proposed` while a person has to decide (several candidates, or a record that was gone and is back); `tombstone` for what was taken apart.
"""

import hashlib
import json

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.link_rules import RETURNED, WITHDRAWN, propose
from integration_pipelines.core.merges import follow_merges
from integration_pipelines.core.sql import Rows, Sql, name, text


def resolve_links(sql: Sql, contract: Contract, stored: Rows, now_text: str) -> None:
    """Make `links`, `live_links` and `unlinked` from the stored links and the accepted records.

    Args:
        sql: connection with `observed_*`, `accepted_*` and `left_out`.
        contract: the integration.
        stored: every stored link (`IDENTITY_LINKS`).
        now_text: ISO 8601, UTC, exact: when new and changed links are dated. A decision of a later moment was not seen here.
    """
    sql.put("stored_links", stored)
    sql.make("known_links", "SELECT * FROM stored_links")  # which may be read only once
    follow_merges(sql, contract)
    _unmet(sql, contract)
    _odd(sql, contract)
    if sql.few and sql.yes("SELECT NOT EXISTS (FROM odd_links) AND NOT EXISTS (FROM unmet)"):
        _as_they_were(sql)
    else:
        _carried(sql, contract, now_text)
        propose(sql, contract)
        _links(sql, contract, now_text)
        _unlinked(sql)
    _live(sql, contract)
    sql.drop("stored_links", "verdicts", "doubtful", "carried", "free_right", "unmet")


def link_id(tenant_id: str, integration: str, left: str, right: str) -> str:
    """The id of a pair's link, the same that the engine gives it."""
    content = json.dumps([tenant_id, integration, left, right], separators=(",", ":"), ensure_ascii=False)
    return f"link_{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def _link_id(left: str, right: str, contract: Contract) -> str:
    return f"'link_' || left(sha256(to_json([tenant_id, {text(contract.contract)}, {left}, {right}])::VARCHAR), 32)"


_MOVED = "now_left <> left_id AND now_state IN ('live', 'one_sided')"

_STATES = f"""CASE
    WHEN old_state = 'tombstone' OR old_state = 'merged' AND NOT here THEN old_state
    WHEN old_state = 'proposed' AND match_rule <> '{RETURNED}' THEN 'tombstone'
    WHEN old_state = 'proposed' AND NOT here AND survivor_link_id IS NOT NULL THEN 'merged'
    WHEN old_state = 'proposed' AND elsewhere AND survivor_link_id IS NULL THEN 'tombstone'
    WHEN NOT here THEN 'one_sided'
    WHEN old_state = 'proposed' OR old_state = 'merged' THEN 'proposed'
    WHEN now_left = left_id AND (old_state = 'one_sided' OR reborn) THEN 'proposed'
    ELSE 'live' END"""
"""`here` = both records are there; `reborn` = one of them was made after the link; `elsewhere` = the right record has another link.

A proposal of the rules ends here and is made anew if there is still doubt.
"""

_RULES = f"""CASE WHEN now_state = 'proposed' THEN '{RETURNED}'
    WHEN now_state = 'tombstone' AND old_state = 'proposed' THEN '{WITHDRAWN}' ELSE match_rule END"""

_EVIDENCE = """CASE WHEN now_state = old_state THEN match_evidence
    WHEN now_state = 'tombstone' AND old_state = 'proposed' THEN 'There is no doubt about this pair any more.'
    WHEN now_state <> 'proposed' THEN match_evidence
    WHEN old_state = 'merged' THEN 'The record ' || left_id || ' was merged into another one and is back. Nothing is joined again by itself.'
    WHEN old_state = 'one_sided' THEN 'A record of this pair was gone and is back. Nothing is joined again by itself.'
    ELSE 'A record of this pair was made after the pair was linked: it is another one under the same id.' END"""


def _unmet(sql: Sql, contract: Contract) -> None:
    """`unmet`: live links and right records that are there, of those that have nobody on the other side."""
    sql.make(
        "unmet",
        f"""SELECT coalesce(k.tenant_id, r.tenant_id) AS tenant_id, k.link_id, r.record_id AS right_id
        FROM (SELECT tenant_id, link_id, right_id FROM known_links WHERE state = 'live') k
        FULL JOIN (SELECT tenant_id, record_id FROM observed_{contract.main_object("right")} WHERE NOT deleted) r
          ON r.tenant_id = k.tenant_id AND r.record_id = k.right_id WHERE k.link_id IS NULL OR r.record_id IS NULL""",
    )


def _odd(sql: Sql, contract: Contract) -> None:
    """`odd_links`: those that need a second look. Nearly every link is live with both records there."""
    left = contract.main_object("left")
    doubts = [
        "SELECT tenant_id, link_id FROM known_links WHERE state <> 'live'",
        "SELECT tenant_id, link_id FROM unmet WHERE link_id IS NOT NULL",
        f"""SELECT s.tenant_id, s.link_id FROM known_links s ANTI JOIN (SELECT tenant_id, record_id FROM observed_{left} WHERE NOT deleted) o
          ON o.tenant_id = s.tenant_id AND o.record_id = s.left_id""",
    ]
    for side, spec, key in (("left", left, "left_id"), ("right", contract.main_object("right"), "right_id")):
        born = contract.objects[spec].born
        if born is not None:
            sql.make(f"young_{side}", _YOUNG.format(born=name(born), observed=f"observed_{spec}"))
            doubts.append(
                f"""SELECT s.tenant_id, s.link_id FROM known_links s JOIN young_{side} o
                  ON o.tenant_id = s.tenant_id AND o.record_id = s.{key} WHERE o.born > s.updated_at"""
            )
    sql.make("odd_links", " UNION ".join(doubts))


_YOUNG = """SELECT tenant_id, record_id, TRY_CAST({born} AS TIMESTAMPTZ) AS born FROM {observed}
    WHERE {born} <> '' AND TRY_CAST({born} AS TIMESTAMPTZ) > (SELECT min(updated_at) FROM known_links)"""


def _carried(sql: Sql, contract: Contract, now_text: str) -> None:
    """`carried`: the odd ones after following merges, with the state that the records' presence gives them; `standing`: all of them."""
    left, right = contract.main_object("left"), contract.main_object("right")
    present = "EXISTS (SELECT 1 FROM observed_{0} o WHERE o.tenant_id = s.tenant_id AND o.record_id = {1} AND NOT o.deleted)"
    here = f"{present.format(left, 's.now_left')} AND {present.format(right, 's.right_id')}"
    young = "EXISTS (SELECT 1 FROM young_{0} o WHERE o.tenant_id = s.tenant_id AND o.record_id = {1} AND o.born > s.updated_at)"
    born = {"left": (left, "s.now_left"), "right": (right, "s.right_id")}
    reborn = [young.format(side, key) for side, (spec, key) in born.items() if contract.objects[spec].born is not None]
    elsewhere = """s.old_state = 'proposed' AND EXISTS (SELECT 1 FROM known_links t WHERE t.tenant_id = s.tenant_id
      AND t.right_id = s.right_id AND t.left_id <> s.left_id AND t.state IN ('live', 'one_sided'))"""
    none = "WHERE false" if sql.yes("SELECT count(*) = 0 FROM odd_links") else ""  # so that nothing is looked up in vain
    sql.make(
        "carried",
        f"""SELECT *, {_RULES} AS now_rule, {_EVIDENCE} AS now_evidence FROM (SELECT *, {_STATES} AS now_state
        FROM (SELECT s.*, {here} AS here, {" OR ".join(reborn) or "false"} AS reborn, {elsewhere} AS elsewhere
          FROM (SELECT l.* EXCLUDE (state), l.state AS old_state, coalesce(a.survivor_id, l.left_id) AS now_left,
              {text(now_text)}::TIMESTAMPTZ AS now_at
            FROM known_links l SEMI JOIN odd_links USING (tenant_id, link_id) LEFT JOIN aliases a
            ON a.tenant_id = l.tenant_id AND a.old_id = l.left_id AND l.state IN ('live', 'one_sided') {none}) s))""",
    )
    sql.view(
        "standing",
        """SELECT tenant_id, left_id AS now_left, right_id, 'live' AS now_state FROM known_links ANTI JOIN odd_links USING (tenant_id, link_id)
        UNION ALL SELECT tenant_id, now_left, right_id, now_state FROM carried""",
    )


def _links(sql: Sql, contract: Contract, now_text: str) -> None:
    """`links`: those that stand as they stood, and in `moved_links` carried ones, their moves to survivors, new ones, and those in doubt."""
    now, integration = f"{text(now_text)}::TIMESTAMPTZ", text(contract.contract)
    pair, survivor = _link_id("left_id", "right_id", contract), _link_id("now_left", "right_id", contract)
    none = "NULL::VARCHAR AS survivor_link_id, 1::BIGINT AS epoch, NULL::VARCHAR AS decided_by"
    sql.make(
        "moved_links",
        f"""WITH old AS (
          SELECT tenant_id, integration, link_id, left_id, right_id, CASE WHEN {_MOVED} THEN 'merged' ELSE now_state END AS state,
            now_rule AS match_rule, now_evidence AS match_evidence, created_at, epoch, decided_by,
            CASE WHEN {_MOVED} OR now_state <> old_state THEN now_at ELSE updated_at END AS updated_at,
            CASE WHEN {_MOVED} THEN {survivor} ELSE survivor_link_id END AS survivor_link_id,
            false AS is_new, {_MOVED} OR now_state <> old_state AS changed, link_id AS base_link_id FROM carried),
        followed AS (
          SELECT tenant_id, integration, {survivor} AS link_id, now_left AS left_id, right_id, now_state AS state, 'merge' AS match_rule,
            'the record ' || left_id || ' was merged into ' || now_left AS match_evidence, created_at, now_at AS updated_at,
            NULL::VARCHAR AS survivor_link_id, epoch, decided_by, true AS is_new, true AS changed, link_id AS base_link_id
          FROM carried WHERE {_MOVED}),
        found AS (
          SELECT tenant_id, {integration} AS integration, {pair} AS link_id, left_id, right_id, 'live' AS state, rule AS match_rule,
            explanation AS match_evidence, {now} AS created_at, {_latest_birth(contract, now)} AS updated_at, {none}, true AS is_new,
            true AS changed, NULL::VARCHAR AS base_link_id
          FROM verdicts v WHERE trouble IS NULL AND acceptable),
        doubted AS (
          SELECT d.tenant_id, {integration} AS integration, d.link_id, d.left_id, d.right_id, 'proposed' AS state, d.rule AS match_rule,
            d.evidence AS match_evidence, coalesce(c.created_at, {now}) AS created_at,
            CASE WHEN c.same THEN c.updated_at ELSE {now} END AS updated_at, {none}, c.link_id IS NULL AS is_new,
            NOT coalesce(c.same, false) AS changed, NULL::VARCHAR AS base_link_id
          FROM (SELECT *, {pair} AS link_id FROM doubtful) d LEFT JOIN (
            SELECT c.*, old_state = 'proposed' AND match_evidence = e.evidence AS same FROM carried c
              JOIN doubtful e ON e.tenant_id = c.tenant_id AND e.left_id = c.left_id AND e.right_id = c.right_id) c
            ON c.tenant_id = d.tenant_id AND c.link_id = d.link_id),
        made AS (SELECT * FROM followed UNION ALL BY NAME SELECT * FROM found UNION ALL BY NAME SELECT * FROM doubted)
        SELECT * FROM old ANTI JOIN made USING (tenant_id, link_id) UNION ALL BY NAME SELECT * FROM made
          QUALIFY row_number() OVER (PARTITION BY tenant_id, link_id ORDER BY created_at, base_link_id) = 1""",
    )
    sql.view(
        "links",
        """SELECT *, false AS is_new, false AS changed, link_id AS base_link_id FROM known_links ANTI JOIN odd_links USING (tenant_id, link_id)
        UNION ALL BY NAME SELECT * FROM moved_links""",
    )


def _latest_birth(contract: Contract, now: str) -> str:
    """Now, or when the younger record of a new pair was made, if our clock is behind the partner's: or else it would be taken for another one."""
    births = [
        f"""(SELECT max(TRY_CAST(o.{name(born)} AS TIMESTAMPTZ)) FROM accepted_{spec} o
          WHERE o.tenant_id = v.tenant_id AND o.record_id = v.{side}_id)"""
        for side in ("left", "right")
        if (born := contract.objects[spec := contract.main_object(side)].born) is not None
    ]
    return f"greatest({', '.join([now, *births])})"


def _as_they_were(sql: Sql) -> None:
    """What `_links` and `_unlinked` make where no link needs a second look and no right record is without one, as of few records usually."""
    links = "SELECT *, false AS is_new, false AS changed, link_id AS base_link_id FROM known_links"
    sql.make("moved_links", f"{links} WHERE false")
    sql.view("links", links)
    none = ", ".join(f"NULL::VARCHAR AS {column}" for column in ("tenant_id", "record_id", "outcome", "rule", "reason"))
    sql.make("unlinked", f"SELECT {none} WHERE false")


def _unlinked(sql: Sql) -> None:
    """`unlinked`: right records left without a link, and why."""
    sql.make(
        "unlinked",
        f"""SELECT r.tenant_id, r.record_id,
          CASE WHEN v.trouble IS NOT NULL OR w.right_id IS NOT NULL THEN 'ambiguous' ELSE 'unmatched' END AS outcome,
          CASE WHEN w.right_id IS NOT NULL THEN '{RETURNED}' WHEN v.right_id IS NULL AND d.right_id IS NOT NULL THEN 'link_removed'
            WHEN v.right_id IS NULL THEN 'no_rule_matched' WHEN v.trouble IS NOT NULL THEN v.rule ELSE 'counterpart_left_out' END AS rule,
          CASE WHEN w.right_id IS NOT NULL THEN 'the pair it was linked in came back or is another one; a person decides'
            WHEN v.right_id IS NULL AND d.right_id IS NOT NULL THEN 'its link was removed before and does not come back by itself'
            WHEN v.right_id IS NULL THEN 'no rule finds a counterpart' WHEN v.trouble IS NOT NULL THEN v.trouble
            ELSE 'the record it belongs to is quarantined or excluded' END AS reason
        FROM free_right r LEFT JOIN verdicts v ON v.tenant_id = r.tenant_id AND v.right_id = r.record_id
        LEFT JOIN (SELECT DISTINCT tenant_id, right_id FROM carried WHERE now_state = 'proposed') w
          ON w.tenant_id = r.tenant_id AND w.right_id = r.record_id
        LEFT JOIN (SELECT DISTINCT tenant_id, right_id FROM carried
            WHERE now_state IN ('merged', 'tombstone') AND now_rule <> '{WITHDRAWN}') d
          ON d.tenant_id = r.tenant_id AND d.right_id = r.record_id
        ANTI JOIN (SELECT tenant_id, right_id FROM moved_links WHERE state = 'live' AND is_new) l
          ON l.tenant_id = r.tenant_id AND l.right_id = r.record_id""",
    )


def _live(sql: Sql, contract: Contract) -> None:
    """`live_links`: both records of a live link were just seen alive, so they are accepted unless they are among the few left out.

    Ranking is dear and nearly every left record has one link, so only those with several are ranked.
    """
    left, right = contract.main_object("left"), contract.main_object("right")
    out = "(SELECT tenant_id, record_id FROM left_out WHERE object = {})"
    sql.make(
        "live_links",
        f"""WITH own AS (
          SELECT s.tenant_id, s.link_id, s.left_id, s.right_id, s.is_new, s.created_at,
            coalesce(s.base_link_id, s.link_id) AS base_link_id, p.dispute
          FROM links s LEFT JOIN disputed p ON p.tenant_id = s.tenant_id AND p.record_id = s.left_id
          ANTI JOIN excluded_{right} x ON x.tenant_id = s.tenant_id AND x.record_id = s.right_id
          ANTI JOIN {out.format(text(left))} l ON l.tenant_id = s.tenant_id AND l.record_id = s.left_id WHERE s.state = 'live'),
        shared AS (SELECT tenant_id, left_id FROM own GROUP BY ALL HAVING count(*) > 1),
        ranked AS (SELECT k.*, count(*) OVER same AS siblings, row_number() OVER (same ORDER BY k.created_at, k.right_id) = 1 AS is_primary
          FROM (SELECT o.*, row_number() OVER (PARTITION BY tenant_id, left_id ORDER BY created_at, right_id) = 1 AS is_oldest
            FROM own o SEMI JOIN shared USING (tenant_id, left_id)) k
          ANTI JOIN {out.format(text(right))} r ON r.tenant_id = k.tenant_id AND r.record_id = k.right_id
          WINDOW same AS (PARTITION BY k.tenant_id, k.left_id))
        SELECT * FROM ranked UNION ALL BY NAME
        SELECT o.*, true AS is_oldest, 1::BIGINT AS siblings, true AS is_primary
        FROM (SELECT * FROM own ANTI JOIN shared USING (tenant_id, left_id)) o
        ANTI JOIN {out.format(text(right))} r ON r.tenant_id = o.tenant_id AND r.record_id = o.right_id""",
    )
