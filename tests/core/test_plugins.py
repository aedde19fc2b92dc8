"""Checks of a third-party distribution, installed beside gmsa-doctor from wheels into an environment of its own."""

import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import jsonschema
import pytest

from gmsa_doctor.core.registry import load
from tests.command import Ended, a_task_definition, environ, file_with
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy

REPOSITORY = Path(__file__).parents[1].parent
SAMPLE = Path(__file__).parents[1] / "plugin_sample"
OURS = ("acme.bucket-name", "acme.gmsa-name")


@dataclass(frozen=True)
class Installation:
    """A virtual environment with gmsa-doctor and the sample in it, installed from these wheels."""

    root: Path
    wheel: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where its distributions are."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.root)}))

    def doctor(self, *arguments: str, env: dict[str, str]) -> Ended:
        """Run its `gmsa-doctor`."""
        return ended([self.root / "bin" / "gmsa-doctor", *arguments], env)

    def says(self, code: str, env: dict[str, str]) -> list[str]:
        """What its interpreter prints as JSON."""
        run = ended([self.python, "-c", code], env)
        assert run.code == 0, run.err
        said: list[str] = json.loads(run.out)
        return said


def ended(command: list[Path | str], env: dict[str, str]) -> Ended:
    """Run the command away from the checkout, of which it must find nothing."""
    process = subprocess.run(
        command, env=env, cwd=env["HOME"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90
    )
    return Ended(process.returncode, process.stdout, process.stderr)


def build(project: Path, target: Path) -> Path:
    """Build the project's wheel."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Build both wheels, and install them where all else that gmsa-doctor needs is to be seen."""
    root = tmp_path_factory.mktemp("plugins")
    wheel, sample = build(REPOSITORY, root / "ours"), build(SAMPLE, root / "acme")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "venv"], check=True)
    installation = Installation(root / "venv", wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(installation.python), "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", str(wheel), str(sample)], check=True)
    dependencies = root / "dependencies"
    show_all_but_ourselves(dependencies)
    (installation.packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return installation


def show_all_but_ourselves(directory: Path) -> None:
    """Fill the directory with links to what is installed here, but for the checkout itself."""
    directory.mkdir()
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for installed in Path(place).iterdir():
            if not installed.name.startswith(("gmsa_doctor", "_gmsa_doctor", "__editable__")):
                (directory / installed.name).symlink_to(installed)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No AWS configuration at all, and an empty HOME."""
    home = tmp_path / "home"
    home.mkdir()
    return environ(home)


@pytest.fixture
def on_aws(aws: EmbeddedAws, env: dict[str, str]) -> dict[str, str]:
    """An environment that leads to the embedded AWS."""
    return {**env, **aws.variables()}


def in_bucket(bucket: str) -> dict[str, object]:
    """A task definition whose CredSpec lies in this bucket."""
    return a_task_definition(container={"credentialSpecs": [f"credentialspecdomainless:arn:aws:s3:::{bucket}/w.json"]})


def check_file(
    installation: Installation, directory: Path, content: object, *arguments: str, env: dict[str, str]
) -> Ended:
    file = file_with(directory, content)
    return installation.doctor("check", "--task-definition-file", file, "--live", "never", *arguments, env=env)


# What is installed ------------------------------------------------------------------------------------


def test_the_wheel_holds_our_two_packages_and_nothing_else(installation: Installation) -> None:
    with ZipFile(installation.wheel) as wheel:
        top = {name.partition("/")[0] for name in wheel.namelist()}
    (metadata,) = [name for name in top if name.endswith(".dist-info")]
    assert top == {"gmsa_doctor", "gmsa_doctor_checks", metadata}


def test_the_environments_own_copies_are_used(installation: Installation, env: dict[str, str]) -> None:
    files = installation.says(
        "import acme_checks, gmsa_doctor, gmsa_doctor_checks, json\n"
        "print(json.dumps([module.__file__ for module in (acme_checks, gmsa_doctor, gmsa_doctor_checks)]))",
        env,
    )
    assert all(Path(file).is_relative_to(installation.packages) for file in files), files


def test_the_distributions_are_there_once(installation: Installation, env: dict[str, str]) -> None:
    names = installation.says(
        "import json; from importlib.metadata import distributions\n"
        "print(json.dumps([distribution.name for distribution in distributions()]))",
        env,
    )
    assert names.count("gmsa-doctor") == 1
    assert names.count("acme-gmsa-checks") == 1
    assert "botocore" in names


def test_it_needs_nothing_of_the_checkout(installation: Installation, env: dict[str, str]) -> None:
    paths = installation.says("import json, sys; print(json.dumps(sys.path))", env)
    assert str(REPOSITORY) not in paths
    assert str(REPOSITORY / "checks") not in paths


# The commands -----------------------------------------------------------------------------------------


def test_list_shows_the_checks_with_their_distribution(installation: Installation, env: dict[str, str]) -> None:
    listed = installation.doctor("list", env=env)
    assert (listed.code, listed.err) == (0, "")
    lines = {line.split()[0]: line for line in listed.out.partition("\n\n")[0].splitlines() if "." in line.split()[0]}
    assert set(OURS) < set(lines)
    assert all(lines[id].endswith("acme-gmsa-checks") for id in OURS)
    assert lines["credspec.object"].endswith("gmsa-doctor")
    assert listed.out.splitlines()[0].split() == ["id", "title", "cause", "from"]


def test_explain_tells_what_they_are_about(installation: Installation, env: dict[str, str]) -> None:
    explained = installation.doctor("explain", "acme.bucket-name", env=env)
    assert (explained.code, explained.err) == (0, "")
    assert "Why: the access to our buckets goes by their names." in explained.out
    assert "Requires CredSpecLocation; returns Team." in explained.out
    assert "https://wiki.acme.example/gmsa" in explained.out


def test_a_check_on_a_built_in_value_passes(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(installation, tmp_path, in_bucket("acme-web-credspecs"), "--format", "json", env=env)
    assert (ended.code, ended.err) == (0, "")
    assert ended.finding("acme.bucket-name")["status"] == "pass"
    assert ended.finding("acme.bucket-name")["summary"] == "acme-web-credspecs is of the team web"
    assert ended.finding("credspec.object")["status"] == "skipped"  # there is no AWS
    assert ended.finding("acme.gmsa-name")["because"] == ["credspec.object"]


def test_and_fails_as_the_one_root_cause(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(installation, tmp_path, in_bucket("credspecs"), "--format", "json", env=env)
    assert (ended.code, ended.err) == (1, "")
    assert ended.roots == ["acme.bucket-name"]
    failure = ended.finding("acme.bucket-name")
    assert (failure["observed"], failure["expected"]) == ("credspecs", "acme-<team>-credspecs")
    assert failure["docs"] == {"check": None, "source": "https://wiki.acme.example/gmsa"}
    assert failure["fix"]["commands"] == ["aws s3 mv s3://credspecs/w.json s3://acme-<team>-credspecs"]
    assert "acme.bucket-name" in ended.finding("acme.gmsa-name")["because"]


def test_it_stands_behind_a_built_in_failure(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    content = a_task_definition(container={"credentialSpecs": []})
    ended = check_file(installation, tmp_path, content, "--format", "json", env=env)
    assert ended.roots == ["task-definition.credentialspecs"]
    assert ended.finding("acme.bucket-name")["because"] == ["task-definition.credentialspecs"]


def test_the_text_shows_it_with_its_fix(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(installation, tmp_path, in_bucket("credspecs"), env=env)
    assert ended.code == 1
    assert "Root cause: acme.bucket-name" in ended.out
    assert "Move the CredSpec to your team's bucket." in ended.out
    assert "gmsa-doctor explain acme.bucket-name" in ended.out


def test_the_options_know_its_area(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    content = in_bucket("credspecs")
    only = check_file(installation, tmp_path, content, "--only", "acme.bucket-name", "--format", "json", env=env)
    ran = {
        finding["check"] for finding in only.document["subjects"][0]["findings"] if finding["summary"] != "not selected"
    }
    assert ran == {
        "acme.bucket-name",
        "task-definition.credentialspecs",
        "task-definition.prefix",
        "task-definition.arn",
    }
    assert check_file(installation, tmp_path, content, "--skip", "acme", env=env).code == 0
    required = in_bucket("acme-web-credspecs")
    assert check_file(installation, tmp_path, required, "--require", "acme.bucket-name", env=env).code == 0
    assert check_file(installation, tmp_path, required, "--require", "acme", env=env).code == 3


def test_the_report_is_what_the_schema_says(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    schema = json.loads(installation.doctor("schema", env=env).out)
    ended = check_file(installation, tmp_path, in_bucket("credspecs"), "--format", "json", env=env)
    assert "acme.bucket-name" in ended.statuses()
    jsonschema.validate(ended.document, schema)


# In AWS -----------------------------------------------------------------------------------------------


def an_environment(bucket: str) -> Environment:
    environment = healthy(DomainController(ip="127.77.0.1", state=Path("/nonexistent")))
    environment.bucket = bucket
    return environment


@pytest.mark.parametrize(
    ("bucket", "statuses", "roots"),
    [
        ("acme-web-credspecs", ("pass", "pass"), []),
        ("acme-db-credspecs", ("pass", "fail"), ["acme.gmsa-name"]),
        ("gmsa-credspecs", ("fail", "skipped"), ["acme.bucket-name"]),
    ],
)
def test_a_service_is_judged_by_both(
    bucket: str, statuses: tuple[str, str], roots: list[str], installation: Installation, aws: EmbeddedAws,
    on_aws: dict[str, str],
) -> None:  # fmt: skip
    create(an_environment(bucket), aws)
    arguments = ("--cluster", "demo", "--service", "healthy", "--live", "never", "--format", "json")
    ended = installation.doctor("check", *arguments, env=on_aws)
    assert ended.err == ""
    assert ended.code == (1 if roots else 0)
    assert tuple(ended.statuses()[id] for id in OURS) == statuses
    assert ended.roots == roots
    assert ended.statuses()["credspec.secret-link"] == "pass"
    if "skipped" in statuses:
        assert ended.finding("acme.gmsa-name")["because"] == ["acme.bucket-name"]


# Broken plug-ins --------------------------------------------------------------------------------------

A_CHECK = '''
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.authoring import Finding, Given, check, passed
from gmsa_doctor.given.shared_values import CredSpecLocation

@check("{id}", title="x", docs="x")
def a_check(definition: TaskDefinition) -> {result}:
    """{doc}"""
    return passed("x")
'''
DOC = "What.\n\n    Why: because.\n\n    Fix: so."
CIRCLE = '''
from dataclasses import dataclass
from gmsa_doctor.authoring import Given, check

@dataclass(frozen=True)
class Hen:
    text: str

@dataclass(frozen=True)
class Egg:
    text: str

@check("odd.hen", title="x", docs="x")
def hen(egg: Egg) -> Given[Hen]:
    """What.

    Why: because.

    Fix: so.
    """

@check("odd.egg", title="x", docs="x")
def egg(hen: Hen) -> Given[Egg]:
    """What.

    Why: because.

    Fix: so.
    """
'''


def a_check(id: str = "odd.check", result: str = "Finding", doc: str = DOC) -> str:
    return A_CHECK.format(id=id, result=result, doc=doc)


def plug_in(directory: Path, source: str, entry: str = "odd_checks") -> dict[str, str]:
    """Write a distribution `odd-checks` with this module; the variable that makes it as good as installed."""
    metadata = directory / "odd_checks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-checks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[gmsa_doctor.checks]\nodd = {entry}\n")
    (directory / "odd_checks.py").write_text(source)
    return {"PYTHONPATH": str(directory)}


def test_a_plug_in_written_by_hand_is_found(installation: Installation, env: dict[str, str], tmp_path: Path) -> None:
    listed = installation.doctor("list", env={**env, **plug_in(tmp_path, a_check())})
    assert (listed.code, listed.err) == (0, "")
    line = next(line for line in listed.out.splitlines() if line.startswith("odd.check "))
    assert line.endswith("odd-checks")
    assert "acme.bucket-name" in listed.out


@pytest.mark.parametrize(
    ("source", "entry", "words"),
    [
        ("import odd_dependency", "odd_checks", "ModuleNotFoundError: No module named 'odd_dependency'"),
        ("def (:", "odd_checks", "SyntaxError"),
        ("raise RuntimeError('three\\n\\nlines\\n')", "odd_checks", "RuntimeError: three lines"),
        ("import sys; sys.exit('no licence')", "odd_checks", "SystemExit: no licence"),
        (a_check(), "odd_checks:a_check", "odd_checks:a_check is not a module"),
        ("limit = 3", "odd_checks", "odd_checks declares no check"),
        (a_check(doc="What."), "odd_checks", "odd.check: the docstring says"),
        (a_check(result="NoSuchType"), "odd_checks", "NameError"),
        (a_check(id="credspec.object"), "odd_checks", "credspec.object is declared by gmsa-doctor and by odd-checks"),
        (a_check(result="Given[CredSpecLocation]"), "odd_checks", "CredSpecLocation is given by task-definition.arn"),
        (CIRCLE, "odd_checks", "odd.hen → odd.egg → odd.hen"),
    ],
)
def test_a_broken_plug_in_is_named_and_the_others_are_used(
    source: str, entry: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, source, entry)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd_checks", raising=False)
    registry = load()
    assert registry.get("credspec.object")
    (broken,) = registry.broken
    assert (broken.name, broken.origin) == ("odd", "odd-checks")
    assert words in str(broken)


def test_list_names_a_plug_in_that_declares_the_check_of_another(
    installation: Installation, env: dict[str, str], tmp_path: Path
) -> None:
    listed = installation.doctor("list", env={**env, **plug_in(tmp_path, a_check(id="acme.gmsa-name"))})
    assert (listed.code, listed.err) == (0, "")
    line = listed.out.rstrip().splitlines()[-1]
    assert line.startswith("The plug-in ")
    assert "acme-gmsa-checks" in line
    assert "odd-checks" in line
    assert "\ncredspec.object " in listed.out


def test_it_is_an_error_in_the_report_and_no_end_of_the_command(
    installation: Installation, env: dict[str, str], tmp_path: Path
) -> None:
    env |= plug_in(tmp_path, "import odd_dependency")
    schema = json.loads(installation.doctor("schema", env=env).out)
    content = in_bucket("acme-web-credspecs")
    ended = check_file(installation, tmp_path, content, "--format", "json", env=env)
    assert (ended.code, ended.err) == (3, "")
    jsonschema.validate(ended.document, schema)
    finding = ended.finding("plug-ins.loaded")
    reason = "ModuleNotFoundError: No module named 'odd_dependency'"
    assert (finding["status"], finding["root"]) == ("error", True)
    assert finding["summary"] == f"the plug-in odd of odd-checks cannot be loaded ({reason})"
    assert finding["fix"] == {"text": "Fix or uninstall odd-checks.", "commands": []}
    assert ended.roots == ["plug-ins.loaded"]
    assert ended.finding("acme.bucket-name")["status"] == "pass"
    text = check_file(installation, tmp_path, content, env=env)
    assert text.code == 3
    assert "gmsa-doctor explain plug-ins.loaded" in text.out


def test_without_a_broken_plug_in_nothing_is_reported(
    installation: Installation, env: dict[str, str], tmp_path: Path
) -> None:
    ended = check_file(installation, tmp_path, in_bucket("acme-web-credspecs"), "--format", "json", env=env)
    assert "plug-ins.loaded" not in ended.statuses()


def test_all_other_commands_work_beside_a_broken_plug_in(
    installation: Installation, env: dict[str, str], tmp_path: Path
) -> None:
    env |= plug_in(tmp_path, "import odd_dependency")
    for words in (["--version"], ["schema"], ["check", "--help"], ["explain", "credspec.object"]):
        ended = installation.doctor(*words, env=env)
        assert (ended.code, ended.err) == (0, "")
