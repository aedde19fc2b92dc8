"""The AD's parts as PowerShell commands. They remove nothing, and may be run again."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import escape_filter
from gmsa_doctor.core.model import Fix
from gmsa_doctor.core.quoting import powershell, powershell_string
from gmsa_doctor.formats.ad import cmdlets
from gmsa_doctor.setup import answers
from gmsa_doctor.setup.parts import Gmsa, Group, InAd, Member, Permission, RootKey, User


def beginning(domain: str) -> str:
    """The first command: all cmdlets of the chapter then ask this domain, not the domain of the user or the computer.

    Source: about_Parameters_Default_Values, https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_parameters_default_values
    """
    return f"$PSDefaultParameterValues['*-AD*:Server'] = {powershell_string(domain)}"


def steps(part: InAd) -> Fix:
    """What to do for the part, as a sentence and commands."""
    match part:
        case RootKey(lab):
            return _root_key(lab)
        case Group(name):
            options = f"-Name {powershell(name)} -SamAccountName {powershell(name)}"
            new = f"New-ADGroup {options} -GroupScope Global -GroupCategory Security"
            return Fix("Create the group.", (_unless("Get-ADGroup", name, new),))
        case User(name=answers.IN_SECRET) | Member(user=answers.IN_SECRET):
            return Fix("The secret has another user: name it with --user.")
        case User(name, domain):
            more = (f"-SamAccountName {powershell(name)}", f"-UserPrincipalName {powershell(f'{name}@{domain}')}")
            new = cmdlets.new_user(name, *more)
            return Fix(
                "Create the user. Enter a long random password at the prompt; the same one goes into the secret.",
                (_unless("Get-ADUser", name, new),),
            )
        case Member(user, group):
            return Fix("Add the user to the group.", (cmdlets.add_member(group, user),))
        case Gmsa(name, host, group):
            new = cmdlets.new_gmsa(name, host, group)
            return Fix(
                "Create the gMSA, whose password the group may retrieve.",
                (_unless("Get-ADServiceAccount", f"{name}$", new),),
            )
        case Permission(gmsa, group):
            return _permission(gmsa, group)
    raise TypeError(type(part).__name__)


def _root_key(lab: bool) -> Fix:
    key = cmdlets.ADD_ROOT_KEY_OF_LAB if lab else cmdlets.ADD_ROOT_KEY
    wait = (
        "In this lab with one domain controller, it is effective at once."
        if lab
        else "Without one, add it, and wait ten hours before you create the gMSA: domain controllers need that time."
    )
    return Fix(
        f"Check that the forest has a KDS root key. {wait}",
        (cmdlets.SHOW_ROOT_KEYS, f"if (-not (Get-KdsRootKey)) {{ {key} }}"),
    )


def _permission(gmsa: str, group: str) -> Fix:
    show, change = cmdlets.append_to_list(gmsa, "$group")
    return Fix(
        "Allow the group to retrieve the gMSA's password. The principals that are in the list stay in it.",
        (
            f"$group = (Get-ADGroup {powershell(group)}).DistinguishedName",
            show,
            f"if ($list -notcontains $group) {{ {change} }}",
        ),
    )


def _unless(get: str, account: str, new: str) -> str:
    """The command ``new``, unless an account of this sAMAccountName exists."""
    query = powershell(f"(sAMAccountName={escape_filter(account)})")
    return f"if (-not ({get} -LDAPFilter {query})) {{ {new} }}"
