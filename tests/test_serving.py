"""What a process that serves makes of its reactor."""

import asyncio
import time

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from radiusd.serving import keep_steady_time


def test_timers_do_not_wait_for_a_clock_that_was_set_back() -> None:
    loop = asyncio.new_event_loop()
    reactor = AsyncioSelectorReactor(loop)
    keep_steady_time(reactor)
    timer = reactor.callLater(5, lambda: None)
    assert 0 < timer.getTime() - time.monotonic() <= 5
    timer.cancel()
    loop.close()
