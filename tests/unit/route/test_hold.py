"""Requests that wait for an engine."""

from isochrone_gateway.config.routes import Queue
from isochrone_gateway.route.hold import Demand, Held, HoldQueue

FAR = 1e9


def queue(size: int = 3, wait_ms: int = 10_000) -> HoldQueue[str]:
    return HoldQueue(Queue(max_requests=size, max_wait_ms=wait_ms))


def held(waiting: HoldQueue[str], item: str, now: float = 0.0, deadline: float = FAR) -> Held[str]:
    given = waiting.offer(item, now, deadline)
    assert given is not None
    return given


def test_first_come_first_served() -> None:
    waiting = queue()
    for item in "abc":
        held(waiting, item)
    assert (waiting.release(2), waiting.release(2), waiting.release(2)) == (["a", "b"], ["c"], [])


def test_the_queue_is_bounded() -> None:
    waiting = queue(size=2)
    first = held(waiting, "a")
    held(waiting, "b")
    assert waiting.offer("c", 0, FAR) is None
    waiting.leave(first)
    held(waiting, "c")
    assert waiting.release(9) == ["b", "c"]


def test_waiting_is_bounded_by_the_queue_and_by_the_request() -> None:
    waiting = queue()
    held(waiting, "a", now=0)
    held(waiting, "b", now=1, deadline=5)
    assert waiting.next_deadline() == 5
    assert waiting.expire(4.9) == []
    assert waiting.expire(5) == ["b"]
    assert waiting.next_deadline() == 10
    assert waiting.expire(10) == ["a"]
    assert waiting.next_deadline() is None


def test_there_is_no_waiting_without_time_or_room() -> None:
    assert queue(size=0).offer("a", 0, FAR) is None
    assert queue(wait_ms=0).offer("a", 0, FAR) is None
    assert queue().offer("a", 5, 5) is None


def test_whoever_left_is_not_served_and_leaves_once() -> None:
    waiting = queue()
    first = held(waiting, "a")
    held(waiting, "b")
    waiting.leave(first)
    waiting.leave(first)
    assert len(waiting) == 1
    assert waiting.release(1) == ["b"]
    waiting.leave(first)
    assert len(waiting) == 0
    assert waiting.expire(FAR) == []


def test_the_demand() -> None:
    waiting = queue(size=2)
    first = held(waiting, "a", now=1)
    held(waiting, "b", now=3)
    waiting.offer("c", 3, FAR)
    waiting.leave(first)
    assert waiting.demand(7) == Demand(waiting=1, longest_s=4, held=2, released=0, expired=0, refused=1)
    waiting.release(1)
    assert waiting.demand(7) == Demand(waiting=0, longest_s=0, held=2, released=1, expired=0, refused=1)


def test_those_that_left_do_not_pile_up_behind_one_that_stays() -> None:
    waiting = queue(size=100)
    held(waiting, "first")
    for number in range(1000):
        waiting.leave(held(waiting, str(number)))
    assert len(waiting._items) < 40
    assert waiting.release(9) == ["first"]
