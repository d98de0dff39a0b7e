"""The board over Socket.IO: the same verbs as over HTTP, each acknowledged, and every change sent to its room.

Two namespaces on one connection: `/board`, and `/jobs` for work that takes a while. A page counts the events it
receives, and asks for those it missed. The protocol is https://socket.io/docs/v4/socket-io-protocol/
"""

import functools
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Queue

import engineio.payload
from flask import current_app, request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit, join_room, leave_room, rooms

from . import board, events, jobs, rates
from .auth import authenticated_only, from_token, must_still_be_signed_in
from .board import LOBBY, channel
from .limits import LimitedPacket, LimitedWebSocket
from .stream import skip_seen, sse
from .visitor import admit, author, current_identity, private

MOST_MISSED = 500  # events sent one by one; a client that missed more loads the list again
MOST_WAITING = 1000  # packets that may wait for a slow client; then it is cut off, and may reconnect
PONG_SECONDS = 20  # until a client that does not answer a ping is disconnected
SETTLE = 0.1  # seconds to wait, so that many clients who connect at once are one `online`

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
    """Send a text to all windows of one person who is in a room with you. It is not stored."""
    to, text = sent.get("to"), board.clean(sent.get("text"), "A whisper", 1, board.TEXT_LENGTH)
    admit("whisper")
    who = current_identity()
    for room in [room for room in rooms() if room.startswith("room:")]:
        for visitor in visitors(room):
            if visitor.name == to:
                said = {"from": current_user.name, "to": to, "text": text, "at": datetime.now(UTC).isoformat()}
                emit("whisper", said, to=[visitor.who, who])
                return {}
    raise board.Unknown("There is nobody of that name in a room with you.")


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
            emit("reset", {"seq": sent, "room": room})
        for event in found or ():
            if event.seq <= sent:  # later ones are sent to everybody next
                emit(event.type, event.data)
    emit("heartbeat", {"seq": sent, "room": room})
    emit("online", {"count": online_count()})
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
    """Call `send(app, event)` for each new event of a channel, and with None for each heartbeat."""
    sent = app.extensions["sent"]
    while True:
        try:
            for event in follow(app, channel, sent[channel]):
                if event:
                    sent[channel] = event.seq
                send(app, event)
        except Exception:
            app.logger.exception("Telling what happens failed; it goes on in a second, from where it was.")
            socketio.sleep(1)


def broadcast_change(room, app, event):
    """Send an event to everybody in a room, and notify its teachers' desks."""
    if event:
        socketio.emit(event.type, event.data, namespace="/board", to=channel(room))
        socketio.emit("changed", {"seq": event.seq}, namespace="/desk", to=channel(room))
    else:
        heartbeat = {"seq": app.extensions["sent"][channel(room)], "room": room}
        socketio.emit("heartbeat", heartbeat, namespace="/board", to=channel(room))
        cut_off_slow_clients()


def close_what_ended(app, event):
    """Close the sockets and streams of a person who has lost a right, or all those of a room that is closed."""
    if event and event.type == "ended":
        for namespace in ("/board", "/jobs", "/desk"):
            for _, connection in participants(event.data["who"], namespace):
                cut_off(connection)  # its page reconnects, if the person still may
        app.extensions["hub"].end(who=event.data["who"])
    elif event:
        closed = channel(event.data["room"])
        for namespace in ("/board", "/desk"):
            socketio.emit("closed", {"room": event.data["room"]}, namespace=namespace, to=closed)
            socketio.close_room(closed, namespace)
        app.extensions["hub"].end(channel=closed)


def cut_off(connection):
    """Close a connection without a message: after a `disconnect`, python-socketio's client would not reconnect."""
    found = socketio.server.eio.sockets.get(connection)
    if found:
        found.close(wait=False, abort=True)
        socketio.server.eio.sockets.pop(connection, None)


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


def broadcast_presence_for_ever(app):
    """When people come and go, send the new numbers and names, once for all who do so at the same time."""
    while True:
        rooms = {presence_changed.get()}
        socketio.sleep(SETTLE)
        while not presence_changed.empty():
            rooms.add(presence_changed.get())
        try:
            broadcast_presence(rooms)
        except Exception:
            app.logger.exception("Who is here could not be told; it will be when somebody comes or goes.")


def broadcast_presence(rooms):
    """Send everybody the number of people, and each of these rooms the names in it."""
    for sid in online.keys() - dict(participants(None)).keys():
        online.pop(sid, None)  # it disconnected while it connected
    socketio.emit("online", {"count": online_count()}, namespace="/board")
    for name in [room.removeprefix("room:") for room in rooms if room.startswith("room:")]:
        socketio.emit("presence", {"room": name, "names": names(name)}, namespace="/board", to=channel(name))


def names(room):
    """The names in a room: each person once, with any number of windows. The lobby has no such list."""
    found = {visitor.name for visitor in visitors(channel(room))}
    return sorted(found - {None}) if room != LOBBY else []


def online_count():
    """The number of people and browsers that are connected to /board in this process."""
    return len({visitor.who for visitor in list(online.values())})


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
