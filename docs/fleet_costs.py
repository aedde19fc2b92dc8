"""The cost of one run of the fleet in Step Functions. `python docs/fleet_costs.py` prints the table of docs/fleet.md.

Prices of us-east-1 in dollars; the date is that of the page, or the day on which an undated page was read.
"""

from dataclasses import dataclass

SERVICES, ACCOUNTS, REGIONS = 10_000, 300, 2
SHARDS = ACCOUNTS * REGIONS
CALLS = 16
"""Calls for a service that shares nothing, as `python -m tests.bench.services` measures."""
MINUTES = 2
"""Of a task: 17 services, with the start of the task. Fargate bills one minute at least."""


@dataclass(frozen=True)
class Item:
    """A line of the bill."""

    what: str
    amount: float
    unit: str
    price: float
    per: int
    source: str

    @property
    def dollars(self) -> float:
        """The cost of one run."""
        return self.amount * self.price / self.per


_FARGATE = "[factualminds.com](https://www.factualminds.com/blog/amazon-fargate-ecs-task-pricing-2026.md), 2026-06-17"
_STATES = "[AWS](https://aws.amazon.com/step-functions/pricing/), read 2026-11-30"
_SECRETS = (
    "[hivebook.wiki](https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms), "
    "read 2026-11-30"
)
_S3 = "[c3x.dev](https://c3x.dev/blog/s3-request-fees-explained), read 2026-11-30"
_TRAIL = "[AWS](https://aws.amazon.com/cloudtrail/pricing/), read 2026-11-30"
_HOURS = (SHARDS + 2) * MINUTES / 60

ITEMS = (
    Item("Fargate, 0.5 vCPU for each task", _HOURS * 0.5, "vCPU hours", 0.04048, 1, _FARGATE),
    Item("Fargate, 1 GB for each task", _HOURS, "GB hours", 0.004445, 1, _FARGATE),
    Item("Step Functions, state transitions", 2 * SHARDS + 6, "transitions", 0.025, 1_000, _STATES),
    Item("Secrets Manager, three calls for each secret", 3 * SERVICES, "calls", 0.05, 10_000, _SECRETS),
    Item("S3, reports written", SHARDS + 2, "requests", 0.005, 1_000, _S3),
    Item("S3, reports and CredSpecs read", 2 * SHARDS + 2 * SERVICES, "requests", 0.0004, 1_000, _S3),
)
SECOND_TRAIL = Item("CloudTrail, if a second trail records them", CALLS * SERVICES, "events", 2, 100_000, _TRAIL)


def table() -> str:
    """The table, in Markdown."""
    lines = ["| what | amount | price | cost of a run | source of the price |", "|---|---|---|---|---|"]
    lines += [_line(item) for item in ITEMS]
    lines.append(f"| **sum** | | | **${sum(item.dollars for item in ITEMS):.2f}** | |")
    return "\n".join([*lines, _line(SECOND_TRAIL)])


def _line(item: Item) -> str:
    price = f"${item.price:g}" + (f" for {item.per:,}" if item.per > 1 else "")
    return f"| {item.what} | {item.amount:,.0f} {item.unit} | {price} | ${item.dollars:.2f} | {item.source} |"


if __name__ == "__main__":
    print(table())  # noqa: T201
