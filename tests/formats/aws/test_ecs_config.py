"""ecs.config, as each generation of Credentials Fetcher reads it."""

import pytest

from gmsa_doctor.formats.aws.ecs_config import DISTINGUISHED_NAME, EcsConfig, parse
from gmsa_doctor.formats.fetcher import Fetcher

DN = "CN=web,DC=corp,DC=example"


@pytest.mark.parametrize("before", ["", "# comment", "ECS_CLUSTER", "EMPTY="])
def test_1_3_stops_at_a_line_that_is_not_name_and_value(before: str) -> None:
    config = parse(f"{before}\n{DISTINGUISHED_NAME}={DN}\n")
    assert config.value(DISTINGUISHED_NAME, Fetcher.V1_3) == ""
    assert config.value(DISTINGUISHED_NAME, Fetcher.V2) == DN
    assert config.unread() == ((2, DISTINGUISHED_NAME),)


@pytest.mark.parametrize("before", ["ECS_CLUSTER=demo", "# a=b", "=x"])
def test_both_read_on_after_a_line_with_a_value(before: str) -> None:
    config = parse(f"{before}\n{DISTINGUISHED_NAME} = {DN}\n# end\n")
    assert [config.value(DISTINGUISHED_NAME, fetcher) for fetcher in Fetcher] == [DN, DN]
    assert config.unread() == ()


def test_the_first_of_two_settings_counts() -> None:
    config = parse("CF_DOMAIN_CONTROLLER=a.example\nCF_DOMAIN_CONTROLLER=b.example\n")
    assert config.value("CF_DOMAIN_CONTROLLER", Fetcher.V2) == "a.example"


@pytest.mark.parametrize("text", ["", "\n\n", "\0=\0", "=" * 9999])
def test_any_text_is_read(text: str) -> None:
    assert parse(text).given
    assert not EcsConfig().given
