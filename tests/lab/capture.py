"""Draw what the terminal shows of the demonstration's broken service: the picture of the README.

python -m tests.lab.capture    writes docs/images/check.svg, as root
"""

import io
import subprocess
import textwrap
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.lab.demo import LIMIT, laboratory
from tests.scenarios.examples import settled

FILE = Path(__file__).parents[2] / "docs" / "images" / "check.svg"
COLUMNS = 80
_FONT = "ui-monospace, Menlo, Consolas, monospace"
_CHARACTER, _LINE = 8.4, 18
_COLORS = {"31": "#f85149", "32": "#3fb950", "33": "#d29922", "35": "#bc8cff", "36": "#39c5cf", "2": "#8b949e"}


def main() -> None:
    """Run the check on a terminal of 80 columns, and draw it."""
    with laboratory() as lab:
        broken = lab.services[1]
        env = {**lab.aws.environ(), "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        command = [*broken.command, "--color", "always"]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    lines = settled(ended.stdout).split("\n\n", 1)[1].rstrip()  # in a pipe the verdict comes first as well
    FILE.parent.mkdir(exist_ok=True)
    typed = " \\\n    ".join(textwrap.wrap("$ gmsa-doctor " + " ".join(broken.command[1:]), COLUMNS - 6))
    FILE.write_text(drawn(f"{typed}\n\n{lines}"), encoding="utf-8")


def drawn(ansi: str) -> str:
    """Give the text with its colours as an SVG that needs no font and no script."""
    console = Console(width=200, file=io.StringIO(), color_system="standard", force_terminal=True)
    rows = Text.from_ansi(ansi).split(allow_blank=True)
    parts = [f'<tspan x="16" y="{28 + number * _LINE}">{_row(row, console)}</tspan>' for number, row in enumerate(rows)]
    width = int(32 + _CHARACTER * max(len(row.plain) for row in rows))
    height = 28 + _LINE * len(rows)
    title = "gmsa-doctor check: a root cause with its owner and fix"
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
