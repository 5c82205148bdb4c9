"""The properties that companies have in every account, before anybody adds one. Data only; rules are in `definitions`."""

from integration_pipelines.partner_models.base import Json

STANDARD_GROUP = "companyinformation"
DEFAULT_PROPERTIES = ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name")
ALWAYS_SENT = ("createdate", "hs_lastmodifieddate", "hs_object_id")
"""Properties that come with every company, asked for or not."""

# (type, field type, read-only) → names
_WORDS = {
    ("string", "text", False): """
        address address2 city country domain facebook_company_page googleplus_page hs_additional_domains hs_linkedin_handle
        hs_logo_url linkedin_company_page linkedinbio name state timezone total_money_raised twitterbio twitterhandle website
        zip founded_year""",
    ("string", "textarea", False): "about_us description hs_quick_context",
    ("string", "phonenumber", False): "phone",
    ("number", "number", False): "annualrevenue facebookfans numberofemployees twitterfollowers",
    ("datetime", "date", False): "closedate",
    ("bool", "booleancheckbox", False): "is_public",
    ("enumeration", "select", False): """
        hs_csm_sentiment hs_ideal_customer_profile hs_lead_status hs_target_account hubspot_owner_id industry lifecyclestage
        type""",
    ("enumeration", "booleancheckbox", False): "hs_is_target_account",
    ("string", "text", True): """
        first_conversion_event_name hs_analytics_source_data_1 hs_analytics_source_data_2 hs_avatar_filemanager_key
        hs_country_code hs_merged_object_ids hs_object_source_detail_1 hs_object_source_id hs_object_source_label
        hs_unique_creation_key hubspot_team_id recent_conversion_event_name""",
    ("enumeration", "select", True): """
        hs_all_owner_ids hs_all_team_ids hs_all_accessible_team_ids hs_analytics_latest_source hs_analytics_source
        hs_employee_range hs_object_source hs_revenue_range hs_user_ids_of_all_owners web_technologies""",
    ("number", "number", True): """
        days_to_close hs_analytics_num_page_views hs_analytics_num_visits hs_created_by_user_id hs_num_blockers
        hs_num_child_companies hs_num_contacts_with_buying_roles hs_num_decision_makers hs_num_open_deals hs_object_id
        hs_object_source_user_id hs_parent_company_id hs_predictivecontactscore_v2 hs_target_account_probability
        hs_total_deal_value hs_updated_by_user_id hubspotscore num_associated_contacts num_associated_deals
        num_contacted_notes num_conversion_events num_notes recent_deal_amount total_revenue""",
    ("datetime", "date", True): """
        createdate engagements_last_meeting_booked first_contact_createdate first_conversion_date first_deal_created_date
        hs_analytics_first_timestamp hs_analytics_last_timestamp hs_createdate hs_last_booked_meeting_date
        hs_last_logged_call_date hs_last_open_task_date hs_last_sales_activity_date hs_last_sales_activity_timestamp
        hs_lastmodifieddate hubspot_owner_assigneddate notes_last_contacted notes_last_updated notes_next_activity_date
        recent_conversion_date recent_deal_close_date""",
    ("bool", "booleancheckbox", True): "hs_read_only hs_was_imported",
}
_OPTIONS = {
    "hs_csm_sentiment": "at_risk neutral healthy",
    "hs_ideal_customer_profile": "tier_1 tier_2 tier_3",
    "hs_is_target_account": "true false",
    "hs_lead_status": "NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING",
    "hs_object_source": "INTEGRATION CRM_UI IMPORT MERGE_COMPANIES",
    "hs_target_account": "tier_1 tier_2 tier_3",
    "industry": """
        ACCOUNTING BANKING BIOTECHNOLOGY COMPUTER_SOFTWARE CONSTRUCTION CONSUMER_GOODS EDUCATION_MANAGEMENT FINANCIAL_SERVICES
        HOSPITAL_HEALTH_CARE HOSPITALITY INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE INTERNET LAW_PRACTICE LOGISTICS_AND_SUPPLY_CHAIN
        MANAGEMENT_CONSULTING MARKETING_AND_ADVERTISING REAL_ESTATE RETAIL TELECOMMUNICATIONS""",
    "lifecyclestage": "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other",
    "type": "PROSPECT PARTNER RESELLER VENDOR OTHER",
}


def standard_properties() -> list[Json]:
    """Every standard property as a creation would describe it, plus `readOnly`."""
    return [
        _described(name, kind, field_type, read_only=read_only)
        for (kind, field_type, read_only), names in _WORDS.items()
        for name in names.split()
    ]


def options(values: str) -> list[Json]:
    """Options in their order, from words."""
    return [
        {"label": label(value), "value": value, "displayOrder": place, "hidden": False}
        for place, value in enumerate(values.split())
    ]


def label(name: str) -> str:
    """Words for people from a name."""
    return name.removeprefix("hs_").replace("_", " ").capitalize()


def _described(name: str, kind: str, field_type: str, *, read_only: bool) -> Json:
    external = {"externalOptions": True, "referencedObjectType": "OWNER"} if name == "hubspot_owner_id" else {}
    boolean = "true false" if kind == "bool" else ""
    return {
        "name": name,
        "label": label(name),
        "type": kind,
        "fieldType": field_type,
        "groupName": STANDARD_GROUP,
        "description": "",
        "options": options(_OPTIONS.get(name, boolean)),
        "readOnly": read_only,
        **external,
    }
