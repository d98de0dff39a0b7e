"""The board over Socket.IO: the same verbs as over HTTP, each with a receipt, and every change told in its room.

Two namespaces on one connection: `/board`, and `/jobs` for work that takes a while. A page counts the events it hears,
and asks for what it missed. The protocol is https://socket.io/docs/v4/socket-io-protocol/
"""

import contextlib
import functools
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue

from flask import Blueprint, current_app, request, send_from_directory
from flask_login import current_user
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit, join_room, leave_room, rooms

from . import board, events, jobs, measure, rates
from .auth import authenticated_only, from_token, must_be_here_still
from .board import LOBBY, channel
from .limits import LimitedPacket, LimitedWebSocket
from .messages import message_queue
from .stream import fresh, sse
from .visitor import author, known, me, private

MOST_MISSED = 500  # events told one by one; who missed more loads the list anew
MOST_WAITING = 1000  # packets kept for a client that does not read; then it is cut off, and may come back
PONG_SECONDS = 20  # until a client that answers no ping is given up
SETTLE = 0.1  # seconds: when a crowd comes or goes, all are told once
LOOK = 0.2  # seconds until a worker looks who is at the others

socketio = SocketIO()
client = Blueprint("client", __name__, url_prefix="/client")
starting = threading.Lock()
here = {}  # who has a connection to /board, and the name of who is signed in, by sid
moved = Queue()  # the rooms in which somebody came or went


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
        client_manager=message_queue(app),
        allow_upgrades="uwsgi" not in sys.modules,  # whose threads speak HTTP only: clients stay with long polling
        manage_session=False,  # events see the session as it is, and not as it was when their client connected
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
        must_be_who_came()
        if more or not isinstance(sent, dict):
            raise board.Invalid('Send one object, such as {"id": 1}.')
        return {"ok": True, **handler(sent)}

    socketio.on_event(handler.__name__, answer, namespace="/board")
    return handler


@verb
def ask(sent):
    if "key" not in sent:
        raise board.Invalid("Send a key that you make for each question, such as a UUID.")
    sent = {**sent, "author": author(sent.get("author", ""))}
    return {"question": private(board.ask(me("ask"), **only(sent, "room", "text", "author", "key")))}


@verb
def vote(sent):
    return {"question": private(board.vote(me(), number(sent)))}


@verb
def unvote(sent):
    return {"question": private(board.unvote(me(), number(sent)))}


@verb
def change(sent):
    return {"question": private(board.change(me(), number(sent), **only(sent, "text", "answered")))}


@verb
def withdraw(sent):
    board.withdraw(me(), number(sent))
    return {}


@verb
def catch_up(sent):
    """All after number `after` in a room, as [{type, data}, …]; or reset: true, and the number at which to go on."""
    rates.spend("look", request.sid)
    room = sent.get("room", LOBBY)
    board.belong(known(), room)
    found = missed(room, sent.get("after"))
    if found is None:
        return {"reset": True, "seq": events.last(channel(room))}
    return {"events": [{"type": event.type, "data": event.data} for event in found]}


@verb
def enter(sent):
    """From now on hear what happens in a room; gives how it is, {room, seq, questions, total, names, teacher}."""
    rates.spend("look", request.sid)
    room = sent.get("room")
    board.belong(known(), room)
    join_room(channel(room))
    start_telling(room)
    moved.put(channel(room))
    seq = events.last(channel(room))  # before the questions: what happens between the two is told once more
    voted = board.voted_by(known())
    listed, total = board.listed(known(), room)
    questions = {"questions": [private(question, voted) for question in listed], "total": total}
    return {"room": room, "seq": seq, **questions, "names": names(room), "teacher": board.teaches(known(), room)}


@verb
def leave(sent):
    """Hear no more of a room."""
    room = sent.get("room")
    if not isinstance(room, str) or channel(room) not in rooms():
        raise board.Unknown("You are in no such room.")
    leave_room(channel(room))
    moved.put(channel(room))
    return {}


@verb
@authenticated_only
def whisper(sent):
    """A few words to one person in a room with you, in all her tabs, at whatever worker. They are kept nowhere."""
    to, text = sent.get("to"), board.clean(sent.get("text"), "A whisper", 1, board.TEXT_LENGTH)
    who = me("whisper")
    other = in_a_room_with_me(to)
    if other is None:
        socketio.sleep(2 * LOOK)  # by then, who has just come to another worker is known here
        other = in_a_room_with_me(to)
    if other is None:
        raise board.Unknown("There is nobody of that name in a room with you.")
    said = {"from": current_user.name, "to": to, "text": text, "at": datetime.now(UTC).isoformat()}
    emit("whisper", said, to=[other, who])
    return {}


def in_a_room_with_me(name):
    """Who has this name and is in one of this connection's rooms, at whatever worker; None if nobody."""
    for room in [room for room in rooms() if room.startswith("room:")]:
        for other, other_name in {**current_app.extensions["presence"].elsewhere(room), **ours(room)}.items():
            if other_name == name:
                return other
    return None


def must_be_who_came():
    """Make sure that this connection is still of who opened it; raises board.SignIn.

    Its cookie or token may have become somebody else's since: another tab signed in, another namespace sent a token.
    """
    if known() not in rooms():
        raise board.SignIn("You are somebody else by now: connect anew.")


def only(sent, *names):
    return {name: sent[name] for name in names if name in sent}


def number(sent):
    """The number of the question that is meant; raises board.Invalid."""
    if type(sent.get("id")) is not int:
        raise board.Invalid("Say which question: id must be its number.")
    return sent["id"]


def missed(room, after):
    """The events of a room after a number; None if its log has no such number, or they are too old or too many."""
    if type(after) is not int or events.last(channel(room)) - after > MOST_MISSED:
        return None
    return events.since(channel(room), after)


@socketio.on("connect", namespace="/board")
def come(auth=None):
    """Somebody is here: in the lobby, or in the room `auth["room"]`, if she may be there.

    Tell what she missed since `auth["after"]`, and the number that the room has reached. She hears what is told to all
    already. So, rarely, an event comes twice, or before an earlier one: her page counts.
    """
    who = identify(auth)
    room = (auth or {}).get("room", LOBBY)
    board.belong(who, room)
    here[request.sid] = who, current_user.name if current_user.is_authenticated else None
    join_room(channel(room))
    told = start_telling(room)
    if auth and "after" in auth:
        found = missed(room, auth["after"])
        if found is None:
            tell_ours("reset", {"seq": told, "room": room}, to=request.sid)
        for event in found or ():
            if event.seq <= told:  # the others are about to come, as they come to everybody
                tell_ours(event.type, event.data, to=request.sid)
    tell_ours("pulse", {"seq": told, "room": room}, to=request.sid)
    tell_ours("here", who_is_here(), to=request.sid)
    moved.put(channel(room))


def identify(auth):
    """Who connects, by her session or by `auth["token"]`; raises ConnectionRefusedError, board.SignIn.

    She is in a room of her own too, named by who she is. So all her connections can be reached, and closed.
    """
    if not isinstance(auth, dict | None):
        raise ConnectionRefusedError('Send an object as auth, such as {"after": 1}, or nothing.')
    start_tasks()
    if auth and "token" in auth:
        person = from_token(auth["token"])
        if person is None:
            raise ConnectionRefusedError("This token is not valid, or no longer: get a new one.")
        request.environ["board.token"] = person.get_id()  # for each event of this connection
    join_room(known())
    must_be_here_still()
    return known()


@socketio.on("disconnect", namespace="/board")
def go(reason):
    current_app.logger.info("%s has left: %s", request.sid, reason)
    here.pop(request.sid, None)
    for room in rooms():
        moved.put(room)


@socketio.on_error("/board")
@socketio.on_error("/jobs")
@socketio.on_error("/desk")
def answer_board_error(error):
    """What the board refuses is no accident: the receipt, or the refusal to connect, says why."""
    if not isinstance(error, board.BoardError):
        return answer_error(error)
    if request.event["message"] == "connect":
        raise ConnectionRefusedError(str(error))
    return {"error": str(error)}


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

    def on_connect(self, auth=None):
        identify(auth)

    def on_start_export(self, sent=None, *_):
        must_be_who_came()
        job = jobs.start(me("export"), sent.get("room", LOBBY) if isinstance(sent, dict) else LOBBY)
        app = current_app._get_current_object()  # in the background there is no `current_app`
        socketio.start_background_task(tell_progress, app, job.channel, request.sid)
        return {"ok": True, "job": job.id}


socketio.on_namespace(Jobs("/jobs"))


@sse.before_request
def start_tasks():
    """Start what runs in the background for all, once, however many come, before the first socket or stream."""
    app = current_app._get_current_object()
    with starting:
        if "told" not in app.extensions:
            app.extensions["told"] = {"people": events.last("people")}  # the last event that was told, by channel
            socketio.start_background_task(tell_for_ever, app, "people", close_what_ended)
            socketio.start_background_task(tell_who_for_ever, app)


def start_telling(room):
    """Start telling what happens in a room, once; gives the number of the last event that was told to all in it."""
    app, told = current_app._get_current_object(), current_app.extensions["told"]
    with starting:
        if channel(room) not in told:
            told[channel(room)] = events.last(channel(room))
            socketio.start_background_task(tell_for_ever, app, channel(room), functools.partial(tell_change, room))
    return told[channel(room)]


def tell_for_ever(app, channel, tell):
    """What happens in a channel, by whatever door, goes to `tell(app, event)`, as does each pulse, without an event."""
    told = app.extensions["told"]
    while True:
        try:
            for event in follow(app, channel, told[channel]):
                if event:
                    told[channel] = event.seq
                tell(app, event)
        except Exception:
            app.logger.exception("Telling what happens failed; it goes on in a second, from where it was.")
            socketio.sleep(1)


def tell_change(room, app, event):
    """To everybody in a room; and to its teachers' desks, that they are to look."""
    if event:
        measure.told(event)
        tell_ours(event.type, event.data, to=channel(room))
        tell_ours("changed", {"seq": event.seq}, namespace="/desk", to=channel(room))
    else:
        pulse = {"seq": app.extensions["told"][channel(room)], "room": room}
        tell_ours("pulse", pulse, to=channel(room))
        cut_off_who_does_not_read()


def close_what_ended(app, event):
    """The sockets and streams of somebody who has lost a right, or all that is open in a room that is closed."""
    if event and event.type == "ended":
        for namespace in ("/board", "/jobs", "/desk"):
            for _, connection in participants(event.data["who"], namespace):
                cut_off(connection)  # who is still somebody comes back
        app.extensions["hub"].end(who=event.data["who"])
    elif event:
        closed = channel(event.data["room"])
        for namespace in ("/board", "/desk"):
            tell_ours("closed", {"room": event.data["room"]}, namespace=namespace, to=closed)
            for sid, _ in participants(closed, namespace):
                socketio.server.leave_room(sid, closed, namespace)
        app.extensions["hub"].end(channel=closed)


def cut_off(connection):
    """End a connection without a word: python-socketio's client does not come back when it is told to disconnect."""
    found = socketio.server.eio.sockets.get(connection)
    if found:
        found.close(abort=True)
        socketio.server.eio.sockets.pop(connection, None)


def tell_progress(app, channel, sid):
    """Until the job is done: what it reports goes to the client that started it."""
    for event in follow(app, channel, 0):
        if event:
            tell_ours(event.type, event.data, namespace="/jobs", to=sid)
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


def tell_who_for_ever(app):
    """When people came or went, at this worker or another, tell it, but once for all who did so at about one time."""
    told = {}  # what this worker's clients know, by room
    while True:
        moves = set()
        with contextlib.suppress(Empty):
            moves.add(moved.get(timeout=LOOK))
            socketio.sleep(SETTLE)
        while not moved.empty():
            moves.add(moved.get())
        try:
            with app.app_context():
                told = tell_who(moves, told)
        except Exception:
            app.logger.exception("Who is here could not be told; the next look does it.")


def tell_who(moves, told):
    """Tell this worker's clients how many are here, and each room who is in it, where somebody moved or it is news.

    `moves` are the rooms in which somebody came or went, `told` is what was told the last time; gives what is told now.
    """
    for sid in here.keys() - dict(participants(None)).keys():
        here.pop(sid, None)  # gone while it came
    readers = current_app.extensions["hub"].readers
    streams = sum(map(len, list(readers.values()))) - len(current_app.extensions["told"])
    clients = sum(not connection.closed for connection in list(socketio.server.eio.sockets.values()))
    numbers = measure.numbers(socketio.async_mode, clients, streams)
    current_app.extensions["presence"].look(everybody(), {room: ours(room) for room in rooms_told()}, numbers)
    count = who_is_here()
    if moves or told.get(None) != count:
        tell_ours("here", count)
    news = {room: names(room.removeprefix("room:")) for room in rooms_told()}
    for room, present in news.items():
        if room in moves or told.get(room) != present:
            tell_ours("who", {"room": room.removeprefix("room:"), "names": present}, to=room)
    return {None: count, **news}


def rooms_told():
    """The rooms, but for the lobby, in which this worker has had clients."""
    return [room for room in list(current_app.extensions["told"]) if room.startswith("room:")]


def ours(room):
    """Who is in a room at this worker: {who: name}."""
    return dict(here[sid] for sid, _ in participants(room) if sid in here)


def names(room):
    """Who is in a room, at all workers: each person once, however many windows. The lobby keeps no such list."""
    found = current_app.extensions["presence"].elsewhere(channel(room)) | ours(channel(room))
    return sorted(set(found.values()) - {None}) if room != LOBBY else []


def everybody():
    """Who is connected to /board of this worker."""
    return {who for who, _ in list(here.values())}


def who_is_here():
    """How many people and browsers are here, at all workers, and by which of them this one is served."""
    count = len(current_app.extensions["presence"].others() | everybody())
    return {"count": count, "worker": current_app.config["WORKER"]}


def tell_ours(type, data, to=None, namespace="/board"):
    """Send an event to clients of this worker only: each worker sees what happens, and tells its own."""
    socketio.emit(type, data, to=to, namespace=namespace, ignore_queue=True)


def participants(room, namespace="/board"):
    """The sids in a Socket.IO room, all if it is None, each with its connection."""
    return list(socketio.server.manager.get_participants(namespace, room))


def cut_off_who_does_not_read():
    for connection in list(socketio.server.eio.sockets.values()):
        if connection.queue.qsize() > MOST_WAITING:
            connection.close(wait=False, abort=True)
