"""Lives in which something was found once: seed → what it was. They are lived again with all the others."""

from collections.abc import Mapping

CRM_BILLING: Mapping[int, str] = {
    140: "a process was killed when it had written and before it kept what had differed: what it replaced was on record nowhere",
}
SUPPORT_INCIDENTS: Mapping[int, str] = {
    215: "processes died one after another while they told people of an incident, and it was said a third time",
    817: "a list left an incident out that was to be made, and the run that found it did not balance",
    1917: "a first list came empty, and a run that asks for changes believed it",
    5559: "a record named another owner when it was read again, and the name that we had written was taken for somebody's edit",
}
STRICT: Mapping[int, str] = {
    16016: "an approved plan stood for ever for the sake of a write that was given up, and nothing else went out",
    19346: "the survivor of a merge that a push met was asked for in the balance of what had been read before",
}
"""The same under tight limits, and with a field that both sides may edit."""
