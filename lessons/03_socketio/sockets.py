"""The board over Socket.IO: the same verbs as over HTTP, each with a receipt, and every change told to every page.

Two namespaces on one connection: `/board`, and `/jobs` for work that takes a while. A page counts the events it hears,
and asks for what it missed. The protocol is https://socket.io/docs/v4/socket-io-protocol/
"""

import functools
import threading
from pathlib import Path

from flask import Blueprint, current_app, request, send_from_directory
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit

from . import board, events, jobs
from .limits import LimitedPacket, LimitedWebSocket
from .stream import fresh
from .visitor import browser, private

MOST_MISSED = 500  # events told one by one; who missed more loads the list anew
MOST_WAITING = 1000  # packets kept for a client that does not read; then it is cut off, and may come back
PONG_SECONDS = 20  # until a client that answers no ping is given up
SETTLE = 0.1  # seconds: when a crowd comes or goes, all are told once

socketio = SocketIO()
client = Blueprint("client", __name__, url_prefix="/client")
starting = threading.Lock()
moved = threading.Event()  # somebody came or went


def open_sockets(app):
    """Answer Socket.IO at /socket.io/, beside the app."""
    LimitedWebSocket.longest = app.config["MAX_CONTENT_LENGTH"]
    LimitedWebSocket.patience = app.config["PULSE_SECONDS"] + PONG_SECONDS
    socketio.init_app(
        app,
        async_mode=app.config["ASYNC_MODE"],
        logger=app.config["SOCKET_LOG"],
        engineio_logger=app.config["SOCKET_LOG"],
        async_handlers=False,  # a client's events are handled one after the other, in the order it sent them
        cors_allowed_origins=[app.config["PAGE_ORIGIN"], app.config["API_URL"]],
        max_http_buffer_size=app.config["MAX_CONTENT_LENGTH"],
        serializer=LimitedPacket,
        ping_interval=app.config["PULSE_SECONDS"],
        ping_timeout=PONG_SECONDS,
    )


@client.get("/<name>")
def browser_client(name):
    """The browser's half of Socket.IO, of the release that fits this server: package-lock.json names it."""
    for folder in Path(__file__).parents:
        if (files := folder / "node_modules/socket.io-client/dist").is_dir():
            return send_from_directory(files, name)
    raise board.Unknown("The browser's half of Socket.IO is missing here: npm install socket.io-client@4")


def verb(handler):
    """Make a function the handler of the /board event of its name: it gets the object sent, and returns the receipt."""

    @functools.wraps(handler)
    def answer(sent=None, *more):
        if more or not isinstance(sent, dict):
            raise board.Invalid('Send one object, such as {"id": 1}.')
        return {"ok": True, **handler(sent)}

    socketio.on_event(handler.__name__, answer, namespace="/board")
    return handler


@verb
def ask(sent):
    if "key" not in sent:
        raise board.Invalid("Send a key that you make for each question, such as a UUID.")
    return {"question": private(board.ask(browser(), **only(sent, "text", "author", "key")))}


@verb
def vote(sent):
    return {"question": private(board.vote(browser(), number(sent)))}


@verb
def unvote(sent):
    return {"question": private(board.unvote(browser(), number(sent)))}


@verb
def change(sent):
    return {"question": private(board.change(browser(), number(sent), **only(sent, "text", "answered")))}


@verb
def withdraw(sent):
    board.withdraw(browser(), number(sent))
    return {}


@verb
def catch_up(sent):
    """All after number `after`, as [{type, data}, …]; or reset: true, and the number at which to go on."""
    found = missed(sent.get("after"))
    if found is None:
        return {"reset": True, "seq": events.last("board")}
    return {"events": [{"type": event.type, "data": event.data} for event in found]}


def only(sent, *names):
    return {name: sent[name] for name in names if name in sent}


def number(sent):
    """The number of the question that is meant; raises board.Invalid."""
    if type(sent.get("id")) is not int:
        raise board.Invalid("Say which question: id must be its number.")
    return sent["id"]


def missed(after):
    """The events after a number; None if it is no number of this log, or they are too old or too many."""
    if type(after) is not int or events.last("board") - after > MOST_MISSED:
        return None
    return events.since("board", after)


@socketio.on("connect", namespace="/board")
def come(auth=None):
    """Somebody is here: tell what she missed since `auth["after"]`, and the number that the board has reached.

    She hears what is told to all already. So, rarely, an event comes twice, or before an earlier one: her page counts.
    """
    if not isinstance(auth, dict | None):
        raise ConnectionRefusedError('Send an object as auth, such as {"after": 1}, or nothing.')
    app = current_app._get_current_object()
    start_tasks(app)
    told = app.extensions["told"]
    if auth and "after" in auth:
        found = missed(auth["after"])
        if found is None:
            emit("reset", {"seq": told})
        for event in found or ():
            if event.seq <= told:  # the others are about to come, as they come to everybody
                emit(event.type, event.data)
    emit("pulse", {"seq": told})
    emit("here", {"count": how_many()})
    moved.set()


@socketio.on("disconnect", namespace="/board")
def go(reason):
    current_app.logger.info("%s has left: %s", request.sid, reason)
    moved.set()


@socketio.on_error("/board")
def answer_board_error(error):
    """What the board refuses is no accident: the receipt says why."""
    return {"error": str(error)} if isinstance(error, board.BoardError) else answer_error(error)


@socketio.on_error_default
def answer_error(error):
    """Whatever else goes wrong in a handler: the log has it all, the client gets one sentence and stays connected."""
    sentence = "Something went wrong here; the server's log has the details."
    inside = error.__traceback__.tb_next  # None if the call itself failed: a client sent too few arguments, or too many
    current_app.logger.error("The event %s failed: %r", request.event["message"], error, exc_info=inside and error)
    if request.event["message"] == "connect":
        raise ConnectionRefusedError(sentence)
    return {"error": sentence}


class Jobs(Namespace):
    """The exports of lesson 2. Whoever starts one is told how far it is, and nobody else."""

    def on_start_export(self, *_):
        job = jobs.start()
        app = current_app._get_current_object()  # in the background there is no `current_app`
        socketio.start_background_task(tell_progress, app, job.channel, request.sid)
        return {"ok": True, "job": job.id}


socketio.on_namespace(Jobs("/jobs"))


def start_tasks(app):
    """Start what runs in the background, once, however many come."""
    with starting:
        if "told" not in app.extensions:
            app.extensions["told"] = events.last("board")  # the number of the last event that was told to all
            socketio.start_background_task(tell_changes, app)
            socketio.start_background_task(tell_how_many)


def tell_changes(app):
    """For ever: what happens to the board, by whatever door, goes to everybody on /board."""
    while True:
        try:
            for event in follow(app, "board", app.extensions["told"]):
                if event:
                    app.extensions["told"] = event.seq
                    socketio.emit(event.type, event.data, namespace="/board")
                else:
                    socketio.emit("pulse", {"seq": app.extensions["told"]}, namespace="/board")
                    cut_off_who_does_not_read()
        except Exception:
            app.logger.exception("Telling the changes failed; it goes on in a second, from where it was.")
            socketio.sleep(1)


def tell_progress(app, channel, sid):
    """Until the job is done: what it reports goes to the client that started it."""
    for event in follow(app, channel, 0):
        if event:
            socketio.emit(event.type, event.data, namespace="/jobs", to=sid)
            if event.type == "job_done":
                return


def follow(app, channel, seq):
    """Each event of a channel after number `seq`, as a stream has it: register, replay, go live; None is a pulse."""
    hub = app.extensions["hub"]
    with app.app_context():
        queue = hub.join(channel)
        found = events.since(channel, seq) or []
    try:
        yield from found
        for new in fresh(queue, found[-1].seq if found else seq):
            yield from [event for event, _ in new.events] or [None]
    finally:
        hub.leave(channel, queue)


def tell_how_many():
    """For ever: when somebody came or went, tell everybody how many are here."""
    while True:
        moved.wait()
        socketio.sleep(SETTLE)
        moved.clear()
        socketio.emit("here", {"count": how_many()}, namespace="/board")


def how_many():
    """The connections to /board in this process."""
    return len(list(socketio.server.manager.get_participants("/board", None)))


def cut_off_who_does_not_read():
    for connection in list(socketio.server.eio.sockets.values()):
        if connection.queue.qsize() > MOST_WAITING:
            connection.close(wait=False, abort=True)
