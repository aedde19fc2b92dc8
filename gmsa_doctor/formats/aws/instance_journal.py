"""The script that reads the journal of a container instance, and its output.

The script only reads. Of ecs.config it prints the settings for gMSA alone: others may be secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SCRIPT = r"""echo '== credentials-fetcher'
(rpm -q credentials-fetcher || dpkg-query -W credentials-fetcher) 2>/dev/null
echo '== ecs-agent'
curl -s --max-time 5 http://localhost:51678/v1/metadata; echo
echo '== ecs.config'
grep -E '^(ECS_GMSA_SUPPORTED|CREDENTIALS_FETCHER_HOST_DIR)=' /etc/ecs/ecs.config
echo '== journal'
journalctl -u credentials-fetcher --no-pager -o short-iso -n 400 | tail -c 15000
echo '== ecs-agent.log'
grep -iE 'credential|gmsa|kerberos' /var/log/ecs/ecs-agent.log | tail -c 6000
"""
"""Its output fits into the 24,000 characters that Systems Manager returns. The agent's version is at its introspection
endpoint.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-introspection.html
"""

_HEADING = re.compile(r"== (credentials-fetcher|ecs-agent|ecs\.config|journal|ecs-agent\.log)")
_TIME = re.compile(r"(?:^|\btime=\"?)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)")
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")


@dataclass(frozen=True)
class JournalOutput:
    """What the script printed: versions (empty if unknown), settings, and the lines of each log with their times."""

    daemon: str = ""
    agent: str = ""
    settings: tuple[str, ...] = ()
    journal: tuple[tuple[datetime, str], ...] = ()
    agent_log: tuple[tuple[datetime, str], ...] = ()


def read_journal(text: str) -> JournalOutput:
    """The output of :data:`SCRIPT`, also if it ends early."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if heading := _HEADING.fullmatch(line.strip()):
            name = heading[1]
        else:
            sections.setdefault(name, []).append(line)
    daemon = _VERSION.search(" ".join(sections.get("credentials-fetcher", ())))
    return JournalOutput(
        daemon[0] if daemon else "",
        _agent("".join(sections.get("ecs-agent", ()))),
        tuple(line.strip() for line in sections.get("ecs.config", ()) if line.strip()),
        tuple(_timed(sections.get("journal", []))),
        tuple(_timed(sections.get("ecs-agent.log", []))),
    )


def _agent(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    found = _VERSION.search(str(document.get("Version", ""))) if isinstance(document, dict) else None
    return found[0] if found else ""


def _timed(lines: list[str]) -> Iterator[tuple[datetime, str]]:
    """Each line with its time, or with that of the line before it; lines before the first time are cut."""
    time: datetime | None = None
    for line in lines:
        if match := _TIME.search(line):
            time = datetime.fromisoformat(f"{match[1]}{match[2]}").astimezone(UTC)
        if time:
            yield time, line
