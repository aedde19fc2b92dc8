"""The typed errors of clients. One that a check does not handle becomes a finding by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gmsa_doctor.core.model import Finding, Fix, Owner, Status


class UsageError(Exception):
    """The arguments or the configuration are wrong: one message on stderr, exit code 2."""


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The end of a sentence with the names that look like ``word``; empty if there are none."""
    near = nearest(word, names)
    if not near:
        return ""
    return f". Did you mean {' or '.join([', '.join(near[:-1]), near[-1]] if near[1:] else near)}?"


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """At most three names that look like ``word``, or contain it, the most similar first; case does not matter."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in names}
    folded = word.casefold()
    close = get_close_matches(folded, by_folded, 3, 0.75)
    containing = [name for name in by_folded if folded in name] if len(folded) > 3 else []
    return [by_folded[name] for name in dict.fromkeys([*close, *containing])][:3]


class ClientError(Exception):
    """A client could not do what it was asked. The text is fit for a report: it holds no secret.

    ``fault`` names what is broken for other calls too (rejected credentials): the findings of a subject with the same
    fault have one root cause.
    """

    status = Status.UNKNOWN
    fault: str | None = None

    def __init__(self, text: str, fix: Fix | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.fix = fix

    def finding(self) -> Finding:
        """The finding of a check that did not handle this error."""
        return Finding(self.status, self.text, fix=self.fix, fault=self.fault)


class Denied(ClientError):
    """We may not make this call. ``action`` is the IAM action that is missing."""

    def __init__(self, action: str, resource: str, text: str = "") -> None:
        fix = Fix(f"Allow {action} on {resource} for the credentials that run gmsa-doctor.", owner=Owner.AWS)
        super().__init__(f"access denied: {action} on {resource}", fix)
        self.action = action
        self.resource = resource
        self.aws_text = text

    @property
    def denied_by(self) -> str:
        """The kind of policy with an explicit Deny, as AWS reports it: "a resource-based policy"; empty without one.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        """
        match = re.search(r"with an explicit deny in (an? [\w -]+?(?:policy|boundary))", self.aws_text)
        return match[1] if match else ""


class NotFound(ClientError):
    """What was asked for does not exist. ``code`` is the service's own error code."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Throttled(ClientError):
    """The service asked us to slow down, and did so until our retries were used up."""


class TimedOut(ClientError):
    """No answer within the limit. ``what`` was asked (``KDC 10.0.0.5:88``); ``seconds`` waited."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what} did not answer within {seconds:g} s")
        self.what = what
        self.seconds = seconds


class Refused(ClientError):
    """The peer actively refused: a closed port, or a DNS server that answers REFUSED."""

    def __init__(self, what: str, why: str = "connection refused") -> None:
        super().__init__(f"{what}: {why}")
        self.what = what


class Unreachable(ClientError):
    """No way to the peer: no route, a name that does not resolve, a broken connection."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what


class CutOff(Unreachable):
    """A DNS server's answer was too long for UDP, and over TCP there is none."""


class ServiceError(ClientError):
    """Any other answer of an AWS service. ``code`` is its error code."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class OutOfReach(ClientError):
    """The question is not asked from here (no credentials, ``--live never``, no gssapi): skipped."""

    status = Status.SKIPPED
