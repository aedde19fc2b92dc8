"""The graph: who runs, who waits, who is in whose way."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Event
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.core import engine, limits
from gmsa_doctor.core.declaration import DeclarationError, check
from gmsa_doctor.core.engine import Case, Progress, execute
from gmsa_doctor.core.errors import ClientError, Denied, OutOfReach, TimedOut
from gmsa_doctor.core.limits import each, within
from gmsa_doctor.core.model import (
    Check,
    Finding,
    Given,
    Outcome,
    Result,
    Status,
    Stop,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.core.registry import Registry


@dataclass(frozen=True)
class Start:
    text: str


@dataclass(frozen=True)
class One:
    text: str


@dataclass(frozen=True)
class Two:
    text: str


@dataclass(frozen=True)
class Three:
    text: str


def declared(*functions: Callable[..., Any]) -> Registry:
    return Registry(_checks(functions))


def _checks(functions: Iterable[Callable[..., Any]]) -> list[Check]:
    return [getattr(one, "__gmsa_doctor_check__") for one in functions]  # noqa: B009


def a_check(id: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__doc__ = "What.\n\nWhy: because.\n\nFix: so."
        return check(id, title=id, docs="https://example.com/", **options)(function)

    return declare


@a_check("one.gives")
def gives_one(start: Start) -> Result[One]:
    if start.text == "bad":
        return failed("one is bad")
    return Given(One(start.text), passed("one is good"))


@a_check("two.gives")
def gives_two(one: One) -> Given[Two]:
    return Given(Two(one.text), passed("two is good"))


@a_check("three.needs")
def needs_both(one: One, two: Two) -> Finding:
    return passed(f"{one.text} and {two.text}")


CHAIN = (needs_both, gives_two, gives_one)  # declared backwards: the graph finds its own order


def findings(registry: Registry, *starts: str, **options: Any) -> list[dict[str, Finding]]:
    cases = [Case(text, {Start: Start(text)}) for text in starts]
    ended = execute(registry, cases, seconds=options.pop("seconds", 10), **options)
    return [{one.check: one for one in each} for each in ended.findings]


def test_values_travel_along_the_types_of_parameters() -> None:
    (found,) = findings(declared(*CHAIN), "x")
    assert found["three.needs"].summary == "x and x"
    assert {one.status for one in found.values()} == {Status.PASS}


def test_what_stands_behind_a_failure_is_skipped_and_names_the_one_root_cause() -> None:
    (found,) = findings(declared(*CHAIN), "bad")
    assert found["one.gives"].root
    assert found["two.gives"].status is found["three.needs"].status is Status.SKIPPED
    assert found["two.gives"].because == found["three.needs"].because == ("one.gives",)
    assert [one.check for one in found.values() if one.root] == ["one.gives"]


def test_equal_arguments_are_checked_once_for_all_subjects() -> None:
    calls: list[str] = []

    @a_check("one.counts")
    def counts(start: Start) -> Given[One]:
        calls.append(start.text)
        return Given(One(start.text), passed(f"saw {start.text}"))

    found = findings(declared(counts), "same", "same", "other", *["same"] * 1000)
    assert sorted(calls) == ["other", "same"]
    assert {each["one.counts"].summary for each in found} == {"saw same", "saw other"}


def test_independent_checks_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=60)

    @a_check("left.meets")
    def left(start: Start) -> Finding:
        both.wait()
        return passed("met")

    @a_check("right.meets")
    def right(start: Start) -> Finding:
        both.wait()
        return passed("met")

    (found,) = findings(declared(left, right), "x")
    assert [one.summary for one in found.values()] == ["met", "met"]


def test_an_outcome_parameter_receives_the_finding_in_the_way() -> None:
    @a_check("two.judges")
    def judges(one: Outcome[One]) -> Finding:
        return passed(one.value.text) if one.value else warned(f"without: {one.finding.summary}")

    registry = declared(gives_one, judges)
    assert findings(registry, "x")[0]["two.judges"].summary == "x"
    assert findings(registry, "bad")[0]["two.judges"].summary == "without: one is bad"


def test_a_crash_is_one_error_without_the_exceptions_text_and_the_run_goes_on() -> None:
    @a_check("one.crashes")
    def crashes(start: Start) -> Given[One]:
        secret = "hunter2"
        raise ValueError(f"the password is {secret}")

    @a_check("other.works")
    def works(start: Start) -> Finding:
        return passed("fine")

    (found,) = findings(declared(crashes, works, gives_two), "x")
    assert found["one.crashes"].status is Status.ERROR
    assert "ValueError" in found["one.crashes"].summary
    assert "hunter2" not in repr(found)
    assert "in crashes" in str(found["one.crashes"].observed)
    assert found["two.gives"].because == ("one.crashes",)
    assert found["other.works"].status is Status.PASS


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("hunter2"), KeyboardInterrupt(), GeneratorExit()])
def test_a_check_that_ends_the_process_is_an_error_at_once(error: BaseException) -> None:
    @a_check("one.leaves")
    def leaves(start: Start) -> Finding:
        raise error

    (found,) = findings(declared(leaves), "x")
    assert (found["one.leaves"].status, type(error).__name__ in found["one.leaves"].summary) == (Status.ERROR, True)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Denied("s3:GetObject", "arn:aws:s3:::b/k"), Status.UNKNOWN),
        (TimedOut("KDC 127.0.0.1:88", 3), Status.UNKNOWN),
        (OutOfReach("no credentials"), Status.SKIPPED),
        (Stop(failed("stopped")), Status.FAIL),
    ],
)
def test_an_error_that_a_check_does_not_handle_becomes_its_finding(error: Exception, status: Status) -> None:
    @a_check("one.raises")
    def raises(start: Start) -> Given[One]:
        raise error

    (found,) = findings(declared(raises, gives_two), "x")
    assert found["one.raises"].status is status
    assert found["two.gives"].because == ("one.raises",)


def test_a_finding_may_be_raised_under_the_id_where_its_cause_belongs() -> None:
    @a_check("two.elsewhere")
    def elsewhere(one: One) -> Result[Two]:
        return replace(failed("one does not exist after all"), check="one.gives")

    @a_check("three.follows")
    def follows(two: Two) -> Finding:
        return passed("never")

    (found,) = findings(declared(gives_one, elsewhere, follows), "x")
    assert found["one.gives"].status is Status.FAIL
    assert found["one.gives"].root
    assert found["two.elsewhere"].status is found["three.follows"].status is Status.SKIPPED
    assert found["two.elsewhere"].because == found["three.follows"].because == ("one.gives",)


def test_all_findings_in_the_way_are_named() -> None:
    @a_check("two.fails")
    def two_fails(start: Start) -> Result[Two]:
        return unknown("two is not known")

    (found,) = findings(declared(gives_one, two_fails, needs_both), "bad")
    assert found["three.needs"].because == ("one.gives", "two.fails")


def test_a_value_given_from_outside_takes_the_place_of_its_check() -> None:
    @a_check("one.replaced")
    def replaced(start: Start) -> Given[One]:
        return Given(One("from the check"), passed("ran"))

    ended = execute(declared(replaced, gives_two), [Case("x", {Start: Start("x"), One: One("outside")})], seconds=5)
    assert [one.status for one in ended.findings[0]] == [Status.PASS, Status.PASS]


def test_a_finding_given_in_place_of_a_client_is_the_reason_of_each_direct_user() -> None:
    reason = skipped("no AWS credentials")
    ended = execute(declared(*CHAIN), [Case("x", {Start: reason})], seconds=5)
    by_id = {finding.check: finding for finding in ended.findings[0]}
    assert by_id["one.gives"].summary == "no AWS credentials"
    assert by_id["two.gives"].because == ("one.gives",)


def test_a_type_that_nobody_gives_is_our_error_not_a_pass() -> None:
    (found,) = findings(declared(gives_two), "x")
    assert found["two.gives"].status is Status.ERROR
    assert "One" in found["two.gives"].summary


def test_checks_that_are_not_selected_are_skipped_with_that_reason() -> None:
    registry = declared(*CHAIN)
    (found,) = findings(registry, "x", selected=registry.with_needs(frozenset({"two.gives"})))
    assert found["two.gives"].status is Status.PASS
    assert (found["three.needs"].status, found["three.needs"].summary) == (Status.SKIPPED, "not selected")


def test_a_check_over_its_limit_is_unknown_and_does_not_hold_up_the_others() -> None:
    release = threading.Event()

    @a_check("one.hangs", limit=0.2)
    def hangs(start: Start) -> Given[One]:
        release.wait(30)
        return Given(One("late"), passed("late"))

    @a_check("other.works")
    def works(start: Start) -> Finding:
        return passed("fine")

    (found,) = findings(declared(hangs, works, gives_two), "x")
    release.set()
    assert found["one.hangs"].status is Status.UNKNOWN
    assert "0.2 s" in found["one.hangs"].summary
    assert found["two.gives"].because == ("one.hangs",)
    assert found["other.works"].status is Status.PASS


def hanging_and_waiting() -> tuple[Registry, Callable[[Progress], None]]:
    """A check that is over its limit, and one with a shorter limit that waits for its turn until then."""
    turn = Event()

    @a_check("one.hangs", limit=0.3)
    def hangs(start: Start) -> Finding:
        Event().wait(30)
        return passed("late")

    @a_check("two.waits", limit=0.1)
    def waits(start: Start) -> Finding:
        with limits.waiting():
            each([1, 2], lambda _: turn.wait(30))
        return passed("had its turn")

    def watch(progress: Progress) -> None:
        if progress.done and "one.hangs" not in progress.running:
            turn.set()

    return declared(hangs, waits), watch


def test_waiting_for_a_turn_does_not_count_against_a_checks_limit() -> None:
    registry, watch = hanging_and_waiting()
    (found,) = findings(registry, "x", watch=watch)
    assert {id: finding.status for id, finding in found.items()} == {
        "one.hangs": Status.UNKNOWN,
        "two.waits": Status.PASS,
    }


def test_the_threads_of_a_check_wait_for_it() -> None:
    """Waiting in a thread of ``each`` or ``within`` is the check's waiting."""
    turns = limits.Turns()

    def look() -> list[bool]:
        with limits.waiting():
            return [turns.is_waiting]

    def in_threads() -> list[object]:
        return [within(9, "x", look), *(found for _, found in each([1, 2], lambda _: look()))]

    assert limits.counting(turns, in_threads) == [[True], [True], [True]]
    assert not turns.is_waiting
    assert turns.seconds > 0


def test_waiting_for_a_turn_counts_against_the_runs_time() -> None:
    @a_check("one.waits")
    def waits(start: Start) -> Finding:
        with limits.waiting():
            Event().wait(30)
        return passed("late")

    (found,) = findings(declared(waits), "x", seconds=0.1)
    assert (found["one.waits"].status, found["one.waits"].summary) == (Status.UNKNOWN, engine.TIME_OVER)


def test_the_runs_deadline_ends_what_runs_and_what_would_follow() -> None:
    release = threading.Event()

    @a_check("one.hangs")
    def hangs(start: Start) -> Given[One]:
        release.wait(30)
        return Given(One("late"), passed("late"))

    (found,) = findings(declared(hangs, gives_two, needs_both), "x", seconds=0.2)
    release.set()
    assert found["one.hangs"].status is Status.UNKNOWN
    assert found["three.needs"].because == ("one.hangs",)


def test_ctrl_c_keeps_what_is_known_and_the_report_is_whole() -> None:
    release = threading.Event()
    asked = threading.Event()

    @a_check("two.hangs")
    def hangs(one: One) -> Given[Two]:
        asked.set()
        release.wait(30)
        return Given(Two("late"), passed("late"))

    def interrupt(progress: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    @a_check("other.quick")
    def quick(start: Start) -> Finding:
        asked.wait(5)  # ends while the other hangs, so that the run comes by again
        return passed("fine")

    registry = declared(gives_one, hangs, quick, needs_both)
    ended = execute(registry, [Case("x", {Start: Start("x")})], seconds=10, watch=interrupt)
    release.set()
    by_id = {finding.check: finding for finding in ended.findings[0]}
    assert ended.interrupted
    assert by_id["one.gives"].status is Status.PASS
    assert (by_id["two.hangs"].status, by_id["two.hangs"].summary) == (Status.UNKNOWN, "interrupted before it ended")
    assert by_id["three.needs"].because == ("two.hangs",)


def test_ctrl_c_at_any_line_of_the_engine_leaves_a_whole_report() -> None:
    """The signal strikes where it likes: while a check is started, ended or settled."""
    registry = declared(gives_one, gives_two, needs_both)

    def interrupted_at(line: int) -> bool:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            nonlocal left
            if frame.f_code.co_filename != engine.__file__ or frame.f_code.co_name == "interrupt":
                return None
            if event == "line" and frame.f_code.co_name != "execute":
                left -= 1
                if left == 0:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        run = engine._GraphRun(registry, [Case("x", {Start: Start("x")})] * 2, registry.ids, 10)
        sys.settrace(trace)
        try:
            ended = run.execute(lambda progress: None)
        finally:
            sys.settrace(None)
        for case in (0, 1):
            found = {finding.check: finding for finding in run.findings(case)}
            assert found.keys() == registry.ids or found["one.gives"].summary.startswith("not begun"), line
        return ended

    struck = 0
    while interrupted_at(struck + 1):
        struck += 1
    assert struck > 100


def test_the_time_of_the_run_is_over_even_if_checks_end_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_000_000))
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: next(clock) / 100, process_time=lambda: 0.0))
    ended = execute(declared(*CHAIN), [the_start(str(number)) for number in range(400)], seconds=10)
    by_case = [{finding.check: finding for finding in found} for found in ended.findings]
    assert by_case[0]["three.needs"].status is Status.PASS
    assert list(by_case[-1]) == ["one.gives"]
    last = by_case[-1]["one.gives"]
    assert (last.status, last.root, last.docs) == (Status.UNKNOWN, True, "https://example.com/")
    assert last.summary == engine.NOT_BEGUN
    assert ended.values[-1] == {One: last, Two: last}
    assert not ended.interrupted


def test_no_case_begins_when_the_time_that_is_left_is_needed_for_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    work = iter(range(1_000_000))
    times = SimpleNamespace(monotonic=time.monotonic, process_time=lambda: float(next(work)))
    monkeypatch.setattr(engine, "time", times)
    ended = execute(declared(*CHAIN), [the_start(str(number)) for number in range(400)], seconds=100)
    assert len(ended.findings[0]) == 3
    assert ended.findings[-1][0].summary == engine.NOT_BEGUN


def test_cases_that_have_not_begun_when_the_user_interrupts_have_one_finding() -> None:
    def interrupt(progress: engine.Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    ended = execute(declared(*CHAIN), [the_start(str(n)) for n in range(200)], seconds=100, watch=interrupt)
    assert ended.interrupted
    assert [len(found) for found in ended.findings][::199] == [3, 1]
    assert ended.findings[-1][0].summary == engine.NOT_BEGUN


def test_arguments_that_cannot_be_hashed_are_equal_only_to_themselves() -> None:
    @dataclass
    class Loose:
        items: list[str] = field(default_factory=list)

    calls: list[Loose] = []

    def counts(loose: Any) -> Finding:
        calls.append(loose)
        return passed("ran")

    counts.__annotations__ = {"loose": Loose, "return": Finding}
    same, other = Loose(), Loose()
    cases = [Case("a", {Loose: same}), Case("b", {Loose: same}), Case("c", {Loose: other})]
    execute(declared(a_check("loose.runs")(counts)), cases, seconds=5)
    assert len(calls) == 2


# What checks gave -------------------------------------------------------------------------------------


def values(registry: Registry, *cases: Case, **options: Any) -> list[dict[type, object]]:
    return [dict(each) for each in execute(registry, cases, seconds=5, **options).values]


def the_start(text: str) -> Case:
    return Case(text, {Start: Start(text)})


def test_a_run_tells_each_subjects_values() -> None:
    found = values(declared(*CHAIN), the_start("x"), the_start("y"))
    assert found == [{One: One("x"), Two: Two("x")}, {One: One("y"), Two: Two("y")}]


def test_in_place_of_a_value_is_the_finding_in_its_way() -> None:
    (found,) = values(declared(*CHAIN), the_start("bad"))
    one, two = found[One], found[Two]
    assert isinstance(one, Finding)
    assert isinstance(two, Finding)
    assert (one.check, one.status, one.docs, one.root) == ("one.gives", Status.FAIL, "https://example.com/", True)
    assert (two.check, two.status, two.because) == ("two.gives", Status.SKIPPED, ("one.gives",))


def test_a_finding_in_the_way_of_a_value_keeps_the_id_it_was_raised_under() -> None:
    @a_check("one.elsewhere")
    def elsewhere(start: Start) -> Result[One]:
        return replace(failed("the cause lies there"), check="three.needs")

    (found,) = values(declared(elsewhere, gives_two, needs_both), the_start("x"))
    one, two = found[One], found[Two]
    assert isinstance(one, Finding)
    assert isinstance(two, Finding)
    assert (one.check, one.root) == ("three.needs", True)
    assert two.because == ("three.needs",)


def test_a_value_from_outside_is_the_one_that_the_others_took() -> None:
    given = Case("given", {Start: Start("bad"), One: One("from outside")})
    (found,) = values(declared(*CHAIN), given)
    assert found == {One: One("from outside"), Two: Two("from outside")}


def test_of_a_check_that_was_not_selected_there_is_no_value() -> None:
    (found,) = values(declared(*CHAIN), the_start("x"), selected=frozenset({"one.gives"}))
    two = found[Two]
    assert found[One] == One("x")
    assert isinstance(two, Finding)
    assert (two.check, two.summary) == ("two.gives", "not selected")


def test_of_a_check_that_has_not_ended_in_time_there_is_no_value() -> None:
    ended = threading.Event()

    @a_check("one.waits")
    def waits(start: Start) -> Given[One]:
        ended.wait(5)
        return Given(One("late"), passed("late"))

    ended_run = execute(declared(waits), [the_start("x")], seconds=0.05)
    ended.set()
    one = ended_run.values[0][One]
    assert isinstance(one, Finding)
    assert one.status is Status.UNKNOWN


def test_progress_counts_what_has_ended() -> None:
    seen: list[tuple[int, int]] = []
    registry = declared(*CHAIN)
    execute(registry, [Case("x", {Start: Start("x")})], seconds=5, watch=lambda p: seen.append((p.done, p.total)))
    assert seen
    assert all(total == 3 for _, total in seen)
    assert seen == sorted(seen)


def test_a_thousand_subjects_that_share_everything_cost_one_run() -> None:
    calls: list[float] = []

    @a_check("one.slow")
    def slow(start: Start) -> Given[One]:
        calls.append(time.monotonic())
        return Given(One("x"), passed("ran"))

    findings(declared(slow, gives_two, needs_both), *["x"] * 1000)
    assert len(calls) == 1


@pytest.mark.parametrize("id", ["nodot", "two.dots.here", "Upper.case", ".empty", "empty."])
def test_an_id_has_the_form_area_what(id: str) -> None:
    with pytest.raises(DeclarationError, match="area"):
        a_check(id)(lambda: None)


def test_two_givers_of_one_type_are_an_error_when_loaded() -> None:
    @a_check("one.too")
    def also(start: Start) -> Given[One]:
        return Given(One("x"), passed("x"))

    with pytest.raises(DeclarationError, match=r"One is given by one\.gives and by one\.too"):
        declared(gives_one, also)


def test_a_circle_is_an_error_when_loaded() -> None:
    @a_check("two.circle")
    def two(three: Three) -> Given[Two]:
        return Given(Two("x"), passed("x"))

    @a_check("three.circle")
    def three(two: Two) -> Given[Three]:
        return Given(Three("x"), passed("x"))

    with pytest.raises(DeclarationError, match="wait for each other"):
        declared(two, three)


def test_str_tuple_and_unions_are_no_values() -> None:
    for hint in (str, tuple, tuple[str, ...], One | None, list[One]):

        def bad(x: Any) -> Finding:
            return passed("x")

        bad.__annotations__ = {"x": hint, "return": Finding}
        with pytest.raises(DeclarationError):
            a_check("bad.hint")(bad)


def test_a_docstring_without_why_and_fix_is_refused() -> None:
    def silent(start: Start) -> Finding:
        """Says what, and nothing else."""
        return passed("x")

    with pytest.raises(DeclarationError, match="Why"):
        check("silent.doc", title="x", docs="x")(silent)


def test_findings_with_the_same_fault_have_one_root_cause() -> None:
    class Rejected(ClientError):
        fault = "credentials"

    @a_check("one.rejected")
    def one(start: Start) -> Result[One]:
        raise Rejected("the credentials are rejected")

    @a_check("two.rejected")
    def two(start: Start) -> Result[Two]:
        raise Rejected("the credentials are rejected here, too")

    @a_check("three.follows")
    def follows(value: Two) -> Finding:
        return passed("never")

    (found,) = findings(declared(one, two, follows), "x")
    assert found["one.rejected"].status is found["two.rejected"].status is Status.UNKNOWN
    assert [id for id, finding in found.items() if finding.root] == ["one.rejected"]
    assert found["two.rejected"].because == found["three.follows"].because == ("one.rejected",)
    assert found["three.follows"].summary == "skipped because of one.rejected"


def test_the_limit_of_a_check_holds_even_if_others_end_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, last_began = iter(range(1_000_000)), Event()
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: next(clock) / 100, process_time=lambda: 0.0))

    @a_check("one.hangs", limit=3)
    def hangs(start: Start) -> Finding:
        if start.text == "0":
            last_began.wait(60)
        if start.text == "399":
            last_began.set()
        return passed("ended")

    ended = execute(declared(hangs), [the_start(str(number)) for number in range(400)], seconds=1000)
    assert [finding.summary for (finding,) in ended.findings] == ["not finished within its limit of 3 s"] + 399 * [
        "ended"
    ]
