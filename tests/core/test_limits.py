"""Time limits, and work side by side."""

import threading
import time
import weakref

import pytest

from gmsa_doctor.core import limits
from gmsa_doctor.core.errors import NotFound, TimedOut, UsageError
from gmsa_doctor.core.limits import SIDE_BY_SIDE, each, within


def test_what_ends_in_time_gives_its_result() -> None:
    assert within(5, "nothing", lambda: 42) == 42


def test_what_takes_too_long_is_left_behind_and_named() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimedOut, match=r"KDC 10\.0\.0\.5:88 did not answer within 0\.05 s"):
        within(0.05, "KDC 10.0.0.5:88", lambda: release.wait(5))
    assert time.monotonic() - started < 1
    release.set()


def test_a_call_that_is_left_behind_holds_up_no_other() -> None:
    release = threading.Event()
    with pytest.raises(TimedOut):
        within(0.01, "nothing", lambda: release.wait(5))
    assert within(5, "nothing", lambda: 42) == 42
    release.set()


def test_a_thread_is_used_again_and_keeps_nothing_of_what_it_did() -> None:
    class Secret:
        pass

    secret = Secret()
    gone = weakref.ref(secret)
    within(5, "nothing", lambda kept=secret: kept)  # type: ignore[misc]
    threads = threading.active_count()
    del secret
    assert gone() is None
    within(5, "nothing", threading.get_ident)
    assert threading.active_count() == threads


def test_an_exception_comes_out_as_it_was() -> None:
    error = KeyError("x")

    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        within(5, "nothing", fail)
    assert caught.value is error


def test_results_and_client_errors_come_in_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.01 * (3 - number))
        if number == 1:
            raise NotFound("one")
        return number * 10

    (first, a), (second, b), (third, c) = each([0, 1, 2], work)
    assert (first, a, second, third, c) == (0, 0, 1, 2, 20)
    assert isinstance(b, NotFound)


def test_any_other_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        each([1, 0], lambda number: 1 // number)


def test_items_are_worked_on_side_by_side() -> None:
    meeting = threading.Barrier(SIDE_BY_SIDE, timeout=60)
    assert len(each(range(SIDE_BY_SIDE), lambda _: meeting.wait())) == SIDE_BY_SIDE


def test_more_may_be_done_side_by_side_where_it_is_asked_for() -> None:
    meeting = threading.Barrier(40, timeout=60)
    assert len(each(range(40), lambda _: meeting.wait(), 40)) == 40


def test_more_items_than_threads_are_all_done() -> None:
    assert each(range(100), lambda number: number) == [(number, number) for number in range(100)]


def test_no_items_are_no_work() -> None:
    assert each([], len) == []


def test_a_system_without_room_for_threads_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    monkeypatch.setattr(limits, "_idle", [])
    with pytest.raises(UsageError, match="no more threads"):
        limits.within(1, "nobody", lambda: None)
    with pytest.raises(UsageError, match="no more threads"):
        limits.each([1], lambda item: item)
