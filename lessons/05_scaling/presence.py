"""Who is here, at all workers together: each keeps a list of its own people in Redis, on a lease.

A worker that is killed renews its lease no more, and its people are gone when it ends. When Redis comes back empty,
each worker writes its list again.
"""

import contextlib
import json
import threading
import time
from datetime import UTC, datetime

from redis import RedisError

LEASE = 5  # seconds
WORKERS = "live-flask:workers"  # the names of those that have a list, or had one


def open_presence(app):
    app.extensions["presence"] = Presence(app.extensions["redis"], app.config["WORKER"])


class Presence:
    """What each worker last wrote down: {online: [who, …], rooms: {room: {who: name}}, numbers, fault}."""

    def __init__(self, redis, worker):
        self.redis, self.worker = redis, worker
        self.lists = {}  # of all workers, by name
        self.lock, self.left = threading.Lock(), False
        self.updated = time.monotonic()
        self.fault = None  # the last one: {what, at (ISO 8601, UTC), seconds until it was over, or None}

    def update(self, online, rooms, numbers):
        """Write down who is at this worker, and read who is at the others.

        Without Redis, what was read last holds for as long as a lease.
        """
        mine = {"online": sorted(online), "rooms": rooms, "numbers": numbers, "fault": self.fault}
        try:
            with self.lock:
                if not self.left:
                    self.lists = self.exchange(mine)
            if self.fault and self.fault["seconds"] is None:
                self.note(self.fault["what"], time.monotonic() - self.updated)
            self.updated = time.monotonic()
        except RedisError:
            self.note("Redis did not answer")
            if time.monotonic() - self.updated > LEASE:
                self.lists = {}  # by now any of them may be gone
        self.lists[self.worker] = mine

    def exchange(self, mine):
        """All lists, by worker, once this worker's is among them; raises RedisError."""
        with self.redis.pipeline() as pipe:
            pipe.sadd(WORKERS, self.worker).set(key(self.worker), json.dumps(mine), ex=LEASE).smembers(WORKERS)
            workers = sorted(worker.decode() for worker in pipe.execute()[-1])
        texts = dict(zip(workers, self.redis.mget(map(key, workers)), strict=True))
        for worker in [worker for worker in workers if texts[worker] is None]:
            self.redis.srem(WORKERS, worker)
            self.note(f"worker {worker} died", LEASE)
        return {worker: json.loads(text) for worker, text in texts.items() if text}

    def elsewhere(self, room):
        """Who is in a room at the other workers: {who: name}."""
        others = [self.lists[worker] for worker in self.lists if worker != self.worker]
        return {who: name for each in others for who, name in each["rooms"].get(room, {}).items()}

    def others(self):
        """All who are here at the other workers."""
        return {who for worker, each in self.lists.items() if worker != self.worker for who in each["online"]}

    def leave(self):
        """This worker goes, and its people with it."""
        with self.lock, contextlib.suppress(RedisError):  # then the lease ends by itself
            self.left = True
            self.redis.srem(WORKERS, self.worker)
            self.redis.delete(key(self.worker))

    def note(self, what, seconds=None):
        """Remember a fault, and how long it lasted when that is known."""
        if not (self.fault and seconds is None and self.fault["seconds"] is None):
            self.fault = {"what": what, "at": datetime.now(UTC).isoformat(), "seconds": seconds}


def key(worker):
    return f"live-flask:worker:{worker}"
