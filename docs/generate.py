"""Write the pages that are made of the code: docs/checks/ and docs/aws-calls.md.

python docs/generate.py            write them
python docs/generate.py --check    only say what is out of date, and end with 1 then
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from gmsa_doctor.checking.explain import shown_texts, source_of
from gmsa_doctor.clients.aws.completion import EcsNames
from gmsa_doctor.clients.aws.event_bridge import EventBridge
from gmsa_doctor.clients.aws.fargate import RUN_CLIENTS
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import AwsClient, operations
from gmsa_doctor.core import registry
from gmsa_doctor.core.model import Check

DOCS = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py: change the code, then run `make docs`. -->"


def check_page(check: Check) -> str:
    """The page of one check."""
    shown = [f"| `{_cell(text)}` | {', '.join(versions)} |" for text, versions in shown_texts(check).items()]
    parts = [
        NOTE,
        f"# {check.id}",
        f"{check.title}." + (f" Documented cause: `{check.cause}`." if check.cause else ""),
        check.explanation.what,
        f"**Why:** {check.explanation.why}",
        f"**Fix:** {check.explanation.fix}",
    ]
    if shown:
        parts.append("\n".join(["| Credentials Fetcher may show it as | version |", "|---|---|", *shown]))
    needs = ", ".join(f"`{need.type.__name__}`" for need in check.needs)
    gives = f" Gives `{check.gives.__name__}`." if check.gives else ""
    path, _ = source_of(check)
    parts += [
        f"Needs {needs}.{gives} Limit: {check.limit:g} s. Source: [`{path}`](../../checks/{path}).",
        f"See <{check.docs}>.",
    ]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def index(checks: tuple[Check, ...]) -> str:
    """The table of all checks."""
    rows = [f"| [{check.id}]({check.id}.md) | {check.title} | {check.cause or ''} |" for check in checks]
    return "\n".join([NOTE, "", "# Checks", "", "| id | what | documented cause |", "|---|---|---|", *rows, ""])


def aws_calls() -> str:
    """The tables of AWS calls, a command each."""
    return "\n".join(
        [
            NOTE,
            "",
            "# AWS calls",
            "",
            "All that a command may call. Tests compare these tables with the calls really made.",
            "",
            "## check",
            "",
            "It reads, and calls what a subject needs of this, once.",
            "",
            *_calls(AWS_CLIENTS),
            "",
            "With `--event-bus`, which asks for it, also:",
            "",
            *_calls((EventBridge,)),
            "",
            "## run",
            "",
            "Outside, what `check` may call, and these. The probes read from S3 and Secrets Manager with the service's",
            "execution role, and put their report there with `--report-s3`. `gmsa-doctor iam-policy --for run` prints",
            "the policy.",
            "",
            *_calls(RUN_CLIENTS),
            "",
            "## completion",
            "",
            "The shell's completion asks for names, where there are credentials.",
            "",
            *_calls((EcsNames,)),
            "",
            "`krb5-conf`, and `iam-policy` of a service or a task definition, call some of what `check` may call.",
            "The other commands call nothing.",
            "",
        ]
    )


def _calls(clients: Iterable[type[AwsClient]]) -> list[str]:
    rows = sorted({(call.name, call.action) for client in clients for call in operations(client)})
    return ["| operation | IAM action |", "|---|---|", *(f"| `{name}` | `{action}` |" for name, action in rows)]


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    checks = tuple(check for check in registry.load().checks if check.origin == "gmsa-doctor")
    found = {DOCS / "checks" / f"{check.id}.md": check_page(check) for check in checks}
    return {**found, DOCS / "checks" / "README.md": index(checks), DOCS / "aws-calls.md": aws_calls()}


def main() -> int:
    """Write the pages, or compare them."""
    wanted = pages()
    old = set((DOCS / "checks").glob("*.md")) - set(wanted)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in sorted([*stale, *old]):
            print(f"{path.relative_to(DOCS.parent)} is out of date: run `make docs`")  # noqa: T201
        return 1 if stale or old else 0
    for path in old:
        path.unlink()
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
