"""The ticket cache's file: a valid one is read, a corrupt one is an error."""

import os
import struct
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.ccache import Ccache, CcacheError, Credential, Principal, parse
from tests.ccaches import BITS, CACHE, GMSA, TGT, build, credential_bytes, principal_bytes
from tests.lab import accounts, ad

texts = st.text(st.characters(codec="utf-8"), max_size=12)
principals = st.builds(Principal, st.lists(texts, max_size=3).map(tuple), texts.filter(lambda t: "CONF" not in t))
times = st.integers(min_value=1, max_value=2**32 - 1).map(lambda n: datetime.fromtimestamp(n, UTC))
credentials = st.builds(
    Credential,
    principals,
    principals,
    st.integers(min_value=-(2**15), max_value=2**15 - 1),
    times,
    times,
    times,
    st.none() | times,
    st.lists(st.sampled_from(sorted(BITS, key=lambda name: BITS[name])), unique=True).map(
        lambda names: tuple(sorted(names, key=lambda name: BITS[name]))
    ),
)
offsets = st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=2))
caches = st.builds(Ccache, st.just(4), principals, st.lists(credentials, max_size=3).map(tuple), offsets)


@given(caches)
def test_what_is_written_is_read(cache: Ccache) -> None:
    assert parse(build(cache)) == cache
    old = replace(cache, version=3, clock_offset=timedelta(0))
    assert parse(build(old)) == old


@given(st.integers(min_value=0, max_value=len(build(CACHE)) - 1))
def test_the_error_for_a_truncated_cache_has_its_offset(length: int) -> None:
    without_credentials = len(build(replace(CACHE, credentials=())))
    if length == without_credentials:
        assert parse(build(CACHE)[:length]).credentials == ()
        return
    with pytest.raises(CcacheError) as caught:
        parse(build(CACHE)[:length])
    assert 0 <= caught.value.offset <= length
    assert f"(at byte {caught.value.offset})" in str(caught.value)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_an_error(junk: bytes) -> None:
    for content in (junk, b"\x05\x04" + junk, b"\x05\x03" + junk, b"\x05\x04\0\0" + junk):
        with suppress(CcacheError):
            parse(content)


@given(st.binary(max_size=40), st.integers(min_value=0, max_value=600), st.integers(min_value=0, max_value=20))
def test_a_corrupt_cache_is_read_or_an_error(junk: bytes, start: int, cut: int) -> None:
    whole = build(CACHE)
    with suppress(CcacheError):
        str(parse(whole[:start] + junk + whole[start + cut :]).principal)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\x05", "the version is cut off"),
        (b"root:x:0:0:root", "its first byte is 0x72"),
        (b"\x05\x01", "its version is 1; 3 and 4 can be read"),
        (b"\x05\x02" + bytes(40), "its version is 2; 3 and 4 can be read"),
        (b"\x05\x04\0\x04\0\x01\0\x08" + bytes(40), "a field of the header is longer than the header"),
        (b"\x05\x04\0\0" + b"\xff" * 40, "a principal is cut off"),
    ],
)
def test_a_file_that_is_not_a_cache_is_an_error(content: bytes, why: str) -> None:
    with pytest.raises(CcacheError, match=why):
        parse(content)


def test_unknown_fields_of_the_header_are_skipped() -> None:
    fields = struct.pack(">HHI", 99, 4, 7) + struct.pack(">HHii", 1, 8, -90, 0)
    content = b"\x05\x04" + struct.pack(">H", len(fields)) + fields + principal_bytes(GMSA)
    assert parse(content) == Ccache(4, GMSA, (), timedelta(seconds=-90))


def test_configuration_and_removed_credentials_are_skipped() -> None:
    nothing = datetime.fromtimestamp(0, UTC)
    zero = replace(TGT, enctype=0, auth=nothing, start=nothing, end=nothing, renew_till=None, flags=())
    entries = [
        credential_bytes(replace(zero, server=Principal(("krb5_ccache_conf_data", "pa_type"), realm)), ticket=b"2")
        for realm in ("X-CACHECONF:", "X-RMED-CONF:")
    ]
    removed = credential_bytes(replace(TGT, auth=datetime.fromtimestamp(2**32 - 1, UTC), end=nothing))
    assert parse(build(CACHE, [*entries, removed])).credentials == (TGT,)


def test_a_missing_start_time_is_that_of_the_logon() -> None:
    unsaid = replace(TGT, start=datetime.fromtimestamp(0, UTC))
    assert parse(build(replace(CACHE, credentials=(unsaid,)))).credentials == (TGT,)


def test_the_tgt_is_for_the_own_realm_and_client() -> None:
    service = replace(TGT, server=Principal(("MSSQLSvc", "db.corp.example"), "CORP.EXAMPLE"))
    foreign = replace(TGT, server=Principal(("krbtgt", "OTHER.EXAMPLE"), "CORP.EXAMPLE"))
    others = replace(TGT, client=Principal(("other$",), "CORP.EXAMPLE"))
    assert replace(CACHE, credentials=(service, foreign, others)).tgt is None
    assert replace(CACHE, credentials=(service, foreign, others, TGT)).tgt == TGT


def test_a_principal_is_shown_as_by_libkrb5() -> None:
    assert str(GMSA) == "webapp01$@CORP.EXAMPLE"
    assert str(Principal(("a/b", "c@d"), "R")) == r"a\/b/c\@d@R"


@pytest.mark.parametrize(("number", "name"), [(18, "aes256-cts-hmac-sha1-96"), (23, "rc4-hmac"), (77, "enctype 77")])
def test_an_encryption_type_has_a_name(number: int, name: str) -> None:
    assert replace(TGT, enctype=number).enctype_name == name


def test_neither_key_nor_ticket_is_kept() -> None:
    found = parse(build(CACHE))
    assert "canary" not in repr(found)


def test_a_name_that_is_not_utf_8_is_shown_with_escapes() -> None:
    content = build(CACHE).replace(b"webapp01$", b"webapp\xff\xfe$")
    assert str(parse(content).principal) == r"webapp\\xff\\xfe$@CORP.EXAMPLE"


KRB5_CONF = """\
[libdefaults]
 default_realm = {dc.realm}
 dns_lookup_kdc = false
[realms]
 {dc.realm} = {{
  kdc = {dc.ip}
 }}
"""


def test_the_cache_of_the_real_kinit_is_read_as_klist_reads_it(dc: ad.DomainController, tmp_path: Path) -> None:
    (tmp_path / "krb5.conf").write_text(KRB5_CONF.format(dc=dc))
    file = tmp_path / "krb5cc"
    environment = {**os.environ, "KRB5_CONFIG": str(tmp_path / "krb5.conf"), "LC_ALL": "C", "TZ": "UTC"}
    made = ["kinit", "-c", f"FILE:{file}", "-l", "2h", "-r", "5h", accounts.READER]
    subprocess.run(made, input=f"{accounts.PASSWORD}\n", env=environment, text=True, check=True, capture_output=True)
    asked = ["kvno", "-c", f"FILE:{file}", "MSSQLSvc/sql.corp.example:1433"]
    subprocess.run(asked, env=environment, check=True, capture_output=True)
    shown = subprocess.run(
        ["klist", "-c", f"FILE:{file}", "-e", "-f"], env=environment, text=True, check=True, capture_output=True
    ).stdout

    found = parse(file.read_bytes())
    tgt = found.tgt
    assert tgt is not None
    assert f"Default principal: {found.principal}\n" in shown
    assert str(found.principal) == "gmsa-reader@CORP.EXAMPLE"
    assert [str(credential.server) for credential in found.credentials] == [
        "krbtgt/CORP.EXAMPLE@CORP.EXAMPLE",
        "MSSQLSvc/sql.corp.example:1433@CORP.EXAMPLE",
    ]
    assert tgt.renew_till is not None
    for time in (tgt.start, tgt.end, tgt.renew_till):
        assert f"{time:%m/%d/%y %H:%M:%S}" in shown
    # the end is reckoned from kinit's clock, the start is the KDC's
    assert abs(tgt.end - tgt.start - timedelta(hours=2)) < timedelta(minutes=5)
    assert f"(skey, tkt): {tgt.enctype_name}, " in shown
    assert {"renewable", "initial", "pre-authent"} <= set(tgt.flags)
