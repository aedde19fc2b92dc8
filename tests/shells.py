"""Interactive shells on a terminal of their own, in which somebody types."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60
"""A test gives up after that; it expects nothing of the time."""
_SHOW = "\x07"  # Ctrl-G prints the line that is being typed
_BASH = r"""
PS1='ready> '
source <("$GMSA_DOCTOR_COMMAND" completion bash)
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind '"\e*": insert-completions'
_show() { printf '<<%s>>' "$READLINE_LINE"; }
bind -x '"\C-g": _show'
"""
_ZSH = r"""
PS1='ready> '
setopt nobeep
autoload -Uz compinit && compinit -D -u
source <("$GMSA_DOCTOR_COMMAND" completion zsh)
_show() { print -rn "<<$BUFFER>>"; }
zle -N _show
bindkey '^G' _show
"""


@dataclass
class Terminal:
    """What a shell shows, and the keys that are pressed in it."""

    fd: int
    shown: str = ""
    _seen: int = field(default=0)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what came since the last one."""
        deadline = time.monotonic() + SECONDS
        while not (match := re.search(pattern, self.shown[self._seen :], re.DOTALL)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} never came: {self.shown!r}")
            try:
                self.shown += os.read(self.fd, 65536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"the shell ended: {self.shown!r}") from error
        self._seen += match.end()
        return match

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def after(self, keys: str) -> str:
        """The line after these keys, which it leaves empty again."""
        self.press(keys + _SHOW)
        line = self.wait_for("<<(.*?)>>")[1]
        self.press("\x15")  # Ctrl-U
        return line


@contextmanager
def _interactive(command: list[str], env: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**env, "TERM": "dumb", "COLUMNS": "400"},
        cwd=cwd, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    terminal = Terminal(master)
    try:
        terminal.wait_for("ready> ")
        yield terminal
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


@contextmanager
def bash(env: Mapping[str, str], home: Path) -> Iterator[Terminal]:
    """Run an interactive bash with our completion; nothing of the machine's own."""
    (home / "rc").write_text(_BASH)
    with _interactive(["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"], env, home) as terminal:
        yield terminal


@contextmanager
def zsh(env: Mapping[str, str], home: Path) -> Iterator[Terminal]:
    """Run an interactive zsh with our completion; nothing of the machine's own."""
    (home / ".zshrc").write_text(_ZSH)
    with _interactive(["zsh", "-d", "-i"], {**env, "ZDOTDIR": str(home)}, home) as terminal:
        yield terminal


def fish_completes(line: str, env: Mapping[str, str], home: Path) -> list[str]:
    """What fish offers for this line, with our completion."""
    script = '$GMSA_DOCTOR_COMMAND completion fish | source; complete -C "$argv[1]"'
    ended = subprocess.run(
        ["fish", "--no-config", "-c", script, line], env=dict(env), cwd=home, capture_output=True, text=True, timeout=60
    )
    assert ended.stderr == ""
    return [one.partition("\t")[0] for one in ended.stdout.splitlines()]
