"""What is promised, in the words of people: the promises that a rehearsal looks at, by the ids under which a broken one is reported."""

from collections.abc import Mapping

PROMISES: Mapping[str, str] = {
    "I1": "both sides come to agree, and then nothing is written any more",
    "I2": "nothing that a person entered is lost: it stands, or it is kept where it can be restored",
    "I3": "our own writes are never taken for changes, and nothing goes back and forth",
    "I4": "what is written is written once",
    "I5": "links join what belongs together, and lose nobody",
    "I6": "a side is never written where it owns the value",
    "I7": "what is known of a write only ever moves forward",
    "I8": "no tenant notices another one",
    "I9": "a run changes no more than the contract allows without a person",
    "I10": "the same life goes the same way every time",
    "I11": "every record and every write comes to an end that is on record",
    "I12": "amounts are exact",
    "I13": "nothing is written that the gate refuses or that is in no plan",
    "I14": "what is called certified is so, and people are told what is so",
    "H22": "a key is never used for another content",
    "bug": "the engine does not fall over",
}  # fmt: skip


def promised(promise: str) -> str:
    """A promise in words."""
    return PROMISES.get(promise, "what the engine promises")
