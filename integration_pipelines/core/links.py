"""Identity links: stored links decide, rules propose for records without one, and ambiguity creates nothing.

Makes `links` (every link as it stands now, `is_new`, `changed` and `base_link_id` beside the stored columns), `live_links` (both
records accepted; `is_primary` on the oldest of a left record's links, `is_oldest` if no older one is in quarantine, `siblings` = how
many) and `unlinked` (tenant_id, record_id, outcome, rule, reason: right records without a link).
"""

import hashlib
import json
from collections.abc import Callable

from integration_pipelines.core.canonical import canonical
from integration_pipelines.core.contract import Contract, FieldType, MatchRule
from integration_pipelines.core.sql import Rows, Sql, name, text, text_list


def resolve_links(sql: Sql, contract: Contract, stored: Rows, now_text: str) -> None:
    """Make `links`, `live_links` and `unlinked` from the stored links and the accepted records.

    Args:
        sql: connection with `observed_*`, `accepted_*` and `left_out`.
        contract: the integration.
        stored: every stored link (`IDENTITY_LINKS`).
        now_text: ISO 8601, UTC: when new and changed links are dated.
    """
    sql.put("stored_links", stored)
    _aliases(sql, contract)
    _carried(sql, contract, now_text)
    _proposals(sql, contract)
    _verdicts(sql, contract)
    _links(sql, contract, now_text)
    _live(sql, contract)
    sql.drop("stored_links", "proposals", "verdicts", "carried", "free_right")


def link_id(tenant_id: str, integration: str, left: str, right: str) -> str:
    """The id of a pair's link, the same that the engine gives it."""
    content = json.dumps([tenant_id, integration, left, right], separators=(",", ":"), ensure_ascii=False)
    return f"link_{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def _link_id(contract: Contract, left: str, right: str) -> str:
    return f"'link_' || left(sha256(to_json([tenant_id, {text(contract.contract)}, {left}, {right}])::VARCHAR), 32)"


def _aliases(sql: Sql, contract: Contract) -> None:
    """`aliases`: (tenant_id, old_id, survivor_id) for ids that were merged away, at the end of their chain.

    An id that still answers for itself is none, whoever claims it; neither is one that several living records claim.
    """
    left = contract.main_object("left")
    column = contract.objects[left].aliases
    if column is None:
        sql.make(
            "aliases", "SELECT NULL::VARCHAR AS tenant_id, NULL::VARCHAR AS old_id, NULL::VARCHAR AS survivor_id WHERE false"
        )
        return
    sql.make(
        "aliases",
        f"""WITH RECURSIVE named AS (
            SELECT tenant_id, unnest(string_split({canonical(FieldType.IDS, name(column))}, ';')) AS old_id, record_id AS into_id
            FROM observed_{left} WHERE coalesce({name(column)}, '') <> ''),
          living AS (SELECT tenant_id, record_id FROM observed_{left} WHERE NOT deleted),
          direct AS (SELECT n.* FROM named n ANTI JOIN living o ON o.tenant_id = n.tenant_id AND o.record_id = n.old_id
            WHERE n.old_id NOT IN ('', n.into_id)),
          chain AS (SELECT * FROM direct UNION
            SELECT c.tenant_id, c.old_id, d.into_id FROM chain c JOIN direct d ON d.tenant_id = c.tenant_id AND d.old_id = c.into_id)
        SELECT c.tenant_id, c.old_id, min(c.into_id) AS survivor_id FROM chain c
        SEMI JOIN living o ON o.tenant_id = c.tenant_id AND o.record_id = c.into_id
        GROUP BY c.tenant_id, c.old_id HAVING count(DISTINCT c.into_id) = 1""",
    )


def _carried(sql: Sql, contract: Contract, now_text: str) -> None:
    """`carried`: stored links after following merges; a side that is gone makes the link one-sided."""
    left, right = contract.main_object("left"), contract.main_object("right")
    present = "EXISTS (SELECT 1 FROM observed_{0} o WHERE o.tenant_id = s.tenant_id AND o.record_id = {1} AND NOT o.deleted)"
    both = f"{present.format(left, 's.now_left')} AND {present.format(right, 's.right_id')}"
    sql.make(
        "carried",
        f"""SELECT s.* EXCLUDE (old_state), CASE WHEN old_state NOT IN ('live', 'one_sided') THEN old_state
            WHEN {both} THEN 'live' ELSE 'one_sided' END AS now_state, old_state
        FROM (SELECT l.* EXCLUDE (state), l.state AS old_state, coalesce(a.survivor_id, l.left_id) AS now_left,
            {text(now_text)}::TIMESTAMPTZ AS now_at
          FROM stored_links l LEFT JOIN aliases a
          ON a.tenant_id = l.tenant_id AND a.old_id = l.left_id AND l.state IN ('live', 'one_sided')) s""",
    )


def _proposals(sql: Sql, contract: Contract) -> None:
    """`proposals`: for each right record without a link, every left record that a rule names, with the rule's place in the order.

    A pair that was linked once and is no more is not proposed again: what a person took apart stays apart.
    """
    right = contract.main_object("right")
    taken = "SELECT tenant_id, right_id FROM carried WHERE now_state IN ('live', 'one_sided')"
    sql.make(
        "free_right",
        f"SELECT r.* FROM accepted_{right} r ANTI JOIN ({taken}) t ON t.tenant_id = r.tenant_id AND t.right_id = r.record_id",
    )
    if sql.yes("SELECT count(*) = 0 FROM free_right"):  # as on nearly every day
        sql.make("proposals", _NO_PROPOSALS)
        return
    left = contract.main_object("left")
    compare: dict[str, Callable[[Contract, MatchRule, str], str]] = {"equal": _equal, "email_domain": _email_domain}
    parts = [
        f"""SELECT p.*, {place} AS place, {text(rule.name)} AS rule FROM ({compare[rule.compare](contract, rule, left)}) p"""
        for place, rule in enumerate(contract.matching.rules)
    ]
    apart = "SELECT tenant_id, left_id, right_id FROM carried WHERE now_state IN ('merged', 'tombstone')"
    sql.make("proposals", f"SELECT * FROM ({' UNION ALL '.join(parts)}) ANTI JOIN ({apart}) USING (tenant_id, left_id, right_id)")


_NO_PROPOSALS = """SELECT NULL::VARCHAR AS tenant_id, NULL::VARCHAR AS right_id, NULL::VARCHAR AS left_id, false AS doubled, 0 AS place,
  NULL::VARCHAR AS rule WHERE false"""


def _equal(contract: Contract, rule: MatchRule, left: str) -> str:
    """Both columns say the same; a right column that names a merged left record means its survivor."""
    l_type = contract.objects[left].columns[rule.left].type
    value = canonical(l_type, f"r.{name(rule.right)}")
    survivor = "coalesce(a.survivor_id, v.value)" if contract.objects[left].columns[rule.left].source == "id" else "v.value"
    return f"""SELECT v.tenant_id, v.record_id AS right_id, l.record_id AS left_id, false AS doubled
      FROM (SELECT r.tenant_id, r.record_id, {value} AS value FROM free_right r) v
      LEFT JOIN aliases a ON a.tenant_id = v.tenant_id AND a.old_id = v.value
      JOIN observed_{left} l ON l.tenant_id = v.tenant_id AND NOT l.deleted
        AND {canonical(l_type, f"l.{name(rule.left)}")} = {survivor}
      WHERE coalesce(v.value, '') <> ''"""


def _email_domain(contract: Contract, rule: MatchRule, left: str) -> str:
    """The domain of the right side's e-mail is the left side's domain; free-mail domains say nothing about a company."""
    free = text_list(d.lower() for d in contract.matching.free_mail_domains or ("",)) if rule.exclude_free_mail else "('')"
    email = canonical(FieldType.EMAIL, f"r.{name(rule.right)}")
    unique = canonical(FieldType.EMAIL, f"r.{name(rule.unique_right)}") if rule.unique_right else "r.record_id"
    domain = canonical(FieldType.DOMAIN, f"split_part({email}, '@', 2)")
    right = contract.main_object("right")
    return f"""SELECT v.tenant_id, v.record_id AS right_id, l.record_id AS left_id, coalesce(n.sharing, 1) > 1 AS doubled
      FROM (SELECT r.tenant_id, r.record_id, {domain} AS domain, {unique} AS shared FROM free_right r) v
      LEFT JOIN (SELECT tenant_id, {unique} AS shared, count(*) AS sharing FROM accepted_{right} r GROUP BY ALL) n
        ON n.tenant_id = v.tenant_id AND n.shared = v.shared AND v.shared <> ''
      JOIN observed_{left} l ON l.tenant_id = v.tenant_id AND NOT l.deleted
        AND {canonical(FieldType.DOMAIN, f"l.{name(rule.left)}")} = v.domain
      WHERE coalesce(v.domain, '') <> '' AND v.domain NOT IN {free}"""


def _verdicts(sql: Sql, contract: Contract) -> None:
    """`verdicts`: per free right record the first rule that names anything, and whether it names exactly one acceptable record."""
    left = contract.main_object("left")
    explained = " ".join(f"WHEN {text(r.name)} THEN {text(r.explanation)}" for r in contract.matching.rules)
    several = contract.matching.several_right_per_left == "aggregate"
    held = "SELECT tenant_id, now_left AS left_id, count(*) AS held FROM carried WHERE now_state IN ('live', 'one_sided') GROUP BY ALL"
    sql.make(
        "verdicts",
        f"""SELECT v.*, CASE rule {explained} END AS explanation, a.record_id IS NOT NULL AS acceptable,
          CASE WHEN candidates > 1 THEN 'ambiguous: ' || candidates || ' records match by ' || rule
            WHEN doubled THEN 'ambiguous: another record has the same value for ' || rule
            WHEN NOT {str(several).lower()} AND claims > 1 THEN 'ambiguous: ' || claims || ' records claim the same one by ' || rule
          END AS trouble
        FROM (SELECT p.*, coalesce(h.held, 0) + count(*) OVER (PARTITION BY p.tenant_id, p.left_id) AS claims FROM (
            SELECT tenant_id, right_id, rule, min(left_id) AS left_id, count(DISTINCT left_id) AS candidates, bool_or(doubled) AS doubled
            FROM (SELECT * FROM proposals QUALIFY place = min(place) OVER (PARTITION BY tenant_id, right_id)) GROUP BY ALL) p
          LEFT JOIN ({held}) h ON h.tenant_id = p.tenant_id AND h.left_id = p.left_id) v
        LEFT JOIN accepted_{left} a ON a.tenant_id = v.tenant_id AND a.record_id = v.left_id""",
    )


def _links(sql: Sql, contract: Contract, now_text: str) -> None:
    """`links`: carried links, their moves to survivors, and new ones; `unlinked`: right records left without one."""
    now = f"{text(now_text)}::TIMESTAMPTZ"
    moved = "now_left <> left_id AND now_state IN ('live', 'one_sided')"
    sql.make(
        "links",
        f"""WITH old AS (
          SELECT tenant_id, integration, link_id, left_id, right_id, CASE WHEN {moved} THEN 'merged' ELSE now_state END AS state,
            match_rule, match_evidence, created_at, epoch, decided_by,
            CASE WHEN {moved} OR now_state <> old_state THEN now_at ELSE updated_at END AS updated_at,
            CASE WHEN {moved} THEN {_link_id(contract, "now_left", "right_id")} ELSE survivor_link_id END AS survivor_link_id,
            false AS is_new, {moved} OR now_state <> old_state AS changed, link_id AS base_link_id FROM carried),
        followed AS (
          SELECT tenant_id, integration, {_link_id(contract, "now_left", "right_id")} AS link_id, now_left AS left_id, right_id,
            now_state AS state, 'merge' AS match_rule, 'the record ' || left_id || ' was merged into ' || now_left AS match_evidence,
            created_at, now_at AS updated_at, NULL::VARCHAR AS survivor_link_id, epoch, decided_by, true AS is_new,
            true AS changed, link_id AS base_link_id
          FROM carried WHERE {moved}),
        proposed AS (
          SELECT tenant_id, {text(contract.contract)} AS integration, {_link_id(contract, "left_id", "right_id")} AS link_id, left_id,
            right_id, 'live' AS state, rule AS match_rule, explanation AS match_evidence, {now} AS created_at, {now} AS updated_at,
            NULL::VARCHAR AS survivor_link_id, 1::BIGINT AS epoch, NULL::VARCHAR AS decided_by, true AS is_new, true AS changed,
            NULL::VARCHAR AS base_link_id
          FROM verdicts WHERE trouble IS NULL AND acceptable),
        made AS (SELECT * FROM followed UNION ALL BY NAME SELECT * FROM proposed)
        SELECT * FROM old ANTI JOIN made USING (tenant_id, link_id)
        UNION ALL BY NAME SELECT * FROM made
        QUALIFY row_number() OVER (PARTITION BY tenant_id, link_id ORDER BY created_at, base_link_id) = 1""",
    )
    sql.make(
        "unlinked",
        """SELECT r.tenant_id, r.record_id, CASE WHEN v.trouble IS NOT NULL THEN 'ambiguous' ELSE 'unmatched' END AS outcome,
          CASE WHEN v.right_id IS NULL AND d.right_id IS NOT NULL THEN 'link_removed'
            WHEN v.right_id IS NULL THEN 'no_rule_matched' WHEN v.trouble IS NOT NULL THEN v.rule ELSE 'counterpart_left_out' END AS rule,
          CASE WHEN v.right_id IS NULL AND d.right_id IS NOT NULL THEN 'its link was removed before and does not come back by itself'
            WHEN v.right_id IS NULL THEN 'no rule finds a counterpart' WHEN v.trouble IS NOT NULL THEN v.trouble
            ELSE 'the record it belongs to is quarantined or excluded' END AS reason
        FROM free_right r LEFT JOIN verdicts v ON v.tenant_id = r.tenant_id AND v.right_id = r.record_id
        LEFT JOIN (SELECT DISTINCT tenant_id, right_id FROM carried WHERE now_state IN ('merged', 'tombstone')) d
          ON d.tenant_id = r.tenant_id AND d.right_id = r.record_id
        ANTI JOIN (SELECT tenant_id, right_id FROM links WHERE state = 'live' AND is_new) l
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
        f"""WITH own AS (SELECT tenant_id, link_id, left_id, right_id, is_new, created_at, coalesce(base_link_id, link_id) AS base_link_id
          FROM links s ANTI JOIN excluded_{right} x ON x.tenant_id = s.tenant_id AND x.record_id = s.right_id
          ANTI JOIN {out.format(text(left))} l ON l.tenant_id = s.tenant_id AND l.record_id = s.left_id WHERE state = 'live'),
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
