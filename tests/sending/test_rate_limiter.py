"""The rate limiter: the schedule of turns, by a clock that the test moves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from flows.sending.rate_limiter import RateLimiter


@dataclass
class FakeTime:
    """A clock that moves only when the test moves it, and the waits that were requested."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now


def test_turns_are_evenly_spaced_over_all_threads():
    """Four threads request 20 turns at one instant; at 4 a second, there is one every quarter of a second."""
    time = FakeTime()
    limiter = RateLimiter(4, time.clock, time.waits.append)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: limiter.acquire(), range(20)))
    assert sorted(time.waits) == [n * 0.25 for n in range(20)]


def test_unused_turns_are_not_saved_up():
    """After a pause the next turn is immediate, and the one after it has to wait as usual."""
    time = FakeTime()
    limiter = RateLimiter(4, time.clock, time.waits.append)
    limiter.acquire()
    time.now += 10
    limiter.acquire()
    time.now += 0.125
    limiter.acquire()
    assert time.waits == [0, 0, 0.125]


def test_unlimited_never_waits():
    """Without a rate the clock is not read."""
    limiter = RateLimiter(None, lambda: 1 / 0, lambda _: 1 / 0)
    limiter.acquire()
    assert limiter.is_unlimited
