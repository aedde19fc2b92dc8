"""What no answer means: a failure where we see what the task sees, else a question not asked."""

from __future__ import annotations

from gmsa_doctor.model import Finding, Fix, skipped
from gmsa_doctor.vantage import Vantage
from gmsa_doctor_checks.commands import posix


def judge_silence(failure: Finding, vantage: Vantage, servers: tuple[str, ...] = ()) -> Finding:
    """``failure`` where silence counts; else a skip that says what to run instead.

    A laptop is not in the VPC: that it gets no answer says nothing about the task. ``servers`` are DNS
    servers that the task would ask, as far as known.
    """
    if vantage.silence_counts:
        return failure
    server = servers[0] if servers else "<address of a DNS server of the AD>"
    return skipped(
        f"out of reach from here: {failure.summary}",
        fix=Fix(
            "Run the same command in the task's network (an EC2 instance or a task in its subnets); with a route to "
            "the AD, add --dns-server; --live always makes silence a failure.",
            (f"gmsa-doctor check … --dns-server {posix(server)}",),
        ),
    )
