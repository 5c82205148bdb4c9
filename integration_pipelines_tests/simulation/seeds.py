"""Lives in which something was found once: seed → what it was. They are lived again with all the others."""

from collections.abc import Mapping

CRM_BILLING: Mapping[int, str] = {
    140: "a process was killed when it had written and before it kept what had differed: what it replaced was on record nowhere",
}
SUPPORT_INCIDENTS: Mapping[int, str] = {
    215: "processes died one after another while they told people of an incident, and it was said a third time",
    817: "a list left an incident out that was to be made, and the run that found it did not balance",
}
