"""``gmsa-doctor completion``: the script for a shell, and what the script asks.

The script asks with the words typed so far. The answer's first line is ``words`` or ``files``: what fits is in the
lines that follow, or is a file, which the shell knows best how to complete. Whatever goes wrong, nothing fits.
"""

from __future__ import annotations

import contextlib
import inspect
import shlex
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gmsa_doctor.cli.app import app, command
from gmsa_doctor.cli.help import first_sentence
from gmsa_doctor.cli.options import Many
from gmsa_doctor.cli.process import guarded, print_
from gmsa_doctor.cli.reports import ReportKind
from gmsa_doctor.core.exit_code import ExitCode

_HELP = """\
Print the completion script for a shell.

Also completes clusters, services, schedules, rules and state machines, if there are AWS credentials.
To enable it in each new shell:

\b
bash   echo 'source <(gmsa-doctor completion bash)' >> ~/.bashrc
zsh    echo 'source <(gmsa-doctor completion zsh)' >> ~/.zshrc     (after compinit)
fish   echo 'gmsa-doctor completion fish | source' >> ~/.config/fish/config.fish
"""
_HELP_COLUMNS = 72


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@dataclass(frozen=True)
class Word:
    """What may stand there, and what it means."""

    text: str
    help: str = ""


FILES = None
"""In place of words: a file fits."""
Fitting = Sequence[Word] | None


@dataclass
class Line:
    """What was typed before the word to complete: the command, its options with their values, its arguments."""

    command: Any = None
    options: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    open: Any = None
    """The option whose value is due."""


@command("completion", help=_HELP)
def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell.", show_default=False)],
    words: Annotated[
        Many, typer.Argument(help="Given by the script: what was typed, the word to complete last.", show_default=False)
    ] = None,
) -> None:
    """Print the completion script for a shell; ``_HELP`` is what users see."""
    if words is None:
        guarded(lambda: _print_script(shell))
    with contextlib.suppress(Exception):  # in the middle of a line that is being typed, no message is of use
        sys.stdout.write(_answer(shell, _split(words[0])[1:] if shell is Shell.BASH else words))


def _print_script(shell: Shell) -> ExitCode:
    print_(Path(__file__).with_suffix(f".{shell}").read_text(encoding="utf-8"))
    return ExitCode.PASS


def _split(line: str) -> list[str]:
    """A line of bash in words, as far as it was typed."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[str] = []
    try:
        found.extend(lexer)
    except ValueError:  # a quotation that is still open
        return [*found, lexer.token]
    return found if found and not line[-1:].isspace() else [*found, ""]


def _answer(shell: Shell, words: Sequence[str]) -> str:
    fits = fitting(typer.main.get_command(app), words)
    if fits is FILES:
        return "files\n"
    return "".join(f"{line}\n" for line in ("words", *(_shown(shell, word) for word in fits)))


def _shown(shell: Shell, word: Word) -> str:
    text = word.text.replace(":", "\\:") if shell is Shell.ZSH else word.text
    between = {Shell.BASH: "", Shell.ZSH: ":", Shell.FISH: "\t"}[shell]
    return f"{text}{between}{word.help}" if between and word.help else text


# What fits -----------------------------------------------------------------------------------------


def fitting(group: Any, words: Sequence[str]) -> Fitting:
    """What the last of the words may become. ``group`` is the click group of all commands."""
    *before, current = words or [""]
    line = _read(group, before)
    command = line.command or group
    if line.open is not None:
        return _beginning(current, _values(line, line.open, current))
    name, equals, value = current.partition("=")
    if equals and current.startswith("--"):
        option = _option(command, name)
        fits = _beginning(value, _values(line, option, value)) if option and _takes_value(option) else ()
        return FILES if fits is FILES else [Word(f"{name}={word.text}", word.help) for word in fits]
    if current.startswith("-"):
        return _beginning(current, _options(line, command))
    if line.command is None:
        commands = group.commands.items()
        return _beginning(current, [Word(name, _short(known.help)) for name, known in commands if not known.hidden])
    return _beginning(current, _arguments(line))


def _read(group: Any, words: Iterable[str]) -> Line:
    line, only_arguments = Line(), False
    for word in words:
        if line.open is not None:
            line.options[line.open.name], line.open = word, None
        elif word == "--" and not only_arguments:
            only_arguments = True
        elif word.startswith("-") and not only_arguments:
            name, equals, value = word.partition("=")
            option = _option(line.command or group, name)
            if option is not None:
                line.options[option.name] = value
                line.open = option if _takes_value(option) and not equals else None
        elif line.command is None:
            line.command = group.commands.get(word) or _NoCommand()
        else:
            line.arguments.append(word)
    return line


class _NoCommand:
    """Stands for a command that does not exist: nothing fits behind it."""

    params: tuple[Any, ...] = ()
    callback = None


def _option(command: Any, name: str) -> Any:
    return next((option for option in command.params if name in (*option.opts, *option.secondary_opts)), None)


def _takes_value(option: Any) -> bool:
    return not (option.is_flag or option.count)


def _options(line: Line, command: Any) -> list[Word]:
    """Long names of the options that may still be given."""
    words = [
        Word(name, _short(option.help))
        for option in command.params
        if option.param_type_name == "option" and not option.hidden
        if option.multiple or option.name not in line.options
        for name in (*option.opts, *option.secondary_opts)
        if name.startswith("--")
    ]
    return [*words, Word("--help", "Show this message and exit.")] if command.params else words


def _arguments(line: Line) -> Fitting:
    """What fits an argument; without arguments, the options."""
    arguments = [known for known in line.command.params if known.param_type_name == "argument" and not known.hidden]
    if not arguments:
        return _options(line, line.command)
    due = [*arguments[len(line.arguments) :], *(argument for argument in arguments if argument.nargs == -1)]
    return _values(line, due[0], "") if due else ()


def _values(line: Line, parameter: Any, current: str) -> Fitting:
    """What fits an option or an argument."""
    if parameter.name in _NAMES:
        before = current[: current.rfind(",") + 1] if parameter.multiple else ""
        return [Word(before + word.text, word.help) for word in _NAMES[parameter.name](line, current)]
    if parameter.name == "report" and "=" not in current:
        return [Word(kind if kind is ReportKind.GITHUB else f"{kind}=") for kind in ReportKind]
    hints = list(_parts(_hint(line.command, parameter.name)))
    for hint in hints:
        if isinstance(hint, type) and issubclass(hint, Enum):
            return [Word(str(member.value)) for member in hint]
    metavar = parameter.metavar or ""
    return FILES if "FILE" in metavar or metavar == "PATH" or Path in hints else ()


def _beginning(current: str, fits: Fitting) -> Fitting:
    return fits if fits is FILES else [word for word in fits if word.text.startswith(current)]


def _short(text: str | None) -> str:
    """A help text's first sentence, on one line."""
    sentence = first_sentence(text)
    return sentence if len(sentence) <= _HELP_COLUMNS else f"{sentence[: _HELP_COLUMNS - 1]}…"


def _hint(command: Any, name: str) -> Any:
    """The parameter's annotation. click's own types are not asked: typer has moved them between versions."""
    return typing.get_type_hints(inspect.unwrap(command.callback)).get(name)


def _parts(hint: Any) -> Iterable[Any]:
    yield hint
    for part in typing.get_args(hint):
        yield from _parts(part)


# Names ---------------------------------------------------------------------------------------------


def _clusters(line: Line, _current: str) -> list[Word]:
    from gmsa_doctor.clients.aws.completion import clusters

    return [Word(name) for name in clusters(line.options.get("profile"), line.options.get("region"))]


def _services(line: Line, _current: str) -> list[Word]:
    from gmsa_doctor.clients.aws.completion import services

    cluster = line.options.get("cluster") or "default"
    return [Word(name) for name in services(cluster, line.options.get("profile"), line.options.get("region"))]


def _schedules(line: Line, current: str) -> list[Word]:
    from gmsa_doctor.clients.aws.completion import schedules

    return _in_group(schedules, line, current)


def _rules(line: Line, current: str) -> list[Word]:
    from gmsa_doctor.clients.aws.completion import rules

    return _in_group(rules, line, current)


def _in_group(names: Callable[..., tuple[str, ...]], line: Line, current: str) -> list[Word]:
    """The names in a group of schedules, or on an event bus, which is named before a slash."""
    group, slash, _ = current.rpartition("/")
    found = names(group or "default", line.options.get("profile"), line.options.get("region"))
    return [Word(f"{group}{slash}{name}") for name in found]


def _state_machines(line: Line, _current: str) -> list[Word]:
    from gmsa_doctor.clients.aws.completion import state_machines

    return [Word(name) for name in state_machines(line.options.get("profile"), line.options.get("region"))]


def _ids(_line: Line, _current: str = "") -> list[Word]:
    from gmsa_doctor.core import registry

    return [Word(check.id, check.title) for check in registry.load().checks]


def _ids_and_areas(line: Line, _current: str) -> list[Word]:
    ids = _ids(line)
    areas = dict.fromkeys(word.text.partition(".")[0] for word in ids)
    return [*(Word(area, "The whole area") for area in areas), *ids]


_NAMES: dict[str, Callable[[Line, str], list[Word]]] = {
    "cluster": _clusters,
    "services": _services,
    "schedule": _schedules,
    "rule": _rules,
    "state_machine": _state_machines,
    **dict.fromkeys(("only", "skip", "require"), _ids_and_areas),
    "words": _ids,
}
"""By the parameter's name: an option means the same in each command that has it."""
