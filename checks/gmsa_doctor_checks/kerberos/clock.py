"""The clocks of the domain controllers."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, warned
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.domain_controllers.root_dse import RootDses

SKEW_SECONDS = 300
"""What AD allows by default. Source: MS-KILE 3.1.1.2 and the policy "Maximum tolerance for clock sync"."""


@check(
    "kerberos.clock",
    title="The domain controllers' clocks agree",
    docs=links.CLOCK,
    shows=(texts.CLOCK_SKEW,),
)
def clock(dses: RootDses) -> Finding:
    """Compares the clock of each domain controller (`currentTime` of its rootDSE) with the local clock and the others.

    Why: Kerberos allows a difference of five minutes. Credentials Fetcher's library adjusts to the clock of the KDC, so
    a difference from the local clock stops no task, but the application's own Kerberos client may refuse. Nothing
    adjusts domain controllers to each other: each rejects tickets issued by the other ("Ticket not yet valid", "Clock
    skew too great"), so logons fail intermittently.

    Fix: Synchronize the domain controllers with a reliable time source; on AWS, 169.254.169.123.
    """
    rows = tuple(
        Row(
            str(endpoint),
            Status.WARN if abs(dse.seconds_ahead) > SKEW_SECONDS else Status.PASS,
            f"{dse.seconds_ahead:+.0f} s",
        )
        for endpoint, dse in dses.answers
    )
    endpoint, dse = max(dses.answers, key=lambda answer: abs(answer[1].seconds_ahead))
    ahead = dse.seconds_ahead
    clocks = sorted((dse.seconds_ahead, endpoint.host) for endpoint, dse in dses.of_domain)
    apart = clocks[-1][0] - clocks[0][0] if clocks else 0.0
    if max(abs(ahead), apart) <= SKEW_SECONDS:
        return passed("the domain controllers' clocks agree with the local clock", rows=rows)
    off = f"the clock of {endpoint.host} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the local clock"
    effect = "Credentials Fetcher adjusts to it, other Kerberos clients may refuse"
    if apart > SKEW_SECONDS:
        effect = (
            f"the clocks of {clocks[-1][1]} and {clocks[0][1]} differ by {apart:.0f} s. Each rejects tickets issued by "
            "the other, so logons fail intermittently"
        )
    return warned(
        f"{off}; {effect}",
        observed=f"{endpoint.host}: {dse.current_time:%Y-%m-%d %H:%M:%S} UTC; here: {dse.asked_at:%H:%M:%S} UTC",
        expected=f"at most {SKEW_SECONDS} s apart",
        fix=Fix(
            "Fix the time source of the domain controller whose clock is wrong, then synchronize it.",
            ("w32tm /query /status", "w32tm /resync /rediscover"),
        ),
        rows=rows,
    )
