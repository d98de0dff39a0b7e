"""The board over Socket.IO: the same verbs as over HTTP, each acknowledged, and every change sent to every page.

Two namespaces on one connection: `/board`, and `/jobs` for work that takes a while. A page counts the events it
receives, and asks for those it missed. The protocol is https://socket.io/docs/v4/socket-io-protocol/
"""

import functools
import threading

import engineio.payload
from flask import current_app, request
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit

from . import board, events, jobs
from .stream import skip_seen
from .visitor import browser, private

MOST_MISSED = 500  # events sent one by one; a client that missed more loads the list again
MOST_WAITING = 1000  # packets that may wait for a slow client; then it is cut off, and may reconnect
PONG_SECONDS = 20  # until a client that does not answer a ping is disconnected
SETTLE = 0.1  # seconds to wait, so that many clients who connect at once are one `online`

engineio.payload.Payload.max_decode_packets = 1000  # in one polling request; the default is 16

socketio = SocketIO()
starting = threading.Lock()
presence_changed = threading.Event()  # a client connected or disconnected


def open_sockets(app):
    """Answer Socket.IO at /socket.io/, beside the app."""
    socketio.init_app(
        app,
        async_mode=app.config["ASYNC_MODE"],
        logger=app.config["SOCKET_LOG"],
        engineio_logger=app.config["SOCKET_LOG"],
        async_handlers=False,  # handle a client's events one after the other, in their order
        cors_allowed_origins=[app.config["PAGE_ORIGIN"], app.config["API_URL"]],
        max_http_buffer_size=app.config["MAX_CONTENT_LENGTH"],
        ping_interval=app.config["HEARTBEAT_SECONDS"],
        ping_timeout=PONG_SECONDS,
    )


def acknowledged(handler):
    """Answer an event with {"ok": true} and what its handler returns; the handler gets the one object that was sent."""

    @functools.wraps(handler)
    def answer(sent=None, *more):
        if more or not isinstance(sent, dict):
            raise board.Invalid('Send one object, such as {"id": 1}.')
        return {"ok": True, **handler(sent)}

    return answer


@socketio.on("ask", namespace="/board")
@acknowledged
def ask(sent):
    if "key" not in sent:
        raise board.Invalid("Send a key that you make for each question, such as a UUID.")
    return {"question": private(board.ask(browser(), **only(sent, "text", "author", "key")))}


@socketio.on("vote", namespace="/board")
@acknowledged
def vote(sent):
    return {"question": private(board.vote(browser(), number(sent)))}


@socketio.on("unvote", namespace="/board")
@acknowledged
def unvote(sent):
    return {"question": private(board.unvote(browser(), number(sent)))}


@socketio.on("change", namespace="/board")
@acknowledged
def change(sent):
    return {"question": private(board.change(browser(), number(sent), **only(sent, "text", "answered")))}


@socketio.on("withdraw", namespace="/board")
@acknowledged
def withdraw(sent):
    board.withdraw(browser(), number(sent))
    return {}


@socketio.on("catch_up", namespace="/board")
@acknowledged
def catch_up(sent):
    """The events after number `after`, as [{type, data}, …]; or reset: true, and the number to go on from."""
    found = missed(sent.get("after"))
    if found is None:
        return {"reset": True, "seq": events.last("board")}
    return {"events": [{"type": event.type, "data": event.data} for event in found]}


def only(sent, *names):
    return {name: sent[name] for name in names if name in sent}


def number(sent):
    """The number of a question, as it was sent; raises board.Invalid."""
    if type(sent.get("id")) is not int:
        raise board.Invalid("Say which question: id must be its number.")
    return sent["id"]


def missed(after):
    """The events after a number; None if this log has no such number, or if they are too old or too many."""
    if type(after) is not int or events.last("board") - after > MOST_MISSED:
        return None
    return events.since("board", after)


@socketio.on("connect", namespace="/board")
def on_connect(auth=None):
    """Send a client the events it missed since `auth["after"]`, and the number of the last event sent to all.

    It receives live events already. So an event may come twice, or before an earlier one: the page counts them.
    """
    if not isinstance(auth, dict | None):
        raise ConnectionRefusedError('Send an object as auth, such as {"after": 1}, or nothing.')
    app = current_app._get_current_object()
    start_tasks(app)
    sent = app.extensions["sent"]
    if auth and "after" in auth:
        found = missed(auth["after"])
        if found is None:
            emit("reset", {"seq": sent})
        for event in found or ():
            if event.seq <= sent:  # later ones are sent to everybody next
                emit(event.type, event.data)
    emit("heartbeat", {"seq": sent})
    emit("online", {"count": online_count()})
    presence_changed.set()


@socketio.on("disconnect", namespace="/board")
def on_disconnect(reason):
    current_app.logger.info("%s has left: %s", request.sid, reason)
    presence_changed.set()


@socketio.on_error("/board")
def answer_board_error(error):
    """Answer with the reason if the board refuses; leave any other error to answer_error."""
    return {"error": str(error)} if isinstance(error, board.BoardError) else answer_error(error)


@socketio.on_error_default
def answer_error(error):
    """Log an error in a handler, and answer with one sentence; the client stays connected."""
    sentence = "Something went wrong here; the server's log has the details."
    inside = error.__traceback__.tb_next  # None if the call itself failed: too few or too many arguments
    current_app.logger.error("The event %s failed: %r", request.event["message"], error, exc_info=inside and error)
    if request.event["message"] == "connect":
        raise ConnectionRefusedError(sentence)
    return {"error": sentence}


class Jobs(Namespace):
    """The exports of lesson 2; the client that starts one receives its progress, and nobody else does."""

    def on_start_export(self, *_):
        job = jobs.start()
        app = current_app._get_current_object()  # in the background there is no `current_app`
        socketio.start_background_task(send_progress, app, job.channel, request.sid)
        return {"ok": True, "job": job.id}


socketio.on_namespace(Jobs("/jobs"))


def start_tasks(app):
    """Start the background tasks, once, when the first client connects."""
    with starting:
        if "sent" not in app.extensions:
            app.extensions["sent"] = events.last("board")  # the number of the last event that was sent to all
            socketio.start_background_task(broadcast_changes, app)
            socketio.start_background_task(broadcast_online)


def broadcast_changes(app):
    """Send each new event of the log to every client on /board, without end."""
    while True:
        try:
            for event in follow(app, "board", app.extensions["sent"]):
                if event:
                    app.extensions["sent"] = event.seq
                    socketio.emit(event.type, event.data, namespace="/board")
                else:
                    socketio.emit("heartbeat", {"seq": app.extensions["sent"]}, namespace="/board")
                    cut_off_slow_clients()
        except Exception:
            app.logger.exception("Sending the changes failed; it goes on in a second, from where it was.")
            socketio.sleep(1)


def send_progress(app, channel, sid):
    """Send the events of a job to the client that started it, until the job is done."""
    for event in follow(app, channel, 0):
        if event:
            socketio.emit(event.type, event.data, namespace="/jobs", to=sid)
            if event.type == "job_done":
                return


def follow(app, channel, seq):
    """Each event of a channel after number `seq`: register, replay, go live, as a stream does; None is a heartbeat."""
    hub = app.extensions["hub"]
    with app.app_context():
        queue = hub.join(channel)
        found = events.since(channel, seq) or []
    try:
        yield from found
        for new in skip_seen(queue, found[-1].seq if found else seq):
            yield from new.events or [None]
    finally:
        hub.leave(channel, queue)


def broadcast_online():
    """Send the number of connections to everybody when it has changed, without end."""
    while True:
        presence_changed.wait()
        socketio.sleep(SETTLE)
        presence_changed.clear()
        socketio.emit("online", {"count": online_count()}, namespace="/board")


def online_count():
    """The connections to /board in this process."""
    return len(list(socketio.server.manager.get_participants("/board", None)))


def cut_off_slow_clients():
    for connection in list(socketio.server.eio.sockets.values()):
        if connection.queue.qsize() > MOST_WAITING:
            connection.close(wait=False, abort=True)
