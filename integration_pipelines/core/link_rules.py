"""Rules that recognise the same customer on both sides, for right records that have no link; what is in doubt becomes a review queue.

Makes `free_right` (right records without a link), `verdicts` (per such record the first rule that names anything, and whether it names
exactly one acceptable record) and `doubtful` (the pairs that a person has to decide about). Stored links come before all of it.
"""

from collections.abc import Callable

from integration_pipelines.core.canonical import canonical
from integration_pipelines.core.contract import Contract, FieldType, MatchRule
from integration_pipelines.core.sql import Sql, name, text, text_list

CANDIDATES = 20
"""So many pairs are kept for one record in doubt; the evidence says how many there are."""
RETURNED, WITHDRAWN = "returned", "withdrawn"
"""Why a pair waits that was linked once; and what is said of one that no longer needs a decision."""


def propose(sql: Sql, contract: Contract) -> None:
    """Make `free_right`, `verdicts` and `doubtful` from `carried` (stored links that need a second look), `unmet` and the accepted records."""
    _proposals(sql, contract)
    _verdicts(sql, contract)
    sql.make(
        "doubtful",
        f"""SELECT p.tenant_id, p.left_id, p.right_id, p.rule,
          v.explanation || ' Not certain: ' || replace(v.trouble, 'ambiguous: ', '') || '.' AS evidence
        FROM (SELECT DISTINCT tenant_id, left_id, right_id, rule FROM best_proposals) p
        JOIN verdicts v ON v.tenant_id = p.tenant_id AND v.right_id = p.right_id WHERE v.trouble IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY p.tenant_id, p.right_id ORDER BY p.left_id) <= {CANDIDATES}""",
    )
    sql.drop("proposals", "best_proposals")


def _proposals(sql: Sql, contract: Contract) -> None:
    """`proposals`: for each right record without a link, every left record that a rule names, with the rule's place in the order.

    A pair that was linked once and is no more is not proposed again: what a person took apart stays apart. Neither is anything proposed
    for a record whose old pair waits for a decision.
    """
    right = contract.main_object("right")
    perhaps = """SELECT tenant_id, right_id FROM unmet WHERE link_id IS NULL
      UNION SELECT tenant_id, right_id FROM carried WHERE old_state = 'live'"""
    taken = "SELECT tenant_id, right_id FROM carried WHERE now_state IN ('live', 'one_sided')"
    sql.make(
        "free_right",
        f"""SELECT r.* FROM accepted_{right} r SEMI JOIN ({perhaps}) p ON p.tenant_id = r.tenant_id AND p.right_id = r.record_id
        ANTI JOIN ({taken}) t ON t.tenant_id = r.tenant_id AND t.right_id = r.record_id""",
    )
    if not contract.matching.rules or sql.yes("SELECT count(*) = 0 FROM free_right"):  # as on nearly every day
        sql.make("proposals", _NO_PROPOSALS)
        return
    left = contract.main_object("left")
    compare: dict[str, Callable[[Contract, MatchRule, str], str]] = {"equal": _equal, "email_domain": _email_domain}
    parts = [
        f"""SELECT p.*, {place} AS place, {text(rule.name)} AS rule FROM ({compare[rule.compare](contract, rule, left)}) p"""
        for place, rule in enumerate(contract.matching.rules)
    ]
    apart = f"SELECT tenant_id, left_id, right_id FROM carried WHERE now_state IN ('merged', 'tombstone') AND now_rule <> {text(WITHDRAWN)}"
    waiting = "SELECT tenant_id, right_id FROM carried WHERE now_state = 'proposed'"
    sql.make(
        "proposals",
        f"""SELECT * FROM ({" UNION ALL ".join(parts)}) ANTI JOIN ({apart}) USING (tenant_id, left_id, right_id)
        ANTI JOIN ({waiting}) USING (tenant_id, right_id)""",
    )


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
    explained = " ".join(f"WHEN rule = {text(r.name)} THEN {text(r.explanation)}" for r in contract.matching.rules)
    several = contract.matching.several_right_per_left != "ambiguous"
    sql.make("best_proposals", "SELECT * FROM proposals QUALIFY place = min(place) OVER (PARTITION BY tenant_id, right_id)")
    held = """SELECT s.tenant_id, s.now_left AS left_id, count(*) AS held FROM standing s
      SEMI JOIN best_proposals b ON b.tenant_id = s.tenant_id AND b.left_id = s.now_left
      WHERE s.now_state IN ('live', 'one_sided') GROUP BY ALL"""
    sql.make(
        "verdicts",
        f"""SELECT v.*, CASE WHEN rule IS NULL THEN NULL {explained} END AS explanation, a.record_id IS NOT NULL AS acceptable,
          CASE WHEN candidates > 1 THEN 'ambiguous: ' || candidates || ' records match by ' || rule
            WHEN doubled THEN 'ambiguous: another record has the same value for ' || rule
            WHEN NOT {str(several).lower()} AND claims > 1 THEN 'ambiguous: ' || claims || ' records claim the same one by ' || rule
          END AS trouble
        FROM (SELECT p.*, coalesce(h.held, 0) + count(*) OVER (PARTITION BY p.tenant_id, p.left_id) AS claims FROM (
            SELECT tenant_id, right_id, rule, min(left_id) AS left_id, count(DISTINCT left_id) AS candidates, bool_or(doubled) AS doubled
            FROM best_proposals GROUP BY ALL) p
          LEFT JOIN ({held}) h ON h.tenant_id = p.tenant_id AND h.left_id = p.left_id) v
        LEFT JOIN accepted_{left} a ON a.tenant_id = v.tenant_id AND a.record_id = v.left_id""",
    )
