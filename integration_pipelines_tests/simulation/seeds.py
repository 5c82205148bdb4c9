"""Lives in which something was found once: seed → what it was. They are lived again with all the others."""

from collections.abc import Mapping

CRM_BILLING: Mapping[int, str] = {}
