"""Requests of one kind that go together."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from gmsa_doctor.clients.gathered import GatheredRequests

Items = tuple[str, ...]


class Held:
    """A request that stays under way until it may end; the items of each one are noted."""

    def __init__(self) -> None:
        self.sent: list[Items] = []
        self.begun, self.may_end = Event(), Event()

    def __call__(self, items: Items) -> Items:
        self.sent.append(items)
        self.begun.set()
        assert self.may_end.wait(60)
        if "wrong" in items:
            raise ValueError("wrong")
        return items


def after_the_first(gathered: GatheredRequests, *others: str) -> tuple[list[Items], list[Future[tuple[Items, bool]]]]:
    """Ask for ``first``, then for each of the others while that request is under way."""
    held = Held()
    with ThreadPoolExecutor(len(others) + 1) as pool:
        asked = [pool.submit(gathered.send, "kind", ("first",), held)]
        assert held.begun.wait(60)
        for other in others:
            asked.append(pool.submit(gathered.send, "kind", (other,), held))
            while other not in waiting(gathered):  # another thread is about to ask for it
                time.sleep(0.001)
        held.may_end.set()
    return held.sent, asked


def waiting(gathered: GatheredRequests) -> Items:
    """What goes in the next request."""
    return tuple(gathered._open["kind"].items) if "kind" in gathered._open else ()


def test_what_is_asked_while_a_request_is_under_way_goes_in_the_next_one() -> None:
    sent, asked = after_the_first(GatheredRequests(2), "a", "b")
    assert sent == [("first",), ("a", "b")]
    assert [future.result() for future in asked] == [(("first",), False), (("a", "b"), True), (("a", "b"), True)]


def test_a_request_has_a_limited_number_of_items() -> None:
    sent, asked = after_the_first(GatheredRequests(2), "a", "b", "c")
    assert sorted(sent) == [("a", "b"), ("c",), ("first",)]
    assert asked[-1].result() == (("c",), False)


def test_an_error_is_that_of_everybody_whose_items_were_in_the_request() -> None:
    _, (first, *others) = after_the_first(GatheredRequests(2), "wrong", "b")
    assert first.result() == (("first",), False)
    for future in others:
        with pytest.raises(ValueError, match="wrong"):
            future.result()


def test_other_kinds_do_not_wait() -> None:
    gathered, held = GatheredRequests(2), Held()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(gathered.send, "kind", ("a",), held)
        assert held.begun.wait(60)
        assert gathered.send("other", ("b",), lambda items: items) == (("b",), False)
        held.may_end.set()
        assert under_way.result() == (("a",), False)
