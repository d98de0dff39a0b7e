"""The board over Socket.IO: the same verbs as over HTTP, each acknowledged, and every change sent to its room.

Two namespaces on one connection: `/board`, and `/jobs` for work that takes a while. A page counts the events it
receives, and asks for those it missed. The protocol is https://socket.io/docs/v4/socket-io-protocol/
"""

import contextlib
import functools
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, Queue

import engineio.payload
from flask import current_app, request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit, join_room, leave_room, rooms

from . import board, events, jobs, measure, rates
from .auth import authenticated_only, from_token, must_still_be_signed_in
from .board import LOBBY, channel
from .limits import LimitedPacket, LimitedWebSocket
from .messages import message_queue
from .send_once import send_once
from .stream import skip_seen, sse
from .visitor import admit, author, current_identity, private

MOST_MISSED = 500  # events sent one by one; a client that missed more loads the list again
MOST_WAITING = 1000  # packets that may wait for a slow client; then it is cut off, and may reconnect
PONG_SECONDS = 20  # until a client that does not answer a ping is disconnected
SETTLE = 0.1  # seconds to wait, so that many clients who connect at once are one `online`
PRESENCE_SECONDS = 0.2  # seconds until a worker looks again who is online

engineio.payload.Payload.max_decode_packets = 1000  # in one polling request; the default is 16

socketio = SocketIO()
starting = threading.Lock()
online = {}  # the Visitor of each connection to /board, by sid
presence_changed = Queue()  # the rooms that somebody entered or left


@dataclass
class Visitor:
    """The owner of a connection to /board: their identity, and the name of a person who has signed in."""

    who: str
    name: str | None


def open_sockets(app):
    """Answer Socket.IO at /socket.io/, beside the app."""
    LimitedWebSocket.longest = app.config["MAX_CONTENT_LENGTH"]
    LimitedWebSocket.patience = app.config["HEARTBEAT_SECONDS"] + PONG_SECONDS
    socketio.init_app(
        app,
        async_mode=app.config["ASYNC_MODE"],
        logger=app.config["SOCKET_LOG"],
        engineio_logger=app.config["SOCKET_LOG"],
        async_handlers=False,  # handle a client's events one after the other, in their order
        client_manager=message_queue(app),
        allow_upgrades="uwsgi" not in sys.modules,  # its threads speak HTTP only, so clients stay with long polling
        manage_session=False,  # events see the session as it is now, not as it was when the client connected
        cors_allowed_origins=[app.config["PAGE_ORIGIN"], app.config["API_URL"]],
        max_http_buffer_size=app.config["MAX_CONTENT_LENGTH"],
        serializer=LimitedPacket,
        ping_interval=app.config["HEARTBEAT_SECONDS"],
        ping_timeout=PONG_SECONDS,
    )


def acknowledged(handler):
    """Answer an event with {"ok": true} and what its handler returns; the handler gets the one object that was sent."""

    @functools.wraps(handler)
    def answer(sent=None, *more):
        must_be_the_same_identity()
        if more or not isinstance(sent, dict):
            raise board.Invalid('Send one object, such as {"id": 1}.')
        return {"ok": True, **handler(sent)}

    return answer


@socketio.on("ask", namespace="/board")
@acknowledged
def ask(sent):
    if "key" not in sent:
        raise board.Invalid("Send a key that you make for each question, such as a UUID.")
    sent = {**sent, "author": author(sent.get("author", ""))}
    admit("ask")
    return {"question": private(board.ask(current_identity(), **only(sent, "room", "text", "author", "key")))}


@socketio.on("vote", namespace="/board")
@acknowledged
def vote(sent):
    admit()
    return {"question": private(board.vote(current_identity(), number(sent)))}


@socketio.on("unvote", namespace="/board")
@acknowledged
def unvote(sent):
    admit()
    return {"question": private(board.unvote(current_identity(), number(sent)))}


@socketio.on("change", namespace="/board")
@acknowledged
def change(sent):
    admit()
    return {"question": private(board.change(current_identity(), number(sent), **only(sent, "text", "answered")))}


@socketio.on("withdraw", namespace="/board")
@acknowledged
def withdraw(sent):
    admit()
    board.withdraw(current_identity(), number(sent))
    return {}


@socketio.on("catch_up", namespace="/board")
@acknowledged
def catch_up(sent):
    """The events of a room after `after`, as [{type, data}, …]; or reset: true, and the number to go on from."""
    rates.spend("read", request.sid)
    room = sent.get("room", LOBBY)
    board.belong(current_identity(), room)
    found = missed(room, sent.get("after"))
    if found is None:
        return {"reset": True, "seq": events.last(channel(room))}
    return {"events": [{"type": event.type, "data": event.data} for event in found]}


@socketio.on("enter", namespace="/board")
@acknowledged
def enter(sent):
    """Receive the events of a room from now on; returns {room, seq, questions, total, names, teacher}."""
    rates.spend("read", request.sid)
    room = sent.get("room")
    who = current_identity()
    board.belong(who, room)
    join_room(channel(room))
    start_following(room)
    presence_changed.put(channel(room))
    seq = events.last(channel(room))  # before the questions: an event between the two is sent again
    voted = board.voted_by(who)
    listed, total = board.listed(who, room)
    questions = {"questions": [private(question, voted) for question in listed], "total": total}
    return {"room": room, "seq": seq, **questions, "names": names(room), "teacher": board.teaches(who, room)}


@socketio.on("leave", namespace="/board")
@acknowledged
def leave(sent):
    """Receive no more events of a room."""
    room = sent.get("room")
    if not isinstance(room, str) or channel(room) not in rooms():
        raise board.Unknown("You are in no such room.")
    leave_room(channel(room))
    presence_changed.put(channel(room))
    return {}


@socketio.on("whisper", namespace="/board")
@acknowledged
@authenticated_only
def whisper(sent):
    """Send a text to all windows of one person in a room with you, at any worker. It is not stored."""
    to, text = sent.get("to"), board.clean(sent.get("text"), "A whisper", 1, board.TEXT_LENGTH)
    admit("whisper")
    who = current_identity()
    other = in_a_room_with_me(to)
    if other is None:
        socketio.sleep(2 * PRESENCE_SECONDS)  # by then this worker knows who has just connected to another
        other = in_a_room_with_me(to)
    if other is None:
        raise board.Unknown("There is nobody of that name in a room with you.")
    said = {"from": current_user.name, "to": to, "text": text, "at": datetime.now(UTC).isoformat()}
    emit("whisper", said, to=[other, who])
    return {}


def in_a_room_with_me(name):
    """The identity of the person with this name in one of this connection's rooms, at any worker; or None."""
    for room in [room for room in rooms() if room.startswith("room:")]:
        for other, other_name in {**current_app.extensions["presence"].elsewhere(room), **ours(room)}.items():
            if other_name == name:
                return other
    return None


def must_be_the_same_identity():
    """Make sure that this connection is still the same person's; raises board.SignIn.

    Its cookie or token may now be another person's: a tab signed in, or another namespace sent a token.
    """
    if current_identity() not in rooms():
        raise board.SignIn("You are somebody else by now: connect again.")


def only(sent, *names):
    return {name: sent[name] for name in names if name in sent}


def number(sent):
    """The number of a question, as it was sent; raises board.Invalid."""
    if type(sent.get("id")) is not int:
        raise board.Invalid("Say which question: id must be its number.")
    return sent["id"]


def missed(room, after):
    """The events of a room after a number; None if its log has no such number, or if they are too old or too many."""
    if type(after) is not int or events.last(channel(room)) - after > MOST_MISSED:
        return None
    return events.since(channel(room), after)


@socketio.on("connect", namespace="/board")
def on_connect(auth=None):
    """Accept a connection: into the lobby, or into the room `auth["room"]`, if this person may be there.

    Send the events that the client missed since `auth["after"]`, and the number of the last one. Live events reach it
    already. So an event may come twice, or before an earlier one: the page counts them.
    """
    who = identify(auth)
    room = (auth or {}).get("room", LOBBY)
    board.belong(who, room)
    online[request.sid] = Visitor(who, current_user.name if current_user.is_authenticated else None)
    join_room(channel(room))
    sent = start_following(room)
    if auth and "after" in auth:
        found = missed(room, auth["after"])
        if found is None:
            emit_locally("reset", {"seq": sent, "room": room}, to=request.sid)
        for event in found or ():
            if event.seq <= sent:  # later ones are sent to everybody next
                emit_locally(event.type, event.data, to=request.sid)
    emit_locally("heartbeat", {"seq": sent, "room": room}, to=request.sid)
    emit_locally("online", online_count(), to=request.sid)
    presence_changed.put(channel(room))


def identify(auth):
    """The identity of who connects, from the session or `auth["token"]`; raises ConnectionRefusedError, board.SignIn.

    All connections of a person are in one more room, named by this identity. So all can be reached, and closed.
    """
    if not isinstance(auth, dict | None):
        raise ConnectionRefusedError('Send an object as auth, such as {"after": 1}, or nothing.')
    start_tasks()
    if auth and "token" in auth:
        person = from_token(auth["token"])
        if person is None:
            raise ConnectionRefusedError("This token is not valid, or no longer: get a new one.")
        request.environ["board.token"] = person.get_id()  # for each event of this connection
    join_room(current_identity())
    must_still_be_signed_in()
    return current_identity()


@socketio.on("disconnect", namespace="/board")
def on_disconnect(reason):
    current_app.logger.info("%s has left: %s", request.sid, reason)
    online.pop(request.sid, None)
    for room in rooms():
        presence_changed.put(room)


@socketio.on_error("/board")
@socketio.on_error("/jobs")
@socketio.on_error("/desk")
def answer_board_error(error):
    """If the board refuses, say why in the acknowledgement, or in the refusal of the connection."""
    if not isinstance(error, board.BoardError):
        return answer_error(error)
    if request.event["message"] == "connect":
        raise ConnectionRefusedError(str(error))
    return {"error": str(error)}


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

    def on_connect(self, auth=None):
        identify(auth)

    def on_start_export(self, sent=None, *_):
        must_be_the_same_identity()
        admit("export")
        job = jobs.start(current_identity(), sent.get("room", LOBBY) if isinstance(sent, dict) else LOBBY)
        app = current_app._get_current_object()  # in the background there is no `current_app`
        socketio.start_background_task(send_progress, app, job.channel, request.sid)
        return {"ok": True, "job": job.id}


socketio.on_namespace(Jobs("/jobs"))


@sse.before_request
def start_tasks():
    """Start the background tasks, once, before the first socket or stream."""
    app = current_app._get_current_object()
    with starting:
        if "sent" not in app.extensions:
            app.extensions["sent"] = {"people": events.last("people")}  # the last event that was sent, by channel
            socketio.start_background_task(follow_for_ever, app, "people", close_what_ended)
            socketio.start_background_task(broadcast_presence_for_ever, app)


def start_following(room):
    """Start the task that sends a room's events, once; returns the number of the last event that was sent."""
    app, sent = current_app._get_current_object(), current_app.extensions["sent"]
    with starting:
        if channel(room) not in sent:
            sent[channel(room)] = events.last(channel(room))
            socketio.start_background_task(
                follow_for_ever, app, channel(room), functools.partial(broadcast_change, room)
            )
    return sent[channel(room)]


def follow_for_ever(app, channel, send):
    """Call `send(app, block)` for each new block of a channel, and with an empty block for each heartbeat."""
    sent = app.extensions["sent"]
    while True:
        try:
            for block in follow(app, channel, sent[channel]):
                if block:
                    sent[channel] = block[-1].seq
                send(app, block)
        except Exception:
            app.logger.exception("Telling what happens failed; it goes on in a second, from where it was.")
            socketio.sleep(1)


def broadcast_change(room, app, block):
    """Send an event to everybody in a room, and notify its teachers' desks."""
    if block:
        for event in block:
            measure.count_delay(event)
        send_once(socketio.server, [(event.type, event.data) for event in block], "/board", channel(room))
        emit_locally("changed", {"seq": block[-1].seq}, namespace="/desk", to=channel(room))
    else:
        heartbeat = {"seq": app.extensions["sent"][channel(room)], "room": room}
        emit_locally("heartbeat", heartbeat, to=channel(room))
        cut_off_slow_clients()


def close_what_ended(app, block):
    """Close the sockets and streams of a person who has lost a right, or all those of a room that is closed."""
    for event in block:
        if event.type == "ended":
            for namespace in ("/board", "/jobs", "/desk"):
                for _, connection in participants(event.data["who"], namespace):
                    cut_off(connection)  # its page reconnects, if the person still may
            app.extensions["hub"].end(who=event.data["who"])
        else:
            closed = channel(event.data["room"])
            for namespace in ("/board", "/desk"):
                emit_locally("closed", {"room": event.data["room"]}, namespace=namespace, to=closed)
                for sid, _ in participants(closed, namespace):
                    socketio.server.leave_room(sid, closed, namespace)
            app.extensions["hub"].end(channel=closed)


def cut_off(connection):
    """Close a connection without a message: after a `disconnect`, python-socketio's client would not reconnect."""
    found = socketio.server.eio.sockets.get(connection)
    if found:
        found.close(wait=False, abort=True)
        socketio.server.eio.sockets.pop(connection, None)


def send_progress(app, channel, sid):
    """Send the events of a job to the client that started it, until the job is done."""
    for block in follow(app, channel, 0):
        for event in block:
            emit_locally(event.type, event.data, namespace="/jobs", to=sid)
            if event.type == "job_done":
                return


def follow(app, channel, seq):
    """The events of a channel after number `seq`, in blocks: register, replay, go live; an empty one is a heartbeat."""
    hub = app.extensions["hub"]
    with app.app_context():
        queue = hub.join(channel)
        found = events.since(channel, seq) or []
    try:
        if found:
            yield found
        for new in skip_seen(queue, found[-1].seq if found else seq):
            yield new.events
    finally:
        hub.leave(channel, queue)


def broadcast_presence_for_ever(app):
    """When people come and go, at any worker, send the new numbers and names, once for all at the same time."""
    sent = {}  # the names that this worker's clients have, by room
    while True:
        moves = set()
        with contextlib.suppress(Empty):
            moves.add(presence_changed.get(timeout=PRESENCE_SECONDS))
            socketio.sleep(SETTLE)
        while not presence_changed.empty():
            moves.add(presence_changed.get())
        try:
            with app.app_context():
                sent = broadcast_presence(moves, sent)
        except Exception:
            app.logger.exception("Who is here could not be told; the next look does it.")


def broadcast_presence(moves, sent):
    """Send this worker's clients the number of people, and each room its names, where they changed.

    `moves` are the rooms that somebody entered or left, `sent` is what was sent last; returns what is sent now.
    """
    for sid in online.keys() - dict(participants(None)).keys():
        online.pop(sid, None)  # it disconnected while it connected
    readers = current_app.extensions["hub"].readers
    streams = sum(map(len, list(readers.values()))) - len(current_app.extensions["sent"])
    clients = sum(not connection.closed for connection in list(socketio.server.eio.sockets.values()))
    numbers = measure.numbers(socketio.async_mode, clients, streams)
    current_app.extensions["presence"].update(everybody(), {room: ours(room) for room in rooms_followed()}, numbers)
    count = online_count()
    if moves or sent.get(None) != count:
        emit_locally("online", count)
    news = {room: names(room.removeprefix("room:")) for room in rooms_followed()}
    for room, present in news.items():
        if room in moves or sent.get(room) != present:
            emit_locally("presence", {"room": room.removeprefix("room:"), "names": present}, to=room)
    return {None: count, **news}


def rooms_followed():
    """The rooms without the lobby in which this worker has had clients."""
    return [room for room in list(current_app.extensions["sent"]) if room.startswith("room:")]


def ours(room):
    """The people in a room at this worker: {who: name}."""
    return {visitor.who: visitor.name for visitor in visitors(room)}


def names(room):
    """The names in a room, at all workers: each person once, with any number of windows. The lobby has no such list."""
    found = current_app.extensions["presence"].elsewhere(channel(room)) | ours(channel(room))
    return sorted(set(found.values()) - {None}) if room != LOBBY else []


def everybody():
    """The identities that are connected to /board at this worker."""
    return {visitor.who for visitor in list(online.values())}


def online_count():
    """The number of people and browsers that are online at all workers, and the worker that serves this one."""
    count = len(current_app.extensions["presence"].others() | everybody())
    return {"count": count, "worker": current_app.config["WORKER"]}


def emit_locally(type, data, to=None, namespace="/board"):
    """Send an event to this worker's clients only: each worker reads the log, and sends to its own."""
    socketio.emit(type, data, to=to, namespace=namespace, ignore_queue=True)


def visitors(room):
    """The Visitor of each connection in a Socket.IO room."""
    found = [online.get(sid) for sid, _ in participants(room)]
    return [visitor for visitor in found if visitor]


def participants(room, namespace="/board"):
    """The sids in a Socket.IO room, or of all clients if it is None, each with the id of its connection."""
    return list(socketio.server.manager.get_participants(namespace, room))


def cut_off_slow_clients():
    for connection in list(socketio.server.eio.sockets.values()):
        if connection.queue.qsize() > MOST_WAITING:
            connection.close(wait=False, abort=True)
