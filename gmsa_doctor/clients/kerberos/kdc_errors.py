"""Reasons for an error of a KDC, or of libkrb5 reading its answer, by error code."""

from __future__ import annotations

from enum import StrEnum

from gmsa_doctor.core.errors import ClientError

BASE = -1765328384
"""ERROR_TABLEBASE_krb5: libkrb5's code for the KDC's error n is this plus n."""


class KdcReason(StrEnum):
    """The reason for an error of a KDC, or of libkrb5 reading its answer."""

    WRONG_PASSWORD = "wrong-password"
    EMPTY_PASSWORD = "empty-password"
    UNKNOWN_CLIENT = "unknown-client"
    REVOKED = "revoked"
    """Disabled, locked or expired; the KDC does not report which."""
    DISABLED = "disabled"
    LOCKED = "locked"
    ACCOUNT_EXPIRED = "account-expired"
    PASSWORD_EXPIRED = "password-expired"
    """Expired, or must be changed at the next logon; the KDC does not report which."""
    PASSWORD_TOO_OLD = "password-too-old"
    MUST_CHANGE = "must-change"
    LOGON_HOURS = "logon-hours"
    POLICY = "policy"
    """Logons are restricted, to certain workstations or by an authentication policy."""
    SMART_CARD = "smart-card"
    NO_ENCTYPE = "no-enctype"
    """The client, the KDC and the account have no encryption type in common."""
    NO_KEY = "no-key"
    PREAUTH_UNSUPPORTED = "preauth-unsupported"
    """The KDC does not accept a password for pre-authentication."""
    ARMOR_REQUIRED = "armor-required"
    """The KDC accepts only requests with Kerberos armoring (FAST), which a client without a TGT of a computer lacks."""
    CLOCK_SKEW = "clock-skew"
    UNKNOWN_REALM = "unknown-realm"
    WRONG_REALM = "wrong-realm"
    """The KDC answers for another realm, or for the realm in another case."""
    NO_KDC = "no-kdc"
    UNKNOWN_SERVICE = "unknown-service"
    NOT_UNIQUE = "not-unique"
    """Several accounts have this principal name: a duplicate SPN."""
    SERVICE_REVOKED = "service-revoked"
    TICKET_REJECTED = "ticket-rejected"
    """The ticket is expired, or was not issued for the other side's key."""
    KDC_ERROR = "kdc-error"
    """The KDC has an internal error."""
    OTHER = "other"


_REASONS = {
    KdcReason.ACCOUNT_EXPIRED: (1,),
    KdcReason.SERVICE_REVOKED: (2, 19, 22),
    KdcReason.UNKNOWN_CLIENT: (6,),
    KdcReason.UNKNOWN_SERVICE: (7,),
    KdcReason.NOT_UNIQUE: (8,),
    KdcReason.NO_KEY: (9,),
    KdcReason.POLICY: (11, 12),  # 11, NEVER_VALID: the lifetime asked for is not allowed
    KdcReason.NO_ENCTYPE: (14, 15),  # 15: SUMTYPE_NOSUPP
    KdcReason.PREAUTH_UNSUPPORTED: (16, 25, 90, 91),
    KdcReason.REVOKED: (18, 21),  # 21: CLIENT_NOTYET
    KdcReason.TICKET_REJECTED: (20, 31, 32, 34, 35, 36, 41, 44, 45, 46),  # 31, for a logon: a wrong password
    KdcReason.PASSWORD_EXPIRED: (23,),
    KdcReason.WRONG_PASSWORD: (24,),
    KdcReason.KDC_ERROR: (29, 52, 60, 61),
    KdcReason.CLOCK_SKEW: (33, 37),
    KdcReason.WRONG_REALM: (68,),
}
_KDC_CODES = {code: reason for reason, codes in _REASONS.items() for code in codes}
"""RFC 4120 7.5.9, RFC 6806 (68), RFC 6113 (90, 91): codes that Active Directory may plausibly return."""
_LIBRARY_CODES = {
    -1765328240: KdcReason.TICKET_REJECTED,  # KRB5KRB_AP_WRONG_PRINC
    -1765328237: KdcReason.WRONG_REALM,  # KRB5_KDCREP_MODIFIED
    -1765328236: KdcReason.CLOCK_SKEW,  # KRB5_KDCREP_SKEW
    -1765328234: KdcReason.NO_ENCTYPE,  # KRB5_PROG_ETYPE_NOSUPP
    -1765328232: KdcReason.NO_ENCTYPE,  # KRB5_WRONG_ETYPE
    -1765328230: KdcReason.UNKNOWN_REALM,  # KRB5_REALM_UNKNOWN
    -1765328228: KdcReason.NO_KDC,  # KRB5_KDC_UNREACH
    -1765328196: KdcReason.NO_ENCTYPE,  # KRB5_BAD_ENCTYPE
    -1765328176: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_BAD_TYPE
    -1765328175: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_NO_KEY
    -1765328174: KdcReason.PREAUTH_UNSUPPORTED,  # KRB5_PREAUTH_FAILED
    -1765328164: KdcReason.UNKNOWN_REALM,  # KRB5_REALM_CANT_RESOLVE
    -1765328161: KdcReason.KDC_ERROR,  # KRB5_GET_IN_TKT_LOOP
    -1765328147: KdcReason.NO_ENCTYPE,  # KRB5_CONFIG_ETYPE_NOSUPP
}
"""Codes of libkrb5 itself. Source: krb5.h."""
_NT_STATUS = {
    0xC000006A: KdcReason.WRONG_PASSWORD,
    0xC000006F: KdcReason.LOGON_HOURS,
    0xC0000070: KdcReason.POLICY,  # INVALID_WORKSTATION
    0xC0000071: KdcReason.PASSWORD_TOO_OLD,
    0xC0000072: KdcReason.DISABLED,
    0xC0000193: KdcReason.ACCOUNT_EXPIRED,
    0xC0000224: KdcReason.MUST_CHANGE,
    0xC0000234: KdcReason.LOCKED,
    0xC00002FA: KdcReason.SMART_CARD,
    0xC0000413: KdcReason.POLICY,  # AUTHENTICATION_FIREWALL_FAILED
}
"""Codes that are more precise than the Kerberos code. Source: MS-ERREF 2.3.1."""
_REFINED = {KdcReason.REVOKED, KdcReason.POLICY, KdcReason.PASSWORD_EXPIRED}


class KdcRefusal(ClientError):
    """The KDC returned an error. ``code``: libkrb5's error code; ``nt_status``: Active Directory's status, if any."""

    def __init__(self, reason: KdcReason, code: int, text: str, nt_status: int | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.code = code
        self.nt_status = nt_status

    def without_names(self) -> KdcRefusal:
        """The same refusal without libkrb5's text, which contains the client's name."""
        where = self.text.partition(": ")[0]
        number = self.code - BASE if self.code in range(BASE, BASE + 128) else self.code
        return KdcRefusal(self.reason, self.code, f"{where}: {self.reason} (Kerberos error {number})", self.nt_status)


def reason_of(code: int, nt_status: int | None, logon: bool) -> KdcReason:
    """The reason for libkrb5's ``code`` and AD's NTSTATUS, if any; ``logon``: of an AS exchange."""
    if logon and code == BASE + 31:  # the answer cannot be decrypted: no pre-authentication, and a wrong password
        return KdcReason.WRONG_PASSWORD
    reason = _KDC_CODES.get(code - BASE) or _LIBRARY_CODES.get(code, KdcReason.OTHER)
    if reason in _REFINED and nt_status in _NT_STATUS:
        return _NT_STATUS[nt_status]
    return reason
