"""PowerShell commands that show, create and change a gMSA and what it needs in the AD.

Source: the module ActiveDirectory, https://learn.microsoft.com/powershell/module/activedirectory/; the KDS root key,
https://learn.microsoft.com/windows-server/security/group-managed-service-accounts/create-the-key-distribution-services-kds-root-key
"""

from __future__ import annotations

from gmsa_doctor.core.quoting import powershell

LIST = "PrincipalsAllowedToRetrieveManagedPassword"
SHOW_ROOT_KEYS = "Get-KdsRootKey | Select-Object KeyId,CreationTime,EffectiveTime"
ADD_ROOT_KEY = "Add-KdsRootKey -EffectiveImmediately"
"""Domain controllers use the key ten hours later."""
ADD_ROOT_KEY_OF_LAB = "Add-KdsRootKey -EffectiveTime ((Get-Date).AddHours(-10))"
"""The only domain controller of a lab uses the key at once. Others may not have it yet."""
NEW_PASSWORD = "(Read-Host -AsSecureString -Prompt 'New password')"


def new_user(name: str, *more: str) -> str:
    """The command that creates a user whose password is prompted for; ``more`` are further options."""
    options = (f"-Name {powershell(name)}", *more, "-PasswordNeverExpires $true -Enabled $true")
    return f"New-ADUser {' '.join(options)} -AccountPassword {NEW_PASSWORD}"


def new_gmsa(name: str, host: str, principal: str) -> str:
    """The command that creates a gMSA whose password ``principal`` may retrieve. ``name`` has no ``$``."""
    return (
        f"New-ADServiceAccount -Name {powershell(name)} -DnsHostName {powershell(host)} -{LIST} {powershell(principal)}"
    )


def add_member(group: str, member: str) -> str:
    """The command that adds an account to a group; one that is a member already stays one."""
    return f"Add-ADGroupMember -Identity {powershell(group)} -Members {powershell(member)}"


def show_list(gmsa: str) -> str:
    """The command that shows who may retrieve a gMSA's password. The gMSA's name may end in ``$``."""
    return f"Get-ADServiceAccount {_bare(gmsa)} -Properties {LIST}"


def set_list(gmsa: str, *names: str) -> str:
    """The command that overwrites the list."""
    return f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} {','.join(map(powershell, names))}"


def append_to_list(gmsa: str, principal: str) -> tuple[str, ...]:
    """The commands that append a principal to the list; the others stay. ``principal`` is an expression with its DN."""
    return (
        f"$list = @(({show_list(gmsa)}).{LIST})",
        f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} ($list + {principal})",
    )


def append_user(gmsa: str, user: str) -> tuple[str, ...]:
    """The commands that show the list and append a user to it."""
    return show_list(gmsa), *append_to_list(gmsa, f"(Get-ADUser {powershell(user)}).DistinguishedName")


def _bare(gmsa: str) -> str:
    """The gMSA's name without ``$``, as the cmdlets take it."""
    return powershell(gmsa.removesuffix("$"))
