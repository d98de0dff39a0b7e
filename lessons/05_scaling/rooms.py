"""Rooms: teachers open them, people join with the code, and only members receive a room's events."""

import re
import secrets

from flask import Blueprint, url_for
from flask_login import current_user
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from . import board, events, jobs
from .api import fields
from .auth import Person, authenticated_only, end_connections, named
from .board import LOBBY, Member, Room, db
from .visitor import admit, current_identity

RESERVED = {"login", "logout", "page"}  # the desk has pages at these addresses

rooms = Blueprint("rooms", __name__, url_prefix="/api/rooms")


def open_room(who, name=None, code=None):
    """Make a room with this person as its teacher, and return its name; raises board.Invalid, SignIn, NotYours."""
    board.must_teach(who, LOBBY)
    name, code = board.clean(name, "A room's name", 1, 40), board.clean(code, "A code", 1, 40)
    if not re.fullmatch(board.ROOM_NAME, name):
        raise board.Invalid("A room's name has small letters, digits and hyphens, such as physics-2.")
    if name in RESERVED:
        raise board.Invalid("The desk uses this name itself: choose another.")
    db.session.add_all([Room(name=name, code=code), events.Channel(name=board.channel(name))])
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise board.Invalid("There is a room with this name, or was: choose another.") from None
    db.session.add(Member(room=name, who=who, teacher=True))
    db.session.commit()
    return name


def join(who, room, code=None):
    """Become a member, by the room's code; a second time changes nothing. Raises board.Unknown, board.Invalid."""
    code = board.clean(code, "A code", 1, 40)
    found = db.session.get(Room, room)
    if not secrets.compare_digest(found.code.encode() if found else b"", code.encode()):
        raise board.Unknown("There is no room with this name and code.")
    db.session.add(Member(room=room, who=who))
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()  # a member already


def leave_room(who, room, name):
    """End a membership: your own, or as a teacher anybody's. Raises board.Unknown, board.NotYours.

    The last teacher stays, since nobody else could close the room.
    """
    board.belong(who, room)
    person = named(name)
    if person is None or person.who != who:
        board.must_teach(who, room)
    teachers = db.session.scalars(select(Member.who).where(Member.room == room, Member.teacher)).all()
    if room != LOBBY and person and teachers == [person.who]:
        raise board.NotYours("The last teacher of a room cannot leave it: close the room instead.")
    mine = (Member.room == room, Member.who == (person.who if person else None))
    if room == LOBBY or not db.session.execute(delete(Member).where(*mine)).rowcount:
        raise board.Unknown("There is no such member of this room.")
    if person.who != who:
        change_code(who, room)  # else a removed member could join again at once
    end_connections(person.who)


def change_code(who, room, code=None):
    """Give a room another code, a random one by default; raises board.Invalid, board.Unknown, board.NotYours."""
    board.must_teach(who, room)
    if room == LOBBY:
        raise board.NotYours("The lobby is open to all, and needs no code.")
    code = secrets.token_urlsafe(6) if code is None else board.clean(code, "A code", 1, 40)
    db.session.execute(update(Room).where(Room.name == room).values(code=code))
    db.session.commit()
    return code


def close(who, room):
    """Delete a room and all its questions; raises board.Unknown, board.NotYours."""
    board.must_teach(who, room)
    if room == LOBBY:
        raise board.NotYours("The lobby is open to all, and nobody closes it.")
    jobs.give_up(jobs.Job.room == room, "The room was closed.")
    channel = board.channel(room)
    db.session.execute(delete(Room).where(Room.name == room))
    db.session.execute(delete(jobs.Job).where(jobs.Job.room == room))
    db.session.execute(delete(events.Event).where(events.Event.channel == channel))
    # Last, as everywhere: a transaction that holds a channel waits for no other, so there is no deadlock.
    board.happened.send("closed", data=lambda: {"room": room}, channel="people")
    db.session.commit()  # the channel stays, so no second room can get this name
    board.saved.send("people")


def may_listen(who, channel):
    """Make sure that they may listen to a channel of the event log; raises board.SignIn, board.Unknown."""
    kind, _, name = channel.partition(":")
    if kind == "job":
        jobs.find(who, name)
    elif kind == "room" and name != LOBBY:
        board.belong(who, name)
    elif channel != board.channel(LOBBY):
        raise board.Unknown("There is no such channel.")


@rooms.post("")
@authenticated_only
def open_a_room():
    admit("room")
    name = open_room(current_identity(), **fields("name", "code"))
    return show(name), 201, {"Location": url_for("rooms.show", name=name)}


@rooms.get("/<name>")
@authenticated_only
def show(name):
    """A room and its members, {name, teacher, members}, for members only; `teacher`: whether you teach it."""
    board.belong(current_user.who, name)
    people = {person.who: person.name for person in db.session.scalars(select(Person))}
    members = db.session.scalars(select(Member.who).where(Member.room == name))
    teacher = board.teaches(current_user.who, name)
    return {"name": name, "teacher": teacher, "members": sorted(people[who] for who in members)}


@rooms.delete("/<name>")
@authenticated_only
def close_room(name):
    admit()
    close(current_identity(), name)
    return "", 204


@rooms.patch("/<name>")
@authenticated_only
def give_another_code(name):
    """{code}: the one that was sent, or a random one."""
    admit()
    return {"code": change_code(current_identity(), name, **fields("code"))}


@rooms.post("/<name>/members")
@authenticated_only
def become_member(name):
    admit("login")
    join(current_identity(), name, **fields("code"))
    return show(name), 201


@rooms.delete("/<name>/members/<path:person>")
@authenticated_only
def end_membership(name, person):
    admit()
    leave_room(current_identity(), name, person)
    return "", 204
