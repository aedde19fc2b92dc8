"""Dataclasses as the parameters of a command."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters, values_of
from gmsa_doctor.cli.options import AwsOptions, Many, SelectionOptions, SubjectOptions, request_of
from gmsa_doctor.given.request import Live, Request


@dataclass(frozen=True, kw_only=True)
class Group:
    size: Annotated[int, typer.Option(min=1, help="How large.")] = 1
    output: Annotated[Path | None, typer.Option("--to", metavar="FILE")] = None


@dataclass(frozen=True, kw_only=True)
class Arguments:
    name: Annotated[str, typer.Argument()]
    group: Group
    live: Annotated[Live, typer.Option()] = Live.AUTO
    tags: Annotated[Many, typer.Option("--tag")] = None
    quiet: Annotated[bool, typer.Option("--quiet")] = False


def ended(*words: str, kind: Any = Arguments) -> tuple[int, str, list[Any]]:
    app = typer.Typer(rich_markup_mode=None)
    taken: list[Any] = []

    def command(context: typer.Context, arguments: Any) -> None:
        """What users see."""
        taken.extend((context.info_name, arguments))

    command.__annotations__["arguments"] = kind
    app.command()(fields_as_parameters(command))
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output, taken


def test_defaults_are_those_of_the_fields() -> None:
    assert ended("web")[2] == ["command", Arguments(name="web", group=Group())]


def test_each_option_fills_its_field_in_its_group() -> None:
    words = ["web", "--size", "3", "--to", "out", "--live", "never", "--tag", "a", "--tag", "b", "--quiet"]
    group = Group(size=3, output=Path("out"))
    filled = Arguments(name="web", group=group, live=Live.NEVER, tags=["a", "b"], quiet=True)
    assert ended(*words)[2] == ["command", filled]
    assert values_of(filled) == {
        "name": "web",
        "size": 3,
        "output": Path("out"),
        "live": Live.NEVER,
        "tags": ["a", "b"],
        "quiet": True,
    }


def test_the_help_has_them_in_the_order_of_the_fields_and_the_commands_text() -> None:
    code, help, _ = ended("--help")
    assert code == 0
    assert "What users see." in help
    places = [help.index(name) for name in ("--size", "--to FILE", "--live", "--tag", "--quiet")]
    assert places == sorted(places)
    assert "How large." in help


@pytest.mark.parametrize("words", [[], ["web", "--size", "0"], ["web", "--no-such"], ["web", "--live", "perhaps"]])
def test_typer_refuses_what_it_would_refuse_of_parameters(words: list[str]) -> None:
    code, _, taken = ended(*words)
    assert (code, taken) == (2, [])


def test_two_fields_of_one_name_are_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Twice:
        first: Group
        size: Annotated[int, typer.Option()] = 2

    with pytest.raises(ValueError, match="size"):
        ended("web", kind=Twice)


def test_a_request_takes_what_has_its_names() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Words:
        subject: SubjectOptions
        aws: AwsOptions
        selection: SelectionOptions
        seconds: float = 5
        color: str = "red"

    words = Words(
        subject=SubjectOptions(services=["web"]),
        aws=AwsOptions(region="eu-west-1"),
        selection=SelectionOptions(only=["dns,credspec", "dns"]),
    )
    made = request_of(words, files=("a,b",))
    assert made == Request(services=("web",), region="eu-west-1", only=("dns", "credspec"), seconds=5, files=("a,b",))


def test_each_option_of_check_and_run_reaches_the_request_or_is_known_not_to() -> None:
    from gmsa_doctor.cli.check import CheckArguments
    from gmsa_doctor.cli.run import RunArguments

    def names(kind: Any) -> set[str]:
        found = {field.name: field for field in fields(kind)}
        from typing import get_type_hints

        hints = get_type_hints(kind)
        groups = {name for name in found if hasattr(hints[name], "__dataclass_fields__")}
        return (set(found) - groups).union(*(names(hints[name]) for name in groups))

    request = {field.name for field in fields(Request)}
    read_by_hand = {"parameter", "connection_string", "fail_on", "as_", "as_keytab", "task_definition_file"}
    elsewhere = {"config", "baseline", "format", "output", "report", "metrics", "event_bus", "color", "verbose"} | {
        "quiet",
        "json",
        "no_color",
        "bundle",
        "bundle_list",
    }
    assert names(CheckArguments) == (
        request - {"parameters", "connection_strings", "unreadable_strings", "fail_on_warning", "ask_as", "typed"}
        | read_by_hand
        | elsewhere
        | {"fix", "yes"}
    )
    probes = {"image", "subnet_mode", "canary", "execution_role", "log_group", "report_s3", "public_address"}
    assert names(RunArguments) - request - read_by_hand - elsewhere == probes | {
        "yes",
        "clean",
        "check_timeout",
        "journal",
    }
