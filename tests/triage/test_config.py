"""The configuration: the search for it, its content, one message for each error, and its defaults."""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from gmsa_doctor.cli import configured, options
from gmsa_doctor.cli.fields_as_parameters import fields_as_parameters, values_of
from gmsa_doctor.cli.reports import ReportOptions, TextOptions
from gmsa_doctor.core import registry
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Location
from gmsa_doctor.given.request import Live
from gmsa_doctor.triage.config import LIMIT, Config, load, parse
from gmsa_doctor.triage.waivers import Severity, Waiver

WAIVER = """
[[waivers]]
check = "task-definition.prefix"
subject = "prod/web/*"
reason = "migration, ticket 4711"
expires = 2026-12-31
"""
ALL = f"""\
# what the team has agreed on
[defaults]
cluster = "prod"
skip = ["dhcp-options", "canary"]
timeout = 120

[defaults.run]
timeout = 1800

[checks]
"dhcp-options.domain-name" = "off"
credspec.size = "warn"
{WAIVER}"""
KNOWN = registry.load()


def in_pyproject(text: str) -> str:
    """The same tables as they stand in a pyproject.toml."""
    return '[project]\nname = "acme"\n' + text.replace("[[", "[[tool.gmsa-doctor.").replace(
        "\n[d", "\n[tool.gmsa-doctor.d"
    )


def repository(at: Path) -> Path:
    (at / ".git").mkdir(parents=True)
    return at


def refused(text: str, *words: str, file: str = "gmsa-doctor.toml") -> None:
    """The text is refused, in one line that names the file and holds these words."""
    with pytest.raises(UsageError) as caught:
        parse(text, file).require_known(KNOWN)
    message = str(caught.value)
    assert file in message
    assert "\n" not in message
    for word in words:
        assert word in message


def what_is_said(text: str) -> Config | str:
    """The configuration, or the message."""
    try:
        found = parse(text, "gmsa-doctor.toml")
        found.require_known(KNOWN)
    except UsageError as error:
        return str(error)
    return found


# What it says ---------------------------------------------------------------------------------------


def test_each_table_is_read_with_its_lines() -> None:
    found = parse(ALL, "gmsa-doctor.toml")
    assert [(default.option, default.value, default.command, default.location.line) for default in found.defaults] == [
        ("cluster", "prod", None, 3),
        ("skip", ("dhcp-options", "canary"), None, 4),
        ("timeout", 120, None, 5),
        ("timeout", 1800, "run", 8),
    ]
    assert [(change.check, change.severity, change.location.line) for change in found.severities] == [
        ("dhcp-options.domain-name", Severity.OFF, 11),
        ("credspec.size", Severity.WARN, 12),
    ]
    place = Location("gmsa-doctor.toml", 14)
    assert found.waivers == (
        Waiver("task-definition.prefix", "prod/web/*", "migration, ticket 4711", date(2026, 12, 31), place),
    )


def test_a_pyproject_has_the_same_tables_below_tool() -> None:
    found = parse(in_pyproject("\n[defaults]\ncluster = 'prod'\n" + WAIVER), "pyproject.toml")
    assert [(default.option, default.location) for default in found.defaults] == [
        ("cluster", Location("pyproject.toml", 5))
    ]
    assert [waiver.location for waiver in found.waivers] == [Location("pyproject.toml", 7)]


def test_inline_tables_are_found_on_the_line_of_their_key() -> None:
    waiver = '{check = "dns", subject = "*", reason = "x", expires = 2030-01-01}'
    text = f'defaults = {{cluster = "prod"}}\nwaivers = [{waiver}]\n'
    found = parse(text, "gmsa-doctor.toml")
    assert found.defaults[0].location.line == 1
    assert found.waivers[0].location.line == 2


def test_an_empty_file_is_an_empty_configuration() -> None:
    assert parse("", "gmsa-doctor.toml") == Config("gmsa-doctor.toml")


def test_a_check_overrides_its_area_in_any_order() -> None:
    found = parse('[checks]\n"credspec.size" = "warn"\ncredspec = "off"\n', "c.toml")
    severities = found.severity_of(KNOWN)
    assert severities["credspec.size"] is Severity.WARN
    assert severities["credspec.names"] is Severity.OFF
    assert "credspec.size" not in found.off(KNOWN)
    assert "credspec.names" in found.off(KNOWN)


def test_a_disabled_check_runs_if_the_command_line_names_it() -> None:
    found = parse('[checks]\ncredspec = "off"\n', "c.toml")
    assert "credspec.names" not in found.off(KNOWN, ["credspec.names"])
    assert "credspec.size" in found.off(KNOWN, ["credspec.names"])


# What it may not say --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults\n", ["is not valid TOML", "line 1"]),
        ("a = 1\na = 2\n", ["is not valid TOML", "line 2"]),
        (f"a = {'[' * 5000}", ["is not valid TOML", "too deep"]),
        (f"a = {'9' * 5000}", ["is not valid TOML"]),
        ("[default]\n", ["toml:1: unknown key 'default'", "defaults, checks and waivers"]),
        ("x = 1\n", ["toml:1:", "'x'"]),
        ("defaults = 3\n", ["toml:1: [defaults] must be a table, not a number"]),
        ("[defaults]\ncluster = 2026-01-01\n", ["toml:2: cluster", "a date"]),
        ("[defaults]\n[defaults.cluster]\nname = 1\n", ["toml:2: cluster", "a table"]),
        ("[defaults]\nskip = [['a']]\n", ["toml:2: skip", "a list"]),
        ("[defaults]\nrun = 3\n", ["[defaults.run]", "a number"]),
        ("[defaults.run.check]\nx = 1\n", ["check must be a value", "a table"]),
        ("[defaults]\nskip = ['credspec', 'nosuch']\n", ["toml:2: there is no check or area 'nosuch'"]),
        ("[defaults]\nonly = 'nosuch, dns'\n", ["toml:2: there is no check or area 'nosuch'"]),
        ("checks = []\n", ["toml:1: [checks] must be a table, not a list"]),
        ("[checks]\n'no.such' = 'off'\n", ["toml:2: there is no check or area 'no.such'", "gmsa-doctor list"]),
        ("[checks]\n\ncredspec.size = 'of'\n", ["toml:3: credspec.size", '"off", "fail" or "warn"', "'of'"]),
        ("[checks]\ncredspec = false\n", ["toml:2: credspec", "not true or false"]),
        ("[checks]\ncredspec.size.deep = 'off'\n", ["toml:2: credspec.size", "a table"]),
        ("[waivers]\ncheck = 'dns'\n", ["toml:1:", "[[waivers]]"]),
        ('[checks]\n"a\\nb\\u001b[31m" = 1\n', ["toml:1: a b\\x1b[31m must be"]),
        ("waivers = ['dns']\n", ["toml:1: a waiver must be a table, not a string"]),
        (WAIVER.replace("reason", "reasons"), ["toml:5: unknown key 'reasons' in a waiver", "reason and expires"]),
        (WAIVER.replace('reason = "migration, ticket 4711"\n', ""), ["toml:2: this waiver has no reason"]),
        (WAIVER.replace("expires = 2026-12-31\n", ""), ["toml:2: this waiver has no expires"]),
        ("[[waivers]]\n", ["toml:1: this waiver has no check, subject, reason and expires"]),
        (WAIVER.replace('"migration, ticket 4711"', '" "'), ["toml:5: reason must be a non-empty string"]),
        (WAIVER.replace('"prod/web/*"', "['a', 'b']"), ["toml:4: subject must be a non-empty string"]),
        (WAIVER.replace("2026-12-31", '"2026-12-31"'), ["toml:6: expires must be a date without quotes"]),
        (WAIVER.replace("2026-12-31", "2026-12-31T00:00:00Z"), ["toml:6: expires must be a date"]),
        (WAIVER.replace("2026-12-31", "2026-13-31"), ["is not valid TOML", "line 6"]),
        (WAIVER + WAIVER.replace("prefix", "x"), ["toml:8: there is no check or area 'task-definition.x'"]),
        (WAIVER.replace("task-definition.prefix", "config"), ["toml:2: config cannot be waived"]),
    ],
)  # fmt: skip
def test_an_error_is_reported_in_one_line_with_its_position(text: str, words: list[str]) -> None:
    refused(text, *words)


def test_a_wrong_tool_table_is_reported_with_its_position() -> None:
    refused("[tool.gmsa-doctor]\nwaiver = 1\n", "pyproject.toml:2:", "'waiver'", file="pyproject.toml")
    refused("[tool]\ngmsa-doctor = 1\n", "must be a table", file="pyproject.toml")


@given(
    st.text()
    | st.lists(st.sampled_from([*ALL.splitlines(), "[[", "]", '"', "[checks]", "x = {", "é='''"])).map("\n".join)
)
def test_any_text_gives_a_configuration_or_one_message(text: str) -> None:
    said = what_is_said(text)
    assert isinstance(said, Config) or "\n" not in said


TOML_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=8) | st.just("2026-12-31"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["check", "run", "expires", "a.b"]), inner)
    ),
    max_leaves=6,
)


def as_toml(value: object) -> str:
    """An inline value; text that looks like a date becomes one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return "2026-12-31" if value == "2026-12-31" else json.dumps(value).replace("\x7f", "\\u007f")


@given(st.dictionaries(st.sampled_from(["defaults", "checks", "waivers", "other"]), TOML_VALUES))
def test_any_values_give_a_configuration_or_one_message(tables: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {as_toml(value)}" for key, value in tables.items())
    said = what_is_said(text)
    if isinstance(said, Config):
        assert set(tables) <= {"defaults", "checks", "waivers"}
        assert len(said.waivers) == len(tables.get("waivers", ()))
    else:
        assert "\n" not in said
        assert said.startswith("gmsa-doctor.toml")


# Where it is looked for -----------------------------------------------------------------------------


def clusters(found: Config) -> list[object]:
    return [default.value for default in found.defaults]


def write(path: Path, cluster: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = "[tool.gmsa-doctor.defaults]" if path.name == "pyproject.toml" else "[defaults]"
    path.write_text(f"{table}\ncluster = '{cluster}'\n")
    return path


def test_the_nearest_configuration_up_to_the_root_of_the_repository_is_used(tmp_path: Path) -> None:
    write(tmp_path / "gmsa-doctor.toml", "above the repository")
    root = repository(tmp_path / "repository")
    work = root / "a" / "b"
    work.mkdir(parents=True)
    assert load(None, work) == Config()
    write(root / "gmsa-doctor.toml", "root")
    assert clusters(load(None, work)) == ["root"]
    assert load(None, work).file == "../../gmsa-doctor.toml"
    assert load(None, work).directory == Path("../..")
    write(root / "a" / "pyproject.toml", "nearer")
    assert clusters(load(None, work)) == ["nearer"]


def test_the_root_of_a_worktree_ends_the_search_too(tmp_path: Path) -> None:
    write(tmp_path / "gmsa-doctor.toml", "above")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere\n")
    assert load(None, tmp_path / "tree") == Config()


def test_outside_a_repository_only_the_directory_itself_is_searched(tmp_path: Path) -> None:
    write(tmp_path / "gmsa-doctor.toml", "above")
    (tmp_path / "work").mkdir()
    assert load(None, tmp_path / "work") == Config()
    assert clusters(load(None, tmp_path)) == ["above"]


def test_our_own_file_takes_precedence_over_a_pyproject(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "pyproject")
    assert clusters(load(None, tmp_path)) == ["pyproject"]
    write(tmp_path / "gmsa-doctor.toml", "own")
    assert clusters(load(None, tmp_path)) == ["own"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[project]\ndependencies = ['gmsa-doctor']\n",
        b"broken [",
        b"'gmsa-doctor' [",
        b"\xff\xfe",
        b"tool = 1 # gmsa-doctor",
    ],
)
def test_a_pyproject_without_our_table_is_ignored(content: bytes, tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root / "gmsa-doctor.toml", "root")
    (root / "work").mkdir()
    (root / "work" / "pyproject.toml").write_bytes(content)
    assert clusters(load(None, root / "work")) == ["root"]


def test_a_broken_pyproject_with_our_table_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.gmsa-doctor]\nbroken [\n")
    with pytest.raises(UsageError, match=r"pyproject\.toml is not valid TOML"):
        load(None, tmp_path)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "gmsa-doctor.toml"
    file.write_bytes(b"\xef\xbb\xbf[defaults]\r\ncluster = 'prod'\r\n")
    assert [(default.value, default.location.line) for default in load(file).defaults] == [("prod", 2)]


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("make", [Path.mkdir, a_pipe, a_socket])
def test_a_directory_with_the_name_of_the_file_is_ignored(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "gmsa-doctor.toml")
    assert load(None, tmp_path) == Config()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"a = '\xff'"), "is not valid UTF-8"),
        (lambda path: path.write_bytes(b"#" * (LIMIT + 1)), "is larger than"),
        (lambda path: path.symlink_to(path.name), "cannot be read"),
        (lambda path: path.symlink_to("/dev/zero"), "is larger than"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_reported(
    make: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    make(file)
    with pytest.raises(UsageError, match=words):
        load(file)


def test_a_named_file_replaces_the_nearest_and_dev_null_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "gmsa-doctor.toml", "nearest")
    assert clusters(load(write(tmp_path / "other.toml", "named"), tmp_path)) == ["named"]
    assert load(Path("/dev/null"), tmp_path).defaults == ()


# Defaults -------------------------------------------------------------------------------------------

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True, kw_only=True)
class CheckArguments:
    subject: options.SubjectOptions
    selection: options.SelectionOptions
    live: Annotated[Live, typer.Option()] = Live.AUTO
    timeout: Annotated[float, typer.Option(min=1, max=86_400)] = 60
    reports: ReportOptions
    text: TextOptions


@app.command()
@fields_as_parameters
def check(context: typer.Context, arguments: CheckArguments) -> None:
    request = configured.with_typed(context, options.request_of(arguments))
    values = dict(values_of(arguments)) | {
        "service": request.service,
        "task_definition": request.task_definition,
        "file": context.meta[configured.__name__].file,
    }
    typer.echo(json.dumps(values, default=str))


@dataclass(frozen=True, kw_only=True)
class RunArguments:
    selection: options.SelectionOptions
    image: Annotated[str | None, typer.Option(envvar="GMSA_DOCTOR_IMAGE")] = None
    yes: Annotated[bool, typer.Option("--yes", "-y")] = False
    timeout: Annotated[float, typer.Option(min=30, max=86_400)] = 900


@app.command()
@fields_as_parameters
def run(context: typer.Context, arguments: RunArguments) -> None:
    typer.echo(json.dumps(values_of(arguments), default=str))


@app.command()
def other(depth: Annotated[int, typer.Option()] = 1) -> None:
    typer.echo(depth)


def invoked(tmp_path: Path, text: str, *arguments: str, env: dict[str, str] | None = None) -> Result:
    file = tmp_path / "c.toml"
    file.write_text(text)
    command, *rest = arguments or ("check",)
    return CliRunner().invoke(app, [command, "--config", str(file), *rest], env=env)


def values(ended: Result) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


UNTOUCHED = ("config", "fail_on", "format", "color")
"""Options with a value that no configuration of these tests sets."""
EVERY_KIND = """
[defaults]
cluster = "prod"
skip = ["dhcp-options", "canary,dns"]
live = "never"
timeout = 120
verbose = true
baseline = "old.json"
"""


def test_each_kind_of_option_has_its_default_from_the_configuration(tmp_path: Path) -> None:
    found = values(invoked(tmp_path, EVERY_KIND))
    assert {name: value for name, value in found.items() if value is not None and name not in UNTOUCHED} == {
        "cluster": "prod",
        "skip": ["dhcp-options", "canary,dns"],
        "live": "never",
        "timeout": 120,
        "verbose": True,
        "quiet": False,
        "json": False,
        "no_color": False,
        "baseline": str(tmp_path / "old.json"),
        "file": str(tmp_path / "c.toml"),
    }


def test_the_command_line_wins(tmp_path: Path) -> None:
    arguments = ("--cluster", "test", "--skip", "secret", "--live", "auto", "--timeout", "5", "--baseline", "new.json")
    found = values(invoked(tmp_path, EVERY_KIND, "check", *arguments))
    assert found["cluster"] == "test"
    assert found["skip"] == ["secret"]
    assert found["live"] == "auto"
    assert found["timeout"] == 5
    assert found["baseline"] == "new.json"


def test_the_environment_overrides_a_default(tmp_path: Path) -> None:
    text = "[defaults]\nimage = 'from the file'\n"
    assert values(invoked(tmp_path, text, "run"))["image"] == "from the file"
    assert values(invoked(tmp_path, text, "run", env={"GMSA_DOCTOR_IMAGE": "set"}))["image"] == "set"


def test_a_command_ignores_unknown_options_and_prefers_its_own_table(tmp_path: Path) -> None:
    text = "[defaults.run]\ntimeout = 1800\n[defaults]\nlive = 'never'\ntimeout = 45\n"
    assert values(invoked(tmp_path, text))["timeout"] == 45
    assert values(invoked(tmp_path, text, "run"))["timeout"] == 1800


def test_a_default_subject_gives_way_to_another_on_the_command_line(tmp_path: Path) -> None:
    text = "[defaults]\nservice = 'web'\n"
    assert values(invoked(tmp_path, text))["service"] == "web"
    found = values(invoked(tmp_path, text, "check", "--task-definition", "web:1"))
    assert (found["service"], found["task_definition"]) == (None, "web:1")
    found = values(invoked(tmp_path, "", "check", "--task-definition", "web:1", "--service", "web"))
    assert (found["service"], found["task_definition"]) == ("web", "web:1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("depth = 1", ["there is no option --depth"]),
        ("clustre = 'x'", ["there is no option --clustre", "Did you mean cluster?"]),
        ("task_definition = 'x'", ["no option --task_definition", "Did you mean task-definition"]),
        ("--cluster = 'x'", ["no option ----cluster", "Did you mean cluster"]),
        ("live = 'sometimes'", ["live 'sometimes' is not valid", "auto", "never"]),
        ("timeout = 0", ["timeout '0' is not valid"]),
        ("timeout = 'soon'", ["timeout", "soon"]),
        ("timeout = inf", ["timeout"]),
        ("timeout = [5, 6]", ["timeout takes one value, not a list"]),
        ("timeout = true", ["timeout requires a value, not true or false"]),
        ("skip = [true]", ["skip requires a value"]),
        ("verbose = 1", ["verbose must be true or false"]),
        ("verbose = 'yes'", ["verbose must be true or false"]),
        ("yes = true", ["--yes cannot have a default", "command line"]),
        ("clean = false", ["--clean cannot have a default"]),
        ("config = 'x'", ["--config cannot have a default"]),
        ("help = true", ["--help cannot have a default"]),
        ("check.image = 'x'", ["`check` has no option --image"]),
    ],
)
def test_an_invalid_default_is_reported_in_one_line_with_its_position(
    line: str, words: list[str], tmp_path: Path
) -> None:
    ended = invoked(tmp_path, f"[defaults]\n{line}\n")
    assert ended.exit_code == 2
    assert ended.stdout == ""
    (message,) = ended.stderr.splitlines()
    assert message.startswith(f"gmsa-doctor: {tmp_path / 'c.toml'}:2: ")
    for word in words:
        assert word in message


def test_paths_are_shown_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path)
    (tmp_path / "gmsa-doctor.toml").write_text("[defaults]\nbaseline = 'old.json'\noutput = 'r.txt'\n")
    (tmp_path / "deploy").mkdir()
    for directory, path in ((tmp_path, ""), (tmp_path / "deploy", "../")):
        monkeypatch.chdir(directory)
        found = values(CliRunner().invoke(app, ["check"]))
        assert (found["baseline"], found["output"]) == (f"{path}old.json", f"{path}r.txt")


def test_what_is_written_stays_below_the_configuration(tmp_path: Path) -> None:
    text = "[defaults]\noutput = 'out/r.txt'\nreport = ['junit=out/r.xml', 'github', 'json=-']\n"
    found = values(invoked(tmp_path, text))
    assert found["output"] == str(tmp_path / "out/r.txt")
    assert found["report"] == [f"junit={tmp_path / 'out/r.xml'}", "github", "json=-"]


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "out/../../x", ".bashrc", ".git/hooks/pre-commit", "link/x", "a\\u0000"]
)
@pytest.mark.parametrize("line", ["output = '{}'", "report = ['junit={}']"])
def test_it_is_not_written_anywhere_else(line: str, path: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/tmp")
    ended = invoked(tmp_path, "[defaults]\n" + line.replace("'", '"').format(path))
    assert ended.exit_code == 2
    assert "give a file below the configuration" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_help_is_shown_whatever_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("broken [")
    ended = CliRunner().invoke(app, ["check", "--help", "--config", str(tmp_path / "c.toml")])
    assert ended.exit_code == 0
    assert "--cluster" in ended.stdout


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["cluster", "skip", "live", "timeout", "baseline", "verbose", "yes"]),
    st.text(max_size=12) | st.integers() | st.booleans() | st.floats() | st.lists(st.text(max_size=5), max_size=3),
)
def test_any_value_of_a_default_gives_a_run_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, option: str, value: object
) -> None:
    text = f"[defaults]\n{option} = {as_toml(value)}\n".replace("NaN", "nan").replace("Infinity", "inf")
    directory = tmp_path_factory.mktemp("defaults")
    (directory / "c.toml").write_text(text, encoding="utf-8", errors="replace")
    ended = CliRunner().invoke(app, ["check", "--config", str(directory / "c.toml")])
    assert ended.exit_code in (0, 2), ended.exception
    assert len(ended.stderr.splitlines()) == (1 if ended.exit_code else 0)
