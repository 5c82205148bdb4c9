"""How HubSpot is spoken to: paths, limits, and the catalogue of fields that exist there and may be written.

Facts only. What a value means is `translate`; sending and receiving is `client` and its siblings.
"""

import re
from dataclasses import dataclass

from integration_pipelines.partners.http import Bucket

API_VERSION = "2026-03"
"""The date in every path. HubSpot supports a version for at least 18 months; v3 ends in September 2027."""

LIST_PAGE = 100
SEARCH_PAGE = 200
BATCH = 100

COMPANIES = "companies"
OWNERS = "owners"


DEFAULT, SEARCH = "default", "search"
BUCKETS = {DEFAULT: Bucket(per_second=11.0, burst=100), SEARCH: Bucket(per_second=4.0, burst=4)}
"""Below HubSpot's own figures, since other apps call too: an account has 190 calls in 10 seconds, a publicly distributed app
110; search has a limit of its own of 5 a second and account, in older words 4."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The addresses of one API version."""

    version: str = API_VERSION

    def companies(self) -> str:
        """The list and, below it, single companies, batches and the search."""
        return f"/crm/objects/{self.version}/{COMPANIES}"

    def owners(self) -> str:
        """The people of the account."""
        return f"/crm/owners/{self.version}"

    def properties(self, partner_object: str) -> str:
        """The schema of an object."""
        return f"/crm/properties/{self.version}/{partner_object}"

    def account(self) -> str:
        """Which account a token leads to."""
        return f"/account-info/{self.version}/details"


STANDARD_PROPERTIES = frozenset(
    """
    about_us address address2 annualrevenue city closedate country createdate
    days_to_close description domain engagements_last_meeting_booked facebook_company_page facebookfans
    first_contact_createdate first_conversion_date first_conversion_event_name first_deal_created_date founded_year
    googleplus_page hubspot_owner_assigneddate hubspot_owner_id hubspot_team_id hubspotscore industry is_public
    lifecyclestage linkedin_company_page linkedinbio name notes_last_contacted notes_last_updated
    notes_next_activity_date num_associated_contacts num_associated_deals num_contacted_notes num_conversion_events
    num_notes numberofemployees phone recent_conversion_date recent_conversion_event_name recent_deal_amount
    recent_deal_close_date state timezone total_money_raised total_revenue twitterbio twitterfollowers twitterhandle type
    web_technologies website zip
    hs_additional_domains hs_all_accessible_team_ids hs_all_owner_ids hs_all_team_ids hs_analytics_first_timestamp
    hs_analytics_first_visit_timestamp hs_analytics_last_timestamp hs_analytics_last_visit_timestamp
    hs_analytics_latest_source hs_analytics_num_page_views hs_analytics_num_visits hs_analytics_source
    hs_analytics_source_data_1 hs_analytics_source_data_2 hs_avatar_filemanager_key hs_country_code hs_created_by_user_id
    hs_createdate hs_csm_sentiment hs_customer_success_ticket_sentiment hs_employee_range hs_ideal_customer_profile
    hs_industry_group hs_is_target_account hs_keywords hs_last_booked_meeting_date hs_last_logged_call_date
    hs_last_open_task_date hs_last_sales_activity_date hs_last_sales_activity_timestamp hs_last_sales_activity_type
    hs_lastmodifieddate hs_lead_status hs_linkedin_handle hs_logo_url hs_merged_object_ids hs_notes_next_activity_type
    hs_num_blockers hs_num_child_companies hs_num_contacts_with_buying_roles hs_num_decision_makers hs_num_open_deals
    hs_object_id hs_object_source hs_object_source_detail_1 hs_object_source_id hs_object_source_label
    hs_object_source_user_id hs_parent_company_id hs_pipeline hs_predictivecontactscore_v2 hs_quick_context
    hs_read_only hs_revenue_range hs_shared_team_ids hs_shared_user_ids hs_target_account
    hs_target_account_probability hs_task_label hs_total_deal_value hs_unique_creation_key hs_updated_by_user_id
    hs_user_ids_of_all_notification_followers hs_user_ids_of_all_owners hs_was_imported
    """.split()  # noqa: SIM905 - a list of words is easier to read and to compare
)
"""Properties every account's companies have; any other valid name is the tenant's own."""

_WRITABLE_HS = frozenset(
    """
    hs_additional_domains hs_csm_sentiment hs_ideal_customer_profile hs_lead_status hs_logo_url hs_pipeline
    hs_quick_context hs_target_account
    """.split()  # noqa: SIM905 - a list of words is easier to read and to compare
)
_COMPUTED = frozenset(
    """
    createdate days_to_close first_contact_createdate first_conversion_date first_conversion_event_name
    first_deal_created_date hubspot_owner_assigneddate hubspot_team_id notes_last_contacted notes_last_updated
    notes_next_activity_date num_associated_contacts num_associated_deals num_contacted_notes num_conversion_events
    num_notes recent_conversion_date recent_conversion_event_name recent_deal_amount recent_deal_close_date total_revenue
    engagements_last_meeting_booked hubspotscore
    """.split()  # noqa: SIM905 - a list of words is easier to read and to compare
)
ALWAYS_SENT = frozenset({"createdate", "hs_createdate", "hs_lastmodifieddate", "hs_object_id"})
"""Properties that come with every company, asked for or not."""

MERGED_IDS = "hs_merged_object_ids"
"""The property that lists the ids a company had before it was merged; asked for wherever an id may have been merged away."""

_READABLE = {
    COMPANIES: frozenset({"id", "createdAt", "updatedAt", "archived", "archivedAt"}),
    OWNERS: frozenset(
        {
            "id", "email", "firstName", "lastName", "userId", "userIdIncludingInactive", "type", "archived", "createdAt",
            "updatedAt", "teams",
        }
    ),
}  # fmt: skip
TOP_LEVEL = {
    COMPANIES: _READABLE[COMPANIES] | {"properties", "propertiesWithHistory", "associations", "objectWriteTraceId", "url"},
    OWNERS: _READABLE[OWNERS],
}
"""What a record is known to have beside its properties."""

_NESTED: dict[tuple[str, ...], frozenset[str]] = {(OWNERS, "teams"): frozenset({"id", "name", "primary"})}
_CUSTOM_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_RESERVED = ("hs_", "hubspot_")


def knows(partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
    """Whether a column's source can exist at HubSpot.

    Args:
        partner_object: `companies` or `owners`.
        path: as in a contract, e.g. `properties.domain`; inside a nested list the path of its column, e.g. `name`. A property
            that is no standard one is taken for a tenant's own.
        nested: the sources of the lists around it, outermost first, e.g. `("teams",)`.
    """
    if nested:
        return path in _NESTED.get((partner_object, *nested), frozenset())
    if path in _READABLE.get(partner_object, frozenset()):
        return True
    name = property_of(path)
    return partner_object == COMPANIES and name is not None and (name in STANDARD_PROPERTIES or _may_be_custom(name))


def writable(partner_object: str, path: str) -> bool:
    """Whether HubSpot lets an app write this field: properties, but for those it computes itself."""
    name = property_of(path)
    if name is None or not knows(partner_object, path):
        return False
    return name in _WRITABLE_HS or not (name.startswith("hs_") or name in _COMPUTED)


def settable(partner_object: str, path: str) -> bool:
    """Whether a new record may start with a value there; what we may write later, we may start with."""
    return writable(partner_object, path)


def identifying(partner_object: str, path: str) -> bool:
    """Whether a value there belongs to one record for good; of properties only those that are made to hold unique values do."""
    return partner_object in TOP_LEVEL and path == "id"


def creatable(partner_object: str, path: str) -> bool:
    """Whether a field there can be made at set-up: companies take properties of our own."""
    name = property_of(path)
    return partner_object == COMPANIES and name is not None and _may_be_custom(name)


def option(partner_object: str, name: str) -> frozenset[str] | None:
    """What an option of an object may say: there are none."""
    del partner_object, name
    return None


def property_of(path: str) -> str | None:
    """The property's name in a path such as `properties.domain`; None for a top-level field."""
    head, _, name = path.partition(".")
    return name if head == "properties" and name else None


def _may_be_custom(name: str) -> bool:
    return _CUSTOM_NAME.fullmatch(name) is not None and not name.startswith(_RESERVED)
