"""Lives in which something was found once: seed → what it was. They are lived again with all the others."""

from collections.abc import Mapping

CRM_BILLING: Mapping[int, str] = {
    1737: "a write to a company that was merged away was taken for carried out, since the survivor happened to say the same",
    145: "what an approved plan lacked was to be planned by the next run, and that one had to come before the life was at rest",
    314: "a write that waited for its next try was taken for nothing left to write",
    569: "an amount agreed with what was added up without a customer in quarantine, and differed from the whole",
    3342: "somebody entered just what a write that was lost was to say",
}
