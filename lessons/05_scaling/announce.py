"""A message to everybody, from a process that is no server and has no app: python announce.py "Ten minutes left".

It writes into the message queue of the workers, and says how many received it. When Redis is down, `emit`
returns as if it had worked. See https://python-socketio.readthedocs.io/en/stable/server.html#emitting-from-external-processes
"""

import os
import sys
from datetime import UTC, datetime

from redis import RedisError
from socketio import RedisManager

URL = os.environ.get("FLASK_MESSAGE_QUEUE") or os.environ.get("FLASK_REDIS_URL", "redis://localhost:6379/0")
CHANNEL = os.environ.get("FLASK_MESSAGE_CHANNEL", "live-flask")


class Counting(RedisManager):
    """Counts the workers that the last message reached, and raises errors, which RedisManager would hide."""

    def _publish(self, data):
        self._redis_connect()
        self.heard = self.redis.publish(self.channel, self.json.dumps(data, allow_nan=False))


def announce(text):
    """Send a text to everybody, and return how many workers received it."""
    if not URL.startswith(("redis", "unix:")):
        sys.exit(f"This goes by Redis only. For {URL} write KombuManager in place of RedisManager; it cannot count.")
    queue = Counting(URL, CHANNEL, write_only=True, redis_options={"socket_connect_timeout": 2})
    try:
        queue.emit("announcement", {"text": text, "at": datetime.now(UTC).isoformat()}, namespace="/board")
    except (TypeError, ValueError) as error:
        sys.exit(f"Nobody was told: {error}.")
    except RedisError as error:  # down, or a wrong password, a missing permission, an unknown certificate
        place = URL.rpartition("@")[2]  # without the password
        sys.exit(f'Nobody was told: at {place}, "{error}" Is FLASK_REDIS_URL right?')
    if queue.heard == 0:
        sys.exit(f"Nobody was told: no worker listens to the channel {CHANNEL}. Is FLASK_MESSAGE_CHANNEL theirs?")
    return queue.heard


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Say what: python announce.py "Ten minutes left"')
    print(f"Told at {announce(sys.argv[1])} workers.")
