"""The log as an event stream: Flask-SSE's blueprint, extended so that no event is lost.

`sse.publish(…)`, the URL and `?channel=` are the same. New: every event has its number from the log, a reader that
reconnects receives the events it missed, and one listener in each process serves all its readers.
The format is https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import contextlib
import functools
import json
import re
import threading
import time
from dataclasses import dataclass
from queue import Queue

from flask import current_app, request
from flask_sse import ServerSentEventsBlueprint
from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from . import events
from .auth import must_still_be_signed_in
from .board import BoardError, db
from .rooms import may_listen
from .visitor import current_identity

HEADERS = {
    "Cache-Control": "no-store, no-transform",  # no cache, and no compression, which would delay events
    "X-Accel-Buffering": "no",  # nginx passes each event on at once
}
HEARTBEAT = b": heartbeat\n\n"  # a comment: it keeps proxies from closing the stream, and shows which readers have left
TICK = 1  # seconds after which the listener looks into the log, even without a notification
FEW = 2  # events in one look; more than these mean that a crowd is at work
GATHER = 0.02  # seconds until it looks again then, so that more events go out in one block
WAITING = 100  # blocks that may wait for a reader; a slower one is cut off, and reconnects with Last-Event-ID


@dataclass(eq=False)
class Block:
    """Events of the log, oldest first, and the text of each; `text` is all of them, joined once for one write."""

    events: list
    texts: list

    @functools.cached_property
    def text(self):
        return b"".join(self.texts)

    @property
    def first_seq(self):
        return self.events[0].seq

    @property
    def last_seq(self):
        return self.events[-1].seq

    def after(self, seq):
        """The part of it with the events after this number."""
        seen = sum(event.seq <= seq for event in self.events)
        return Block(self.events[seen:], self.texts[seen:])


END = Block([], [])  # the stream ends; the browser reconnects with its last number, and receives what it missed


def encode(seq, type, data):
    """One event as the standard writes it: a line break in `data` begins another data line, never another event."""
    text = data if isinstance(data, str) else json.dumps(data)
    lines = [f"id: {seq}", f"event: {type}", *(f"data: {line}" for line in re.split("\r\n|\r|\n", text))]
    return ("\n".join(lines) + "\n\n").encode()


def block(found):
    """Events of the log, each encoded once for all readers."""
    return Block(found, [encode(event.seq, event.type, event.data) for event in found])


class Hub:
    """One listener for each process: when notified, it reads the log and hands each event to this process's readers."""

    def __init__(self, app):
        self.app, self.lock, self.thread = app, threading.Lock(), None
        self.last_heartbeat = time.monotonic()
        self.readers = {}  # by channel, then by queue: the reader's identity
        self.heard = {}  # the number of the last event handed out, by channel

    def join(self, channel, who=None):
        """A queue of every block from now on, or END if its reader is too slow or `who` loses a right."""
        queue = Queue(WAITING)
        with self.lock:
            if channel not in self.readers:
                self.readers[channel], self.heard[channel] = {}, events.last(channel)
            self.readers[channel][queue] = who
            if not (self.thread and self.thread.is_alive()):
                self.thread = threading.Thread(target=self.listen, daemon=True)
                self.thread.start()
        return queue

    def leave(self, channel, queue):
        with self.lock:
            self.readers.get(channel, {}).pop(queue, None)
            if not self.readers.get(channel, True):
                del self.readers[channel], self.heard[channel]

    def listen(self):
        """Look into the log when notified, without end; while Redis is down, twice a second."""
        while True:
            try:
                self.listen_to_redis()
            except RedisError:
                self.check_for_news()
                time.sleep(TICK / 2)

    def listen_to_redis(self):
        """Look into the log at once, then after each notification or TICK; raises RedisError when Redis goes down."""
        with self.subscribed() as subscription:
            while True:
                if self.check_for_news() > FEW:
                    time.sleep(GATHER)
                events.hear(subscription, TICK)
                while events.hear(subscription, 0):
                    pass  # one look is enough for all of them

    @contextlib.contextmanager
    def subscribed(self):
        limits = {"socket_timeout": TICK, "socket_connect_timeout": TICK, "health_check_interval": TICK}
        redis = events.open_redis(self.app.config["REDIS_URL"], **limits)
        with redis, redis.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(events.NOTIFICATIONS)
            yield subscription

    def check_for_news(self):
        """Hand out the new events of the log, and a heartbeat when it is time; returns how many were new."""
        count = 0
        try:
            with self.app.app_context():
                for channel, heard in self.news():
                    found = events.since(channel, heard)
                    count += len(found or [])
                    self.deliver(channel, block(found) if found is not None else END)
        except SQLAlchemyError:
            self.app.logger.exception("The log cannot be read; the next tick tries again.")
        if time.monotonic() - self.last_heartbeat > self.app.config["HEARTBEAT_SECONDS"]:
            self.last_heartbeat = time.monotonic()
            for channel in list(self.readers):
                self.deliver(channel, Block([], [HEARTBEAT]))
        return count

    def news(self):
        """The channels with readers and new events, each with the number of the last event handed out."""
        with self.lock:
            heard = dict(self.heard)
        newest = db.session.execute(
            select(events.Channel.name, events.Channel.last).where(events.Channel.name.in_(heard))
        )
        return [(channel, heard[channel]) for channel, last in newest if last != heard[channel]]

    def deliver(self, channel, block):
        """Give a block to each reader of the channel; a reader with too many waiting gets END."""
        with self.lock:
            for queue in list(self.readers.get(channel, ())):
                if queue.full():
                    self.cut_off(channel, queue)
                else:
                    queue.put_nowait(block)
            if block.events and channel in self.heard:
                self.heard[channel] = block.last_seq

    def cut_off(self, channel, queue):
        del self.readers[channel][queue]
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(END)

    def end(self, who=None, channel=None):
        """End one person's streams, or all of a channel."""
        with self.lock:
            for name, queues in self.readers.items():
                for queue in [queue for queue in queues if name == channel or (who and queues[queue] == who)]:
                    self.cut_off(name, queue)


class Stream(ServerSentEventsBlueprint):
    """Flask-SSE's blueprint over the numbered log."""

    def publish(self, data, type="message", channel="board"):
        """Add an event to a channel's log, and send it to the readers; `data` is a text, or a value for JSON."""
        events.record(type, lambda: data, channel)
        db.session.commit()
        events.notify(channel)

    def stream(self):
        """The view: GET /stream?channel=board, with the last number seen as Last-Event-ID, or ?last_event_id=."""
        channel, hub = request.args.get("channel", "board"), current_app.extensions["hub"]
        queue = hub.join(channel, current_identity())  # register first, then check: so nothing is missed in between
        try:
            must_still_be_signed_in()
            may_listen(current_identity(), channel)
        except BoardError:
            hub.leave(channel, queue)
            raise
        sent, text = missed(channel, request.headers.get("Last-Event-ID") or request.args.get("last_event_id"))
        db.session.remove()  # a stream is open for hours; give the database connection back
        leave = functools.partial(hub.leave, channel, queue)
        body = [] if request.method == "HEAD" else follow(queue, sent, text, leave)
        response = current_app.response_class(body, mimetype="text/event-stream", headers=HEADERS)
        response.call_on_close(leave)
        return response


def missed(channel, last_id):
    """The number from which a reader goes on, and a text with the events before that it missed, or a reset."""
    newest = events.last(channel)
    if not last_id:
        return newest, f"id: {newest}\n\n".encode()
    found = events.since(channel, int(last_id)) if re.fullmatch("[0-9]{1,18}", last_id) else None
    if found is None:
        return newest, encode(newest, "reset", {})  # the log has no such number: the page loads the list again
    return int(last_id) + len(found), block(found).text


def follow(queue, sent, text, leave):
    """The text of a stream: first the missed events, then each new block."""
    try:
        yield b"retry: 1000\n" + text
        for new in skip_seen(queue, sent):
            yield new.text
    finally:
        leave()  # here too: not every server closes a response whose reader is gone


def skip_seen(queue, sent):
    """Each new block, without the events up to number `sent`, until END."""
    for new in iter(queue.get, END):
        if new.events and new.first_seq <= sent:
            new = new.after(sent)
        if new.events:
            sent = new.last_seq
        yield new


sse = Stream("sse", __name__)
sse.add_url_rule("", endpoint="stream", view_func=sse.stream)
