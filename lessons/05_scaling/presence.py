"""Who is online at all workers: each keeps a list of its own people in Redis, with a lease.

A worker that was killed does not renew its lease, so its people are gone when the lease ends. When Redis comes back
empty, each worker writes its list again.
"""

import contextlib
import json
import threading
import time
from datetime import UTC, datetime

from redis import RedisError

LEASE = 5  # seconds
WORKERS = "live-flask:workers"  # the names of workers that have a list, or had one


def open_presence(app):
    app.extensions["presence"] = Presence(app.extensions["redis"], app.config["WORKER"])


class Presence:
    """What each worker last wrote: {online: [who, …], rooms: {room: {who: name}}, numbers, fault}."""

    def __init__(self, redis, worker):
        self.redis, self.worker = redis, worker
        self.lists = {}  # the lists of all workers, by name
        self.lock, self.left = threading.Lock(), False
        self.updated = time.monotonic()
        self.fault = None  # the last one: {what, at (ISO 8601, UTC), seconds until it was over, or None}

    def update(self, online, rooms, numbers):
        """Write the list of this worker, and read those of the others.

        While Redis is down, the lists read last stay valid for as long as a lease.
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
                self.lists = {}  # any other worker may be gone by now
        self.lists[self.worker] = mine

    def exchange(self, mine):
        """All lists, by worker, after this worker's is written; raises RedisError."""
        with self.redis.pipeline() as pipe:
            pipe.sadd(WORKERS, self.worker).set(key(self.worker), json.dumps(mine), ex=LEASE).smembers(WORKERS)
            workers = sorted(worker.decode() for worker in pipe.execute()[-1])
        texts = dict(zip(workers, self.redis.mget(map(key, workers)), strict=True))
        for worker in [worker for worker in workers if texts[worker] is None]:
            self.redis.srem(WORKERS, worker)
            self.note(f"worker {worker} died", LEASE)
        return {worker: json.loads(text) for worker, text in texts.items() if text}

    def elsewhere(self, room):
        """The people in a room at the other workers: {who: name}."""
        others = [self.lists[worker] for worker in self.lists if worker != self.worker]
        return {who: name for each in others for who, name in each["rooms"].get(room, {}).items()}

    def others(self):
        """The identities that are online at the other workers."""
        return {who for worker, each in self.lists.items() if worker != self.worker for who in each["online"]}

    def leave(self):
        """Delete this worker's list: it stops."""
        with self.lock, contextlib.suppress(RedisError):  # the lease ends by itself
            self.left = True
            self.redis.srem(WORKERS, self.worker)
            self.redis.delete(key(self.worker))

    def note(self, what, seconds=None):
        """Store a fault, and how long it lasted when that is known."""
        if not (self.fault and seconds is None and self.fault["seconds"] is None):
            self.fault = {"what": what, "at": datetime.now(UTC).isoformat(), "seconds": seconds}


def key(worker):
    return f"live-flask:worker:{worker}"
