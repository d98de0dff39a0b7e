"""How often one person may do what costs others time: counted in Redis, for all processes together.

Flask-Limiter counts requests with the same library; here events of Socket.IO are counted too, by the same function.
"""

import math
import time
from contextlib import suppress

from flask import current_app
from limits import parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from redis import RedisError

from . import board


class TooMany(board.BoardError):
    """The limit is reached; `seconds` says when to try again."""

    def __init__(self, seconds):
        super().__init__(f"That was too often. Try again in {seconds} second{'s' * (seconds != 1)}.")
        self.seconds = seconds


def start_counting(app):
    shared = RedisStorage("redis://", app.extensions["redis"].connection_pool)  # as for the notifications
    app.extensions["rates"] = [MovingWindowRateLimiter(shared), FixedWindowRateLimiter(MemoryStorage())]


def spend(what, *whose):
    """Count one more; raises TooMany if the setting `<WHAT>_LIMIT`, such as "30 per minute", is reached.

    Redis counts for all processes. Each process also counts its own part in memory, in case Redis does not answer.
    """
    limit = parse(current_app.config[f"{what.upper()}_LIMIT"])
    shared, own = current_app.extensions["rates"]
    with suppress(RedisError):
        refuse(shared, limit, what, *whose)
    refuse(own, limit, what, *whose)


def refuse(counter, limit, *names):
    if not counter.hit(limit, *names):
        raise TooMany(max(1, math.ceil(counter.get_window_stats(limit, *names).reset_time - time.time())))
