"""EC2: settings of Credentials Fetcher in the ECS agent's configuration file."""

from __future__ import annotations

from collections.abc import Iterator

from gmsa_doctor.authoring import Finding, Fix, Owner, Row, Status, check, failed, fix_in_steps, passed, skipped, warned
from gmsa_doctor.formats.aws.ecs_config import DISTINGUISHED_NAME, DOMAIN_CONTROLLER, GMSA_OU, EcsConfig
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.fetcher_settings import EDIT, QUOTES


@check(
    "container-instances.ecs-config",
    title="Settings in ecs.config have their effect",
    docs=links.FETCHER_SETTINGS,
    shows=(texts.NO_DC_ANSWERS,),
)
def ecs_config(config: EcsConfig, platform: Platform) -> Finding:
    """Reads the container instances' `/etc/ecs/ecs.config`, given with `--ecs-config`.

    Credentials Fetcher reads two settings from it:

    - `CF_GMSA_DISTINGUISHED_NAME`: the gMSA's DN. It takes precedence over the secret's `distinguishedName`;
      without both, Credentials Fetcher searches for the gMSA.
    - the domain controller to use instead of those that DNS lists: `DOMAIN_CONTROLLER_GMSA` in 1.3,
      `CF_DOMAIN_CONTROLLER` in 2.x. Kerberos still finds the KDCs by DNS.

    `directory.gmsa-account` and `dns.domain-controllers` use these values as Credentials Fetcher does. `CF_GMSA_OU` is
    read from the environment of Credentials Fetcher only, as the DN to search at if nothing else gives one.

    Why: Credentials Fetcher ignores some settings without reporting it. 1.3 stops reading at the first line that is not
    NAME=VALUE, such as a comment. 2.x ignores `DOMAIN_CONTROLLER_GMSA`. Both versions keep quotation marks around a DN.

    Fix: write the settings without quotation marks, with the name of the installed version, before other lines.
    """
    if platform.launch is Launch.FARGATE:
        return passed("not on EC2: Fargate has no ecs.config")
    if not config.given:
        return skipped("not read: --ecs-config FILE names a copy of the container instances' ecs.config")
    rows = tuple(Row(f"line {number}", Status.PASS, f"{name}={value}") for number, name, value in config.entries)
    if not config.entries:
        return passed("sets nothing for Credentials Fetcher")
    quoted = list(_quoted(config, platform))
    if quoted:
        return failed(
            f"{' and '.join(quoted)} in ecs.config has quotation marks, which become part of the value",
            expected=f"{quoted[0]}=… without quotation marks",
            fix=_fix("Remove the quotation marks."),
            rows=rows,
            shows_as=texts.NO_DC_ANSWERS,
        )
    problems = list(dict.fromkeys(_without_effect(config, platform)))
    if problems:
        text, fix = "; ".join(text for text, _ in problems), " ".join(fix for _, fix in problems)
        return warned(text, expected="settings that Credentials Fetcher reads", fix=_fix(fix), rows=rows)
    return passed(", ".join(name for _, name, _ in config.entries), rows=rows)


def _quoted(config: EcsConfig, platform: Platform) -> Iterator[str]:
    """Names whose quotation marks are certainly passed on: 1.3 has a DN in apostrophes, 2.x uses no shell."""
    dns = [config.value(DISTINGUISHED_NAME, fetcher) for fetcher in platform.fetchers]
    if all(dn.startswith(QUOTES) for dn in dns):
        yield DISTINGUISHED_NAME
    name = DOMAIN_CONTROLLER[Fetcher.V2]
    if platform.fetchers == {Fetcher.V2} and config.value(name, Fetcher.V2).startswith(QUOTES):
        yield name


def _without_effect(config: EcsConfig, platform: Platform) -> Iterator[tuple[str, str]]:
    """Each setting without effect, with its fix."""
    named = {name for _, name, _ in config.entries}
    certain = len(platform.fetchers) == 1
    if GMSA_OU in named:
        yield (
            f"{GMSA_OU} has no effect in ecs.config: Credentials Fetcher reads it from its own environment",
            f"Replace {GMSA_OU} with {DISTINGUISHED_NAME}=<the gMSA's DN>.",
        )
    for fetcher in sorted(platform.fetchers):
        (other,) = set(Fetcher) - {fetcher}
        name, ignored = DOMAIN_CONTROLLER[fetcher], DOMAIN_CONTROLLER[other]
        if ignored in named and name not in named:
            yield (
                f"{ignored} has no effect with Credentials Fetcher {fetcher.series}, which reads {name}",
                f"Set {name}." if certain else f"Set both {name} and {ignored}.",
            )
    unread = [name for _, name in config.unread() if name != GMSA_OU and name != DOMAIN_CONTROLLER[Fetcher.V2]]
    if Fetcher.V1_3 in platform.fetchers and unread:
        yield (
            f"Credentials Fetcher 1.3 stops reading at line {config.end}, which is not NAME=VALUE, and does not reach "
            + ", ".join(unread),
            f"Move {' and '.join(unread)} before line {config.end}.",
        )


def _fix(text: str) -> Fix:
    edit = Fix(f"On each container instance, edit ecs.config. {text}", EDIT[:1])
    return fix_in_steps(edit, Fix("Restart Credentials Fetcher there.", EDIT[1:]), owner=Owner.AWS)
