"""Whether Credentials Fetcher accepts the CredSpec's domain and gMSA names."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Result, check, failed, passed, unknown, warned
from gmsa_doctor.formats.documents.names import (
    AccountNameDefect,
    account_name_defects,
    bare_account_name,
    domain_name_defect,
    invisible_in,
    lacks_dot,
    refused_characters,
)
from gmsa_doctor.formats.documents.placeholders import placeholder_in
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_credspec
from gmsa_doctor_checks.task.revisions import unknown_yet
from gmsa_doctor_checks.values import CredSpec, DomainName, GmsaName, GmsaNames
from gmsa_doctor_checks.versions import judge_by_version


@check(
    "credspec.names",
    title="The CredSpec's domain and gMSA names are valid",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec/ActiveDirectoryConfig",
    shows=(texts.FIELDS, texts.MISSING_DNS_NAME, texts.MISSING_GMSA, texts.BLOB),
)
def credspec_names(credspec: CredSpec, platform: Platform) -> Result[GmsaNames]:
    """Checks the form of `DomainJoinConfig.DnsName` and of the first name in `GroupManagedServiceAccounts`.

    Why: the gMSA's name is its sAMAccountName without the `$` and without a domain; Credentials Fetcher adds the `$`.

    Fix: set the domain's full DNS name and the gMSA's bare name.
    """
    document = credspec.document
    dns_name, gmsa_name, commands = document.dns_name, document.gmsa_name, edit_credspec(credspec.location)
    if odd := _odd_text(credspec):
        return odd
    domain_defect = domain_name_defect(dns_name)
    if domain_defect:
        bare = dns_name.strip().rstrip(".").lower()
        summary = f"DnsName is not a domain name that Credentials Fetcher accepts: {domain_defect}"
        return _bad_domain(credspec, summary, bare if domain_defect.endswith("dot") else "corp.example.com")
    if "@" in gmsa_name:
        bare = bare_account_name(gmsa_name).partition("@")[0]
        failure = failed(
            f"the gMSA's name in the CredSpec is a UPN; Credentials Fetcher logs on as {gmsa_name}$@{dns_name.upper()}",
            observed=gmsa_name,
            expected=bare,
            fix=Fix(f"Set Name in GroupManagedServiceAccounts to {bare}, and upload the CredSpec.", commands),
            shows_as=texts.BLOB,
        )
        return replace(failure, about=_about_name(credspec))
    defects = account_name_defects(gmsa_name)
    if defects:
        bare = bare_account_name(gmsa_name)
        words = {
            AccountNameDefect.EMPTY: "is empty",
            AccountNameDefect.DOLLAR: "ends in $, which Credentials Fetcher adds itself",
            AccountNameDefect.DOMAIN: "includes its domain",
            AccountNameDefect.CHARACTERS: f"contains {' '.join(map(repr, refused_characters(gmsa_name)))}",
        }
        failure = failed(
            f"the gMSA's name in the CredSpec {' and '.join(words[defect] for defect in defects)}",
            observed=gmsa_name,
            expected=bare,
            fix=Fix(f"Set Name in GroupManagedServiceAccounts to {bare}, and upload the CredSpec.", commands),
            shows_as=texts.FIELDS,
        )
        return replace(failure, about=_about_name(credspec))
    domain = DomainName(dns_name.lower())
    names = GmsaNames(domain, GmsaName(gmsa_name))
    if lacks_dot(dns_name):
        expected = "the AD domain's full DNS name, not its NetBIOS name"
        failure = _bad_domain(credspec, f"DnsName {domain.text} has no dot", expected)
        finding = judge_by_version(failure, frozenset({Fetcher.V2}), platform)
        return finding if platform.fetchers == {Fetcher.V2} else Given(names, finding)
    machine = document.machine_account_name
    if machine and machine.removesuffix("$").lower() != gmsa_name.lower():
        warning = warned(
            f"MachineAccountName is {machine}, but the gMSA's Name is {gmsa_name}: Credentials Fetcher uses Name, the "
            "ECS agent on EC2 uses MachineAccountName",
            observed=f"{machine} and {gmsa_name}",
            expected="the same name in both",
            fix=Fix("Set both to the gMSA's name, and upload the CredSpec.", commands),
        )
        return Given(names, replace(warning, about="credspec/DomainJoinConfig/MachineAccountName"))
    return Given(names, passed(f"gMSA {gmsa_name} of {domain.text}"))


_DNS_NAME = "credspec/DomainJoinConfig/DnsName"


def _about_name(credspec: CredSpec) -> str:
    return f"credspec/ActiveDirectoryConfig/GroupManagedServiceAccounts/{credspec.document.gmsa_index}/Name"


def _odd_text(credspec: CredSpec) -> Finding | None:
    """The finding about a placeholder in a file, or about an invisible character in the gMSA's name; None without."""
    name = credspec.document.gmsa_name
    settings = (("DnsName", credspec.document.dns_name, _DNS_NAME), ("the gMSA's Name", name, _about_name(credspec)))
    for setting, text, about in settings if credspec.location.file else ():
        if placeholder_in(text):
            return replace(unknown_yet(setting, text), about=about)
    if not (code := invisible_in(name)):
        return None
    judge = failed if code < "U+0020" else unknown  # an account's name may have other invisible characters
    finding = judge(
        f"the gMSA's Name contains the invisible character {code}: most likely it is not in the account's name",
        observed=ascii(name),
        expected="the sAMAccountName, without $",
        fix=Fix("Type the name again, and upload the CredSpec.", edit_credspec(credspec.location)),
    )
    return replace(finding, about=_about_name(credspec))


def _bad_domain(credspec: CredSpec, summary: str, expected: str) -> Finding:
    text = "Set DomainJoinConfig.DnsName to the AD domain's full DNS name, and upload the CredSpec."
    finding = failed(
        summary,
        observed=credspec.document.dns_name,
        expected=expected,
        fix=Fix(text, edit_credspec(credspec.location)),
        shows_as=texts.FIELDS,
    )
    return replace(finding, about=_DNS_NAME)
