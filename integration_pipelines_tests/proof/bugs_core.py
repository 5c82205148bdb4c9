"""Bugs planted in the heart: links, merges of records, roll-ups, the merge of values, differences, plans, limits and the balance."""

from integration_pipelines_tests.proof.planting import Bug, Code, Words

_CORE = "integration_pipelines.core."

LINKS = (
    Bug(
        "gone_stays_live",
        "a link goes on although one of its records is gone",
        (Words(_CORE + "links", "_STATES", "WHEN NOT here THEN 'one_sided'", "WHEN NOT here AND false THEN 'one_sided'"),),
    ),
    Bug(
        "merge_forgets_its_links",
        "a merged record's link stays with the record that is gone",
        (Words(_CORE + "links", "_MOVED", "now_left <> left_id AND now_state IN ('live', 'one_sided')", "false"),),
        seeds=600,
    ),
    Bug(
        "ranked_across_tenants",
        "which link of a company is the oldest is asked of all tenants at once",
        (
            Code(
                _CORE + "links",
                "_live",
                "row_number() OVER (PARTITION BY tenant_id, left_id ORDER BY created_at, right_id)",
                "row_number() OVER (PARTITION BY left_id ORDER BY created_at, right_id)",
            ),
        ),
        world="money",
    ),
    Bug(
        "any_order",
        "which of a company's links counts is a matter of chance",
        (
            Code(
                _CORE + "links",
                "_live",
                "row_number() OVER (same ORDER BY k.created_at, k.right_id)",
                "row_number() OVER (same ORDER BY k.chance)",
                more=(("AS base_link_id, p.dispute\n", "AS base_link_id, p.dispute, random() AS chance\n"),),
            ),
        ),
        world="money",
    ),
    Bug(
        "refused_for_everybody",
        "a record that the gate refuses at one tenant leaves at every tenant that has one of that id",
        (
            Code(
                _CORE + "intake",
                "accept",
                "LEFT JOIN refused r ON r.tenant_id = o.tenant_id AND r.record_id",
                "LEFT JOIN (SELECT DISTINCT ON (record_id, object) * FROM refused) r ON r.record_id",
            ),
        ),
    ),
    Bug(
        "two_links_for_one",
        "a record that is linked already is offered to the rules again",
        (
            Code(
                _CORE + "link_rules",
                "_proposals",
                "ANTI JOIN ({taken}) t ON t.tenant_id = r.tenant_id AND t.right_id = r.record_id",
                "",
            ),
        ),
        seeds=600,
    ),
)

VALUES = (
    Bug(
        "base_before_acknowledgement",
        "the base moves to what is about to be written, before anybody confirmed it",
        (
            Code(
                _CORE + "reconcile",
                "_base_moves",
                "f\"{name('l_' + f)} = {name('r_' + f)} AND {name('l_' + f)} IS DISTINCT FROM {name('z_' + f)}\"",
                "f\"{name('l_' + f)} IS NOT NULL AND {name('r_' + f)} IS NOT NULL AND {owners(contract, f)} IS DISTINCT FROM {name('z_' + f)}\"",
                more=(("THEN {name('l_' + f)} ELSE", "THEN {owners(contract, f)} ELSE"),),
            ),
        ),
        seeds=600,
    ),
    Bug(
        "last_writer_wins",
        "whoever edited last wins, whoever owns the field",
        (
            Words(
                _CORE + "reconcile",
                "_JUDGED",
                "CASE WHEN owner_side <> 'two_way' THEN owner_side",
                "CASE WHEN owner_side <> 'two_way' THEN CASE WHEN o = z THEN CASE owner_side WHEN 'left' THEN 'right' ELSE 'left' END"
                " ELSE owner_side END",
            ),
        ),
    ),
    Bug(
        "raw_compare",
        "values are compared letter by letter, as each side spells them",
        (Code(_CORE + "canonical", "_form", "return by_kind.get(kind, bare)", "return bare"),),
    ),
    Bug(
        "missing_is_blank",
        "a property that the partner does not have any more counts as blank",
        (
            Code(
                _CORE + "said",
                "_said",
                "Said(raw, canonical(spec.type, present))",
                "Said(raw, f\"coalesce({canonical(spec.type, present)}, '')\")",
            ),
        ),
    ),
    Bug(
        "archived_staff_stays",
        "somebody who left still looks after customers",
        (Code(_CORE + "merge", "_canonical_lookups", "coalesce(lower(o.archived) = 'true', false)", "false"),),
    ),
    Bug(
        "quarantine_is_ignored",
        "records that the gate refuses go on",
        (
            Code(
                _CORE + "intake",
                "accept",
                "WHERE r.record_id IS NOT NULL OR e.record_id IS NOT NULL",
                "WHERE e.record_id IS NOT NULL",
            ),
        ),
    ),
    Bug(
        "blank_means_keep",
        "what the owner blanked stays on the other side",
        (Code(_CORE + "settled", "_owners_value", '{"clear": own,', '{"clear": f"nullif({own}, \'\')",'),),
    ),
)

ROLL_UPS = (
    Bug(
        "one_customer_of_several",
        "of the customers behind a company only one is added up",
        (
            Code(
                _CORE + "merge",
                "widen",
                "left_id AS group_id, right_id AS customer_id, siblings",
                "left_id AS group_id, right_id AS customer_id, 1 AS siblings",
            ),
        ),
        world="money",
    ),
    Bug(
        "best_status_wins",
        "of several subscriptions the best status is shown instead of the worst",
        (
            Words(
                _CORE + "rollup_groups",
                "_ADDED",
                "min(list_position([{list}], f.status))",
                "max(list_position([{list}], f.status))",
            ),
        ),
        world="money",
    ),
    Bug(
        "currencies_add_up",
        "amounts in several currencies are added",
        (
            Words(
                _CORE + "rollup_groups", "_ADDED", "CASE WHEN one_currency <> last_currency THEN '' ELSE {minor} END", "{minor}"
            ),
            Words(
                _CORE + "rollup_groups",
                "_ADDED",
                "CASE WHEN one_currency <> last_currency THEN 'MIXED' ELSE",
                "CASE WHEN false THEN '' ELSE",
            ),
        ),
        world="money",
    ),
    Bug(
        "cents_of_everything",
        "every currency is taken to have two decimals",
        (Code(_CORE + "canonical", "decimals", "THEN {n}'", "THEN 2'"),),
        world="money",
    ),
    Bug(
        "years_as_months",
        "what is paid once a year counts as paid every month",
        (
            Words(
                _CORE + "rollup",
                "_MONTHLY",
                "WHEN 'year' THEN rdiv({amount}, 12 * count)",
                "WHEN 'year' THEN rdiv({amount}, count)",
            ),
        ),
        world="money",
    ),
    Bug(
        "ended_still_pays",
        "a subscription that ended still counts",
        (Words(_CORE + "rollup", "_SUBS", "status IN {counted}{paused} AS counted", "true AS counted"),),
        world="money",
    ),
    Bug(
        "discounts_are_forgotten",
        "the full price counts, whatever discount a customer has",
        (Code(_CORE + "rollup", "_whole", 'f"CASE WHEN shared IS NULL THEN {total} ELSE {_fold(total, steps)} END"', "total"),),
        world="money",
    ),
    Bug(
        "currencies_in_two_spellings",
        "a currency in small letters is another currency",
        (Code(_CORE + "canonical", "_form", 'FieldType.CURRENCY: f"upper({bare})"', "FieldType.CURRENCY: bare"),),
        world="money",
    ),
    Bug(
        "nothing_ever_ends",
        "a subscription that ended is taken for one that runs",
        (Words(_CORE + "rollup", "_SUBS", "status IN {ended} AS ended", "false AS ended"),),
        world="money",
    ),
)

PLANS = (
    Bug(
        "held_is_not_told",
        "what waits for a person is on nobody's list",
        (Code(_CORE + "diffs", "_field_rows", 'FROM cells"""', 'FROM cells WHERE action <> \'hold\'"""'),),
    ),
    Bug(
        "no_limit_of_updates",
        "a run may change as many records as it likes",
        (
            Code(
                _CORE + "guards",
                "guard",
                '_broken("records would change", numbers.changed, before.records, records, share)',
                '""',
            ),
        ),
        world="tight",
    ),
    Bug(
        "no_limit_of_blankings",
        "a run may blank as many values as it likes",
        (
            Code(
                _CORE + "guards",
                "guard",
                '_broken(\n            "values would be blanked"',
                '"" and _broken(\n            "values would be blanked"',
            ),
        ),
        world="tight",
    ),
    Bug(
        "excluded_has_no_outcome",
        "records that are out of scope vanish from the balance",
        (
            Code(
                _CORE + "balance",
                "outcomes",
                "SELECT tenant_id, object, record_id, outcome, rule FROM left_out",
                "SELECT tenant_id, object, record_id, outcome, rule FROM left_out WHERE outcome <> 'excluded'",
            ),
        ),
        seeds=600,
    ),
    Bug(
        "counted_twice",
        "a record of two links has two outcomes",
        (
            Code(
                _CORE + "balance",
                "_main",
                "SELECT DISTINCT tenant_id, {own} AS record_id",
                "SELECT tenant_id, {own} AS record_id",
            ),
        ),
    ),
    Bug(
        "one_key_for_a_record",
        "every write of a record goes out under the same key",
        (Code(_CORE + "writes", "write_id", "{plan_id}\\x1f{target}", "\\x1f{target}"),),
    ),
    Bug(
        "differences_without_the_other_value",
        "a difference forgets what stood on the left side",
        (Code(_CORE + "diffs", "_field_rows", "l AS left_value", "o AS left_value"),),
        world="money",
    ),
)

BUGS = (*LINKS, *VALUES, *ROLL_UPS, *PLANS)
