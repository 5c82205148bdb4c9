"""Lives in which something was found once: seed → what it was. They are lived again with all the others."""

from collections.abc import Mapping

CRM_BILLING: Mapping[int, str] = {
    140: "a process was killed when it had written and before it kept what had differed: what it replaced was on record nowhere",
}
