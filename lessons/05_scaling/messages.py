"""The message queue: what is no event of the board, such as a whisper, goes by it from one worker to all others.

What it carries is lost if Redis is away. What must not be lost is in the log, and no worker needs another for that.
"""

import queue
import threading
import time

from amqp import RecoverableConnectionError
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
    return Broker(url, channel)


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


class Broker(KombuManager):
    """Gives up what RabbitMQ does not confirm in a second, and looks for it once a second, never less often.

    KombuManager lets each sender wait for as long as RabbitMQ is away, and after that looks for it ever less often.
    """

    def __init__(self, url, channel):
        confirmed = {"confirm_publish": True, "max_retries": 0}  # see https://www.rabbitmq.com/docs/confirms
        super().__init__(url, channel, connection_options={"connect_timeout": 1, "transport_options": confirmed})
        self.lock, self.away_until = threading.Lock(), 0.0

    def _publish(self, data):
        text = self.json.dumps(data)  # what cannot become JSON is the sender's mistake, and is told to the sender
        with self.lock:
            if time.monotonic() < self.away_until:
                return
            try:
                try:
                    self._send(text)
                except TimeoutError:
                    raise  # it may have arrived, and once more would be twice
                except (OSError, RecoverableConnectionError):  # the connection has ended while it was not used
                    self.publisher_connection.collect()
                    self._send(text)
            except Exception as error:  # many kinds: each of Kombu's transports has its own
                self.publisher_connection.collect()
                self.away_until = time.monotonic() + 1
                self._get_logger().warning("The message queue does not answer: %s", error)

    def _send(self, text):
        producer = self.publisher_connection.Producer(exchange=self._exchange())
        producer.publish(text, timeout=1, confirm_timeout=1)

    def _listen(self):
        while True:
            connection = self._connection()
            try:
                connection.heartbeat = 2
                with connection.SimpleQueue(self._queue()) as messages:
                    while True:
                        connection.heartbeat_check()
                        try:
                            message = messages.get(timeout=1)
                        except queue.Empty:
                            continue
                        message.ack()
                        yield message.payload
            except Exception as error:
                self._get_logger().warning("The message queue does not answer: %s", error)
                time.sleep(1)
            finally:
                connection.collect()
