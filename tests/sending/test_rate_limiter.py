"""The rate limiter: the schedule of turns, by a clock that the test moves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from flows.sending.rate_limiter import RateLimiter


@dataclass
class FakeTime:
    """A clock that stands still until the test moves it, and the waits that were asked for."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now


def test_turns_are_evenly_spaced_over_all_threads():
    """20 turns at 4 a second, asked for by four threads at one instant: one every quarter of a second."""
    time = FakeTime()
    limiter = RateLimiter(4, time.clock, time.waits.append)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: limiter.acquire(), range(20)))
    assert sorted(time.waits) == [n * 0.25 for n in range(20)]


def test_unused_turns_are_not_saved_up():
    """After a pause the next turn is immediate, and the one after it has to wait as ever."""
    time = FakeTime()
    limiter = RateLimiter(4, time.clock, time.waits.append)
    limiter.acquire()
    time.now += 10
    limiter.acquire()
    time.now += 0.125
    limiter.acquire()
    assert time.waits == [0, 0, 0.125]


def test_unlimited_never_waits():
    """Without a rate nothing is asked of the clock."""
    limiter = RateLimiter(None, lambda: 1 / 0, lambda _: 1 / 0)
    limiter.acquire()
    assert limiter.is_unlimited
