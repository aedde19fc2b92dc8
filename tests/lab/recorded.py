"""The healthy account as it was recorded: what moto remembers of it, part by part, and its answers on a tape.

In a test that plays it, `create` makes only the parts of the account that differ from the healthy one. The others stand
as they were recorded: the tape answers for them, and moto gets its memory of a part back when something is asked that
is not on the tape, or when the test changes the part.
"""

import json
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

FILE = Path(__file__).with_name("tape.json")
_PARTS = {"ds": "ec2", "route53": "ec2", "route53resolver": "ec2", "rds": "ec2", "elbv2": "ec2", "sts": "iam"}
"""The services that know of what another one keeps are one part with it. A part has the name of its main service."""
_REMEMBERED = ("ec2", "ds", "secretsmanager", "s3", "iam", "ecs")
"""The services in which the healthy account has something."""


def part_of(service: str) -> str:
    """Give the part of the account that a service belongs to."""
    return _PARTS.get(service, service)


# What moto remembers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """What moto's backends of one part hold."""

    content: bytes

    def restore(self) -> None:
        """Restore moto's memory."""
        for place, state in _Unpickler(BytesIO(self.content)).load():
            backend = _backend(*place)
            backend.__dict__.clear()
            backend.__dict__.update(state)
            for subnet in (subnet for zone in state.get("subnets", {}).values() for subnet in zone.values()):
                for _ in subnet.aws_reserved_ips:  # which address is next is kept for each object, outside of it
                    next(iter(subnet._subnet_ip_generator))


def memory(part: str) -> Memory:
    """Give what moto remembers of a part now."""
    buffer = BytesIO()
    places = [place for service in _REMEMBERED if part_of(service) == part for place in _places(service)]
    _Pickler(buffer).dump([(place, _backend(*place).__dict__) for place in places])
    return Memory(buffer.getvalue())


def _forget(part: str) -> None:
    """Clear moto's memory of a part."""
    for service in _REMEMBERED:
        if part_of(service) == part:
            for place in _places(service):
                _backend(*place).reset()


class _Pickler(pickle.Pickler):
    """Backends that know each other stay those of the process."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.known = {id(_backend(*place)): place for service in _REMEMBERED for place in _places(service)}

    def persistent_id(self, obj: Any) -> tuple[str, str, str] | None:
        return self.known.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: tuple[str, str, str]) -> Any:
        return _backend(*pid)


def _places(service: str) -> list[tuple[str, str, str]]:
    from moto.backends import get_backend

    backends = get_backend(service)  # type: ignore[call-overload]
    return [(service, account, region) for account, regions in backends.items() for region in regions]


def _backend(service: str, account: str, region: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)[account][region]  # type: ignore[call-overload]


# What it answers ------------------------------------------------------------------------------------------


@dataclass
class Tape:
    """Answers by the call that they were given to."""

    answers: dict[str, bytes] = field(default_factory=dict)

    def answer(self, call: str) -> Any:
        """Give the answer, new each time, or None. Raises botocore's ClientError where that was the answer."""
        content = self.answers.get(call)
        if content is None:
            return None
        given = pickle.loads(content)
        if "Error" in given:
            raise ClientError(given, call.split()[1])
        if "Body" in given:
            given["Body"] = StreamingBody(BytesIO(given["Body"]), len(given["Body"]))
        return given

    def record(self, call: str, ask: Callable[[], Any]) -> Any:
        """Ask, remember the answer, and give it."""
        try:
            given = dict(ask())
        except ClientError as error:
            self.answers[call] = pickle.dumps(error.response)
            raise
        if "Body" in given:
            given["Body"] = given["Body"].read()
        self.answers[call] = pickle.dumps(given)
        return self.answer(call)


def call_named(service: str, operation: str, region: str, parameters: Mapping[str, Any]) -> str:
    """Give the text by which a call is found on a tape."""
    return f"{service} {operation} {region} {json.dumps(parameters, sort_keys=True, default=str)}"


def read_tape(dc: str) -> Tape:
    """Read the tape from its file, for a domain controller of this address."""
    text = FILE.read_text(encoding="utf-8").replace("{dc}", dc)
    answers: dict[str, Any] = json.loads(text, object_hook=_from_json)
    return Tape({call: pickle.dumps(answer) for call, answer in answers.items()})


def text_of(tape: Tape, dc: str) -> str:
    """Give the text of the tape's file, without what differs between two accounts that are equally well.

    The CredSpec holds the domain's ids: it is read again.
    """
    answers = {call: pickle.loads(content) for call, content in tape.answers.items()}
    kept = {call: _lasting(answer) for call, answer in answers.items() if "Body" not in answer}
    text = json.dumps(kept, indent=1, default=_to_json, sort_keys=True)
    return re.sub(rf"(?<![\d.]){re.escape(dc)}(?![\d.])", "{dc}", text) + "\n"


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    """Remove what belongs to one request only."""
    headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
    kept = {name: value for name, value in headers.items() if name == "x-amz-bucket-region"}
    return {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": kept}}


_DATE = "2026-01-01T00:00:00+00:00"


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"date": _DATE}
    raise TypeError(f"{type(value)} cannot be kept on a tape")


def _from_json(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["date"]) if set(value) == {"date"} else value


# The account ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HealthyAccount:
    """What is needed to play it."""

    environment: Any
    created: Any
    memories: Mapping[str, Memory]
    tape: Tape


class Player:
    """Which parts of an account stand as they were recorded. `account` is None: none does."""

    def __init__(self) -> None:
        self.account: HealthyAccount | None = None
        self._asleep: set[str] = set()
        """The parts of which moto remembers nothing yet."""
        self._changed: set[str] = set()
        self._begun = False
        self._lock = RLock()

    def play(self, account: HealthyAccount | None) -> None:
        """Begin with an account in which all is as recorded, or with an empty one."""
        self.account = account
        self._asleep = set(account.memories) if account else set()
        self._changed = set()
        self._begun = False

    def begin(self) -> HealthyAccount | None:
        """Give the account that is played, if any, to who makes the first environment in it."""
        first, self._begun = not self._begun, True
        return self.account if first else None

    def wake(self) -> None:
        """Restore moto's memory of all parts: services read each other's."""
        with self._lock:
            while self.account and self._asleep:
                self.account.memories[self._asleep.pop()].restore()

    def change(self, service: str) -> None:
        """From now on, what this service holds differs from the recording.

        Who changes something before an environment is made begins with an empty account.
        """
        if not self._begun:
            self.play(None)
        self.wake()
        self._changed |= {service, part_of(service)}  # a part's main service does not know what the others keep

    def discard(self, service: str) -> None:
        """Have the part of this service created again."""
        self.change(service)
        self._changed |= {other for other, part in _PARTS.items() if part == service}
        _forget(part_of(service))

    def tape_for(self, service: str) -> Tape | None:
        """Give the tape if it answers for this service."""
        return self.account.tape if self.account and service not in self._changed else None


def seed(part: str, account: str = "", region: str = "") -> None:
    """Make moto's next generated ids the same each time.

    With a region: whether or not its EC2 has been used before, since moto generates ids when it begins.
    """
    from moto.moto_api._internal import mock_random

    if region:
        _backend("ec2", account, region)
    mock_random.seed(part)


def memories() -> dict[str, Memory]:
    """Give what moto remembers of each part."""
    return {part: memory(part) for part in dict.fromkeys(map(part_of, _REMEMBERED))}
