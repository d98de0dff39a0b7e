"""The numbered log of all events on the board, and the notification that there are new ones.

The database is the truth: an event is stored in the same transaction as its change.
Redis only notifies: if a notification is lost, the event comes a little later.
"""

import re
from typing import Any

from flask import current_app
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import JSON, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from .board import db

NOTIFICATIONS = "live-flask:notifications"  # the Redis channel; a message names a channel with new events


class Channel(db.Model):
    """A channel that a reader may listen to, and the number of its last event."""

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    last: Mapped[int] = mapped_column(default=0)


class Event(db.Model):
    """One event. Numbers have no gaps within a channel, so a reader can count."""

    channel: Mapped[str] = mapped_column(String(80), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    data: Mapped[Any] = mapped_column(JSON)


def connect_redis(app):
    """The connections to Redis, at most 20. Without a free one they fail at once, so nobody waits."""
    options = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "retry": Retry(NoBackoff(), 0)}
    pool = BlockingConnectionPool.from_url(app.config["REDIS_URL"], max_connections=20, timeout=1, **options)
    app.extensions["redis"] = Redis.from_pool(pool)


def hear(subscription, seconds):
    """The next message of a subscription; None after so many seconds without one; raises RedisError if Redis hangs.

    redis-py sends a ping after `health_check_interval` seconds of silence, but does not check that an answer comes.
    """
    if subscription.health_check_response_counter > 3:
        raise RedisError("Redis answers no ping.")
    return subscription.get_message(timeout=seconds)


def open_channel(name):
    """Make a channel, if it does not exist yet, and commit; two processes may do this at once."""
    db.session.add(Channel(name=name))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()


def record(type, data, channel="board"):
    """Add an event to the open transaction and return it; the commit stores it.

    `data()` returns a value for JSON; a dict gets the number as `seq`. It is called after the number is taken, so it
    sees all earlier changes. Raises ValueError if the type is not one line.
    """
    if not re.fullmatch(r"[^\r\n\0]+", type):
        raise ValueError("The type of an event is one line of text.")
    seq = next_number(channel)
    value = data()
    event = Event(channel=channel, seq=seq, type=type, data={"seq": seq, **value} if isinstance(value, dict) else value)
    db.session.add(event)
    prune(channel, seq)
    return event


def next_number(channel):
    """The next number of a channel. The UPDATE makes every other writer wait until this transaction ends.

    So numbers have no gaps, and follow the order of the commits.
    """
    number = update(Channel).where(Channel.name == channel).values(last=Channel.last + 1).returning(Channel.last)
    return db.session.scalar(number)


def prune(channel, newest):
    """Keep the newest EVENTS_KEPT events of a channel, and delete the others."""
    too_old = newest - current_app.config["EVENTS_KEPT"]
    db.session.execute(delete(Event).where(Event.channel == channel, Event.seq <= too_old))


def notify(channel="board"):
    """Notify every process of new events. If Redis is down, the streams find them by themselves, a little later."""
    try:
        current_app.extensions["redis"].publish(NOTIFICATIONS, channel)
    except RedisError as error:  # it is down, or refuses: a wrong password, a missing permission
        current_app.logger.warning("Redis is not notified; the streams will find the news in the log: %s", error)


def last(channel):
    """The number of a channel's last event, 0 before the first; None if there is no such channel."""
    return db.session.scalar(select(Channel.last).where(Channel.name == channel))


def since(channel, seq):
    """The events after number `seq`, oldest first; None if the log never had that number, or lacks the next."""
    newest = last(channel)
    if not 0 <= seq <= newest:
        return None
    events = db.session.scalars(
        select(Event).where(Event.channel == channel, Event.seq > seq).order_by(Event.seq)
    ).all()
    following = events[0].seq if events else newest + 1
    return events if following == seq + 1 else None
