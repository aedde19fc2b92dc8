"""The clocks of the domain controllers."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, warned
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.domain_controllers.root_dse import RootDses

SKEW_SECONDS = 300
"""What AD allows by default. Source: MS-KILE 3.1.1.2 and the policy "Maximum tolerance for clock sync"."""


@check(
    "kerberos.clock",
    title="The domain controllers' clocks agree with ours",
    docs=links.CLOCK,
    shows=(texts.CLOCK_SKEW,),
)
def clock(dses: RootDses) -> Finding:
    """Compares the time of each domain controller (`currentTime` of its rootDSE) with ours and with each other's.

    Why: Kerberos allows five minutes. Credentials Fetcher's library adjusts to the clock of the KDC that it asked, so
    a difference from ours stops no task, though the application's own Kerberos client may refuse. Nothing adjusts
    domain controllers to each other: a ticket of one is refused by the other ("Ticket not yet valid", "Clock skew
    too great"), and which one gives the ticket and which one takes it is chance.

    Fix: let the domain controllers take their time from a reliable source; on AWS, 169.254.169.123.
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
        return passed("the domain controllers' clocks agree with ours", rows=rows)
    off = f"the clock of {endpoint.host} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    meaning = "Credentials Fetcher adjusts, other Kerberos clients may refuse"
    if apart > SKEW_SECONDS:
        meaning = (
            f"those of {clocks[-1][1]} and {clocks[0][1]} are {apart:.0f} s apart, to which nobody adjusts: the "
            "tickets of one are refused by the other, and which is asked is chance"
        )
    return warned(
        f"{off}; {meaning}",
        observed=f"{endpoint.host}: {dse.current_time:%Y-%m-%d %H:%M:%S} UTC; here: {dse.asked_at:%H:%M:%S} UTC",
        expected=f"at most {SKEW_SECONDS} s apart",
        fix=Fix("Mend the time source of the one that is wrong.", ("w32tm /query /status",)),
        rows=rows,
    )
