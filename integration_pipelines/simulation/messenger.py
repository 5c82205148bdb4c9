"""People at a chat who hear what we say, with what goes wrong on the way: refused, not answered, or heard while the answer is lost."""

from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.messages import Message, Messenger
from integration_pipelines.ports.partner import Applied, Probe, Refused, Unknown, WriteOutcome
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.process import Process


class LifeMessenger(Messenger):
    """One life's chat, as one process sees it. No chat recognises a repeat."""

    def __init__(self, life: Life, process: Process, partner: str) -> None:
        self.partner = partner
        self._life, self._process = life, process
        self._calls = 0

    def send(self, message: Message) -> WriteOutcome:
        """Heard once for each time that it arrives."""
        life, name = self._life, message.message_id
        self._process.must_live(life.tenant)
        self._calls += 1
        if life.strikes("H01"):
            return Refused(name, ErrorKind.RATE_LIMITED, "The partner asks us to wait.", "")
        if life.strikes("H05"):
            life.tell("message lost", text=message.text)
            return Unknown(name, "The partner answered with an error.")
        life.heard[name].append(life.tell("said", text=message.text))
        if life.strikes("P16"):
            self._process.kill(life.tenant, "while a message was under way")
            self._process.must_live(life.tenant)
        if life.strikes("H08"):
            life.tell("said, unanswered", text=message.text)
            return Unknown(name, "The answer was lost.")
        return Applied(name, "")

    def probe(self) -> Probe:
        """Always well."""
        return Probe(ok=True, account=self._life.tenant, text="")

    @property
    def calls(self) -> int:
        """Calls so far."""
        return self._calls

    def close(self) -> None:
        """Nothing to close."""
