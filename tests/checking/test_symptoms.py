"""The answer of `explain` to an error text."""

import json

import pytest

from gmsa_doctor.checking.symptoms import as_json, as_text, explain
from gmsa_doctor.formats.symptoms.catalogue import symptoms


def told(pasted: str, everything: bool = False) -> str:
    return as_text(explain(pasted), 80, everything)


def test_it_names_the_text_the_causes_how_to_confirm_and_the_fix() -> None:
    text = told("x: Preauthentication failed")
    assert text.startswith("Decisive text, from Kerberos library:\n  x: Preauthentication failed\n")
    assert "\nCause:\n\n1. kerberos.user-ticket: " in text
    assert "\n   Confirm: gmsa-doctor check … --only kerberos.user-ticket\n" in text
    assert "\n   Fix: " in text


def test_at_most_five_causes_are_shown_unless_all_are_asked_for() -> None:
    pasted = "Cannot get gMSA krb ticket"
    assert len(symptoms()["cf13.catch-all"].causes) == 7
    assert "\n5. " in told(pasted)
    assert "\n6. " not in told(pasted)
    assert "2 less likely causes: add --all." in told(pasted)
    assert "\n7. " in told(pasted, everything=True)


@pytest.mark.parametrize(
    ("pasted", "where"),
    [
        ("OutOfMemoryError: Container killed due to memory usage", "memory"),
        ("CannotPullContainerError: pull access denied", "image"),
        ("Task failed ELB health checks in (target-group x)", "log"),
        ("Capacity is unavailable at this time", "limit"),
    ],
)
def test_what_is_not_ours_is_said_plainly(pasted: str, where: str) -> None:
    text = told(pasted)
    assert "This is not a gMSA fault" in text
    assert where in text


def test_an_unknown_text_has_the_nearest_ones_and_what_to_collect() -> None:
    text = told("failed to locate gMSA password for this service account")
    assert text.startswith("No known error text in it.\n\nThe nearest known texts:\n  failed to find gMSA password")
    assert "describe-tasks" in text
    assert "klist" in text


def test_an_application_hears_of_the_next_obstacle() -> None:
    assert "the next obstacle is usually the SPN" in told("SSPI Provider: No Kerberos credentials available")
    assert "next obstacle" not in told("kinit: Password incorrect while getting initial credentials")


@pytest.mark.parametrize("show", [told, lambda pasted: as_json(explain(pasted))], ids=["text", "json"])
def test_neither_secrets_nor_other_lines_nor_control_characters_are_shown(show) -> None:  # type: ignore[no-untyped-def]
    shown = show("another line\nPassword=hunter2;\x1b]0;x\x07 Cannot get gMSA krb ticket https://u:pw9@h/")
    assert not any(hidden in shown for hidden in ("hunter2", "another line", "\x1b", "\x07", "pw9"))


def test_json_has_every_cause_and_match() -> None:
    document = json.loads(as_json(explain("Cannot get gMSA krb ticket")))
    assert document["decisive"]["id"] == "cf13.catch-all"
    assert len(document["causes"]) == 7
    assert set(document["causes"][0]) == {"check", "title", "confirm", "fix"}
    assert document["gmsa_fault"] is True
    unknown = json.loads(as_json(explain("the moon")))
    assert (unknown["decisive"], unknown["causes"]) == (None, [])
    assert unknown["collect"]
