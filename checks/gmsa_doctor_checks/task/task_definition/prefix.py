"""Whether the `credentialSpecs` entry has a valid prefix."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Given, Result, check, failed, passed, skipped
from gmsa_doctor.core.changes import replaced
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.placeholders import placeholder_in
from gmsa_doctor.formats.documents.task_definition import NearMiss, Prefix, split_credential_spec
from gmsa_doctor.given.subject import Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.task.revisions import register_again, unknown_yet
from gmsa_doctor_checks.values import CredentialSpec, PrefixedArn
from gmsa_doctor_checks.versions import WINDOWS, judge_by_launch_type

_MISTAKES = {
    NearMiss.NO_PREFIX: "has no prefix",
    NearMiss.WRONG_CASE: "has its prefix in the wrong case",
    NearMiss.MISSING_COLON: "has no colon after its prefix",
    NearMiss.WHITE_SPACE: "has white space in or around its prefix",
    NearMiss.QUOTES: "has quotes around it",
    NearMiss.DOUBLED: "has its prefix twice",
    NearMiss.MISSPELT: "has a misspelled prefix",
}


@check(
    "task-definition.prefix",
    title="The prefix of the credentialSpecs entry is valid",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
    shows=(texts.NO_MAPPING, texts.UNSUPPORTED_ARN),
)
def prefix(spec: CredentialSpec, platform: Platform, subject: Subject) -> Result[PrefixedArn]:
    """Checks the prefix before the ARN: `credentialspecdomainless:` on Fargate; on EC2 also `credentialspec:`.

    Why: the prefix must match exactly. On EC2, an entry with a wrong prefix is ignored, and the task starts without
    gMSA.

    Fix: set the prefix in lower case, with its colon, once, directly before the ARN.
    """
    if platform.windows:
        return skipped(WINDOWS)
    entry = split_credential_spec(spec.text)
    if isinstance(spec.text, Open) and not _is_prefix_known(spec.text):
        return unknown_yet("the credentialSpecs entry", spec.text)
    if entry.prefix is None or entry.near_miss is not None:
        mistake = f"the credentialSpecs entry {_MISTAKES[entry.near_miss or NearMiss.MISSPELT]}"
        right = f"{Prefix.DOMAINLESS}{entry.target}"
        if platform.launch is Launch.FARGATE:
            return _wrong(mistake, spec, right, subject)
        silently = f"{mistake}; on EC2 the task then starts without gMSA, silently"
        return _wrong(silently, spec, entry.suggestion or right, subject)
    domainless = entry.prefix is Prefix.DOMAINLESS
    rest = type(spec.text)(entry.rest) if isinstance(spec.text, Open) else entry.rest
    value = PrefixedArn(domainless, rest)
    if domainless or platform.has_ecs_agent:
        return Given(value, passed(str(entry.prefix)))
    failure = _wrong(
        "the prefix credentialspec: is for domain-joined hosts; Fargate supports only credentialspecdomainless:",
        spec,
        f"{Prefix.DOMAINLESS}{entry.rest}",
        subject,
    )
    return judge_by_launch_type(value, failure, platform, "; it is unknown whether the task runs on Fargate")


def _wrong(summary: str, spec: CredentialSpec, right: str, subject: Subject) -> Finding:
    return failed(
        summary,
        observed=spec.text,
        expected=right,
        fix=replace(register_again(f"Set credentialSpecs to {right}", subject), change=replaced(spec.text, right)),
        shows_as=texts.NO_MAPPING,
    )


def _is_prefix_known(text: Open) -> bool:
    """Whether the text before the first placeholder contains the whole prefix, or cannot become a valid one."""
    known = text.partition(placeholder_in(text) or "${")[0]
    return any(known.startswith(word) for word in Prefix) or not any(word.startswith(known) for word in Prefix)
