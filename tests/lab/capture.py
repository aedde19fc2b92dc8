"""Draw what the terminal shows of real runs: the pictures of the README and of the tutorials.

python -m tests.lab.capture    writes docs/images/check.svg, run.svg and ci.svg, as root
"""

import io
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.command import environ
from tests.lab import accounts
from tests.lab.demo import COMMAND, LIMIT, laboratory
from tests.probe.service import IMAGE, made, named
from tests.scenarios import changes
from tests.scenarios.examples import settled

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TEMPLATE = Path(__file__).parents[1] / "samples" / "as_written" / "e1-bucket-arn.yaml"
COLUMNS = 80
_FONT = "ui-monospace, Menlo, Consolas, monospace"
_CHARACTER, _LINE = 8.4, 18
_COLORS = {"31": "#f85149", "32": "#3fb950", "33": "#d29922", "35": "#bc8cff", "36": "#39c5cf", "2": "#8b949e"}


def main() -> None:
    """Run each command on a terminal of 80 columns, and draw it."""
    IMAGES.mkdir(exist_ok=True)
    with laboratory() as lab:
        broken = lab.services[1]
        draw("check", "gmsa-doctor check: a root cause with its owner and fix", broken.command[1:], lab.aws.environ())
        lab.aws.reset()
        with made(lab.dc, lab.aws, named("web"), changes.user(accounts.OUTSIDER)) as (environment, _):
            names = ["--cluster", environment.cluster, "--service", environment.name]
            command = ["run", *names, "--image", IMAGE, "--yes"]
            draw("run", "gmsa-doctor run: the same from inside", command, lab.aws.environ())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deploy").mkdir()
        (Path(folder) / "deploy" / "web.yaml").write_text(wrong_template(), encoding="utf-8")
        env = environ(Path(folder))
        draw("ci", "gmsa-doctor check: a fault in a file", ["check", "--offline", "deploy"], env, folder)


def wrong_template() -> str:
    """Give a template whose credentialSpecs have the prefix of domain-joined hosts, in the wrong case."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace('"credentialspecdomainless:"', '"CredentialSpecDomainless:"')


def draw(name: str, title: str, arguments: Sequence[str], env: Mapping[str, str], cwd: str | None = None) -> None:
    """Draw a command with what it prints."""
    env = {**env, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    command = [str(COMMAND), *arguments, "--color", "always"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT, check=False, cwd=cwd)
    lines = settled(ended.stdout).split("\n\n", 1)[1].rstrip()  # in a pipe the verdict comes first as well
    typed = " \\\n    ".join(textwrap.wrap("$ gmsa-doctor " + " ".join(arguments), COLUMNS - 6))
    (IMAGES / f"{name}.svg").write_text(drawn(f"{typed}\n\n{lines}", title), encoding="utf-8")


def drawn(ansi: str, title: str) -> str:
    """Give the text with its colours as an SVG that needs no font and no script."""
    console = Console(width=200, file=io.StringIO(), color_system="standard", force_terminal=True)
    rows = Text.from_ansi(ansi).split(allow_blank=True)
    parts = [f'<tspan x="16" y="{28 + number * _LINE}">{_row(row, console)}</tspan>' for number, row in enumerate(rows)]
    width = int(32 + _CHARACTER * max(len(row.plain) for row in rows))
    height = 28 + _LINE * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n'
        f'<text xml:space="preserve" font-family="{_FONT}" font-size="14" fill="#e6edf3">'
        + "\n".join(parts)
        + "</text>\n</svg>\n"
    )


def _row(row: Text, console: Console) -> str:
    pieces = []
    for segment in row.render(console):
        text = segment.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").rstrip("\n")
        style = segment.style
        attributes = ""
        if style and style.bold:
            attributes += ' font-weight="bold"'
        if style and style.color and style.color.number is not None:
            attributes += f' fill="{_COLORS.get(str(30 + style.color.number), "#e6edf3")}"'
        pieces.append(f"<tspan{attributes}>{text}</tspan>" if attributes else text)
    return "".join(pieces)


if __name__ == "__main__":
    main()
