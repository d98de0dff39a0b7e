"""The message queue: what is no event of the board, such as a whisper, goes by it from one worker to all others.

What it carries is lost if Redis is away. What must not be lost is in the log, and no worker needs another for that.
"""

import time

from redis import RedisError
from socketio import KombuManager, RedisManager

from . import events


def message_queue(app):
    """The queue that the settings name: Redis, or what Kombu knows, such as RabbitMQ by amqp://; or none, if false."""
    url, channel = app.config["MESSAGE_QUEUE"], app.config["MESSAGE_CHANNEL"]
    if url is None:
        url = app.config["REDIS_URL"]
    if not url:
        return None
    if url.startswith(("redis", "unix:")):
        return Queue(url, channel)
    quickly = {"connect_timeout": 1, "transport_options": {"max_retries": 1, "interval_start": 0}}  # else 12 seconds
    return KombuManager(url, channel, connection_options=quickly)


class Queue(RedisManager):
    """Looks for a Redis that is away once a second, where python-socketio would take up to a minute."""

    def _redis_connect(self):
        limits = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "health_check_interval": 1}
        self.redis = events.open_redis(self.redis_url, **limits)
        self.connected = True

    def _redis_listen_with_retries(self):
        while True:
            try:
                self._redis_connect()
                with self.redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(self.channel)
                    while True:
                        message = events.hear(subscription, 1)
                        if message:
                            yield message
            except RedisError as error:
                self._get_logger().warning("The message queue does not answer: %s", error)
                time.sleep(1)
