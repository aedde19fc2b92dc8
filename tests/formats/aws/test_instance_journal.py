"""The output of the script that reads the journal of a container instance."""

import subprocess
from datetime import UTC, datetime

from gmsa_doctor.formats.aws.instance_journal import SCRIPT, read_journal

OUTPUT = """== credentials-fetcher
credentials-fetcher-2.0.1-1.amzn2023.x86_64
== ecs-agent
{"Cluster":"demo","ContainerInstanceArn":null,"Version":"Amazon ECS Agent - v1.89.2 (fa1bc2d3)"}
== ecs.config
ECS_GMSA_SUPPORTED=true
== journal
-- Journal begins at Fri 2026-01-02 --
2026-01-02T12:00:00+0100 ip-10-0-0-1 credentials-fetcherd[71]: started
a line without a time
== ecs-agent.log
level=error time=2026-01-02T11:00:05Z msg="failed" task="0123"
"""


def test_versions_settings_and_the_lines_of_both_logs_are_read() -> None:
    found = read_journal(OUTPUT)
    assert (found.daemon, found.agent, found.settings) == ("2.0.1", "1.89.2", ("ECS_GMSA_SUPPORTED=true",))
    eleven = datetime(2026, 1, 2, 11, tzinfo=UTC)
    assert [time for time, _ in found.journal] == [eleven, eleven]
    assert found.agent_log[0][0] == eleven.replace(second=5)


def test_output_that_ends_early_or_lacks_a_part_is_read_as_far_as_it_goes() -> None:
    assert read_journal("") == read_journal("curl: not found\n")
    assert read_journal(OUTPUT.partition("== journal")[0]).journal == ()
    assert read_journal("== ecs-agent\n[1]\n== credentials-fetcher\nnot installed\n").daemon == ""


def test_the_script_is_one_that_a_shell_runs_and_that_its_reader_knows() -> None:
    """Here are neither the daemon nor the agent: the script ends all the same."""
    subprocess.run(["sh", "-n"], input=SCRIPT, text=True, check=True)
    headings = [line.split("'")[1] for line in SCRIPT.splitlines() if line.startswith("echo '==")]
    assert headings == [line for line in OUTPUT.splitlines() if line.startswith("==")]
