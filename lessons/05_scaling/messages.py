"""The message queue between the workers, for messages that are not in the log, such as a whisper.

If Redis is down, these messages are lost. Events that must not be lost are in the log, which each worker reads itself.
"""

import queue
import threading
import time

from amqp import RecoverableConnectionError
from redis import RedisError
from socketio import KombuManager, RedisManager

from . import events


def message_queue(app):
    """The queue in the settings: Redis, or one that Kombu knows, such as amqp:// for RabbitMQ; None if it is false."""
    url, channel = app.config["MESSAGE_QUEUE"], app.config["MESSAGE_CHANNEL"]
    if url is None:
        url = app.config["REDIS_URL"]
    if not url:
        return None
    if url.startswith(("redis", "unix:")):
        return Queue(url, channel)
    return Broker(url, channel)


class Queue(RedisManager):
    """Connects again once a second when Redis is down; python-socketio waits up to a minute."""

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
    """Waits at most a second for RabbitMQ's confirm, and tries to connect again once a second.

    KombuManager lets each sender wait for as long as RabbitMQ is down, and tries to connect less and less often.
    """

    def __init__(self, url, channel):
        confirmed = {"confirm_publish": True, "max_retries": 0}  # see https://www.rabbitmq.com/docs/confirms
        super().__init__(url, channel, connection_options={"connect_timeout": 1, "transport_options": confirmed})
        self.lock, self.away_until = threading.Lock(), 0.0

    def _publish(self, data):
        text = self.json.dumps(data)  # a value that cannot become JSON is the sender's mistake: raise it there
        with self.lock:
            if time.monotonic() < self.away_until:
                return
            try:
                try:
                    self._send(text)
                except TimeoutError:
                    raise  # it may have arrived; sent again, it could come twice
                except (OSError, RecoverableConnectionError):  # the connection was closed while it was not used
                    self.publisher_connection.collect()
                    self._send(text)
            except Exception as error:  # each of Kombu's transports has its own exceptions
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
