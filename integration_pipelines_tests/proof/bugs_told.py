"""Bugs planted in what people are told: the merged customers, and what their roll-ups are made up of."""

from integration_pipelines_tests.proof.planting import Bug, Code

BUGS = (
    Bug(
        "one_part_of_several",
        "of several subscriptions people are told one",
        (
            Code(
                "integration_pipelines.core.rollup_groups",
                "customer_parts",
                'members=f"{facts}_members"',
                'members="(FROM sub_facts WHERE false)"',
            ),
        ),
        world="money",
    ),
    Bug(
        "told_what_was",
        "people are told what the first run found, whatever later ones find",
        (
            Code(
                "integration_pipelines.use_cases.keep_merged",
                "keep_merged",
                "    if entries:",
                "    if entries and not ports.manifest.current(sorted(tenants), seen.inputs.contract.contract, DATASET):",
            ),
        ),
    ),
)
