"""What is said to people at a partner's product, such as a chat: single messages, each meant to be sent once."""

from abc import abstractmethod
from dataclasses import dataclass

from integration_pipelines.ports.partner import Door, WriteOutcome


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text for a channel. What the partner would read as markup is the adapter's to escape: parts of it come from customers."""

    message_id: str  # the same for every repeat; `write_id` of its outcome
    channel: str  # blank: the one that the connection says
    text: str


class Messenger(Door):
    """One tenant's way to people at one partner. Thread-safe; closes its connections on `close`."""

    @abstractmethod
    def send(self, message: Message) -> WriteOutcome:
        """Say it.

        `Refused` only if it was certainly not said: its kind tells whether trying again is of any use. Without a trustworthy answer it is
        `Unknown`, since no partner here recognises a repeat. Raises nothing expected.
        """
