"""The question board: what rooms and questions are, the few verbs that change them, and who may do what.

Knows nothing of HTTP: every way in calls these functions and gets the same rules.
`who` is a text: `person:7` for somebody who is signed in, else the random id of a browser.
Two signals announce every change: one while its transaction is open, one when it is saved.
"""

import contextlib
import os
import re
import sqlite3
import sys
import time
import unicodedata
from datetime import UTC, datetime
from hashlib import sha256

from blinker import Signal
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, String, delete, event, func, inspect, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, column_property, mapped_column
from sqlalchemy.schema import CreateIndex, CreateTable

TEXT_LENGTH = 280
AUTHOR_LENGTH = 40
LISTED = 500  # questions in a list; more are only counted
KEY_LENGTH = 80
LOBBY = "lobby"  # the room that is open to everybody, signed in or not
ROOM_NAME = "[a-z0-9-]{1,40}"
ALPHABETS = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}  # their letters look alike

db = SQLAlchemy()

happened = Signal(
    "The sender is the event's type; data() gives what to tell. What is written now is saved with the change."
)
saved = Signal("The change stands in the database.")


class BoardError(Exception):
    """The board refuses; the message says why, in one sentence."""


class Invalid(BoardError):
    """The text, the name or the number is not valid."""


class Unknown(BoardError):
    """There is no such question, or it was withdrawn."""


class NotYours(BoardError):
    """Only the person who asked a question, or a teacher of its room, may change or withdraw it."""


class SignIn(BoardError):
    """Only a person who is signed in may do this."""


class Room(db.Model):
    """A room with a board of its own. People who know its code may join."""

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(40))


class Member(db.Model):
    """A membership: this person belongs to this room, perhaps as a teacher. Teachers of the lobby may open rooms."""

    room: Mapped[str] = mapped_column(ForeignKey("room.name", ondelete="CASCADE"), primary_key=True)
    who: Mapped[str] = mapped_column(String(40), primary_key=True)
    teacher: Mapped[bool] = mapped_column(default=False)


class Vote(db.Model):
    """One vote for one question; the primary key makes a second one impossible."""

    question_id: Mapped[int] = mapped_column(ForeignKey("question.id", ondelete="CASCADE"), primary_key=True)
    who: Mapped[str] = mapped_column(String(40), primary_key=True)


class Question(db.Model):
    """A question: its text, its room, when it was asked (UTC), and by whom."""

    __table_args__ = {"sqlite_autoincrement": True}  # an old link never leads to a newer question

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(ForeignKey("room.name", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    author: Mapped[str] = mapped_column(String(AUTHOR_LENGTH))
    answered: Mapped[bool] = mapped_column(default=False)
    asked_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC).replace(tzinfo=None))
    who: Mapped[str] = mapped_column(String(40))
    votes: Mapped[int] = column_property(
        select(func.count()).where(Vote.question_id == id).correlate_except(Vote).scalar_subquery()
    )

    @property
    def signed_in(self):
        """Whether the author was signed in. A guest may type any name."""
        return is_person(self.who)

    def public(self):
        """The question as everybody sees it: id, text, author, signed_in, votes, answered, asked_at (ISO 8601, UTC)."""
        return {
            "id": self.id,
            "text": self.text,
            "author": self.author,
            "signed_in": self.signed_in,
            "votes": self.votes,
            "answered": self.answered,
            "asked_at": self.asked_at.isoformat(timespec="milliseconds") + "Z",
        }


class Asked(db.Model):
    """Which question was asked with which key; a client that retries with the same key gets the same question."""

    room: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    text: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    question_id: Mapped[int]


@event.listens_for(Engine, "connect")
def set_up_sqlite(connection, _record):
    """Let several processes share one SQLite file (https://sqlite.org/wal.html), and keep its foreign keys."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA busy_timeout = 5000")
        for _ in range(50):  # busy_timeout does not help when two processes open a new file at once
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode = WAL")
                break
            time.sleep(0.1)
        connection.execute("PRAGMA foreign_keys = ON")
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        if path:  # else it is in memory
            with contextlib.suppress(PermissionError):
                os.chmod(path, 0o600)  # other accounts of this machine do not read it


def create_tables():
    """Create the tables that are missing; two processes may do this at once."""
    for table in db.metadata.sorted_tables:
        db.session.execute(CreateTable(table, if_not_exists=True))
    db.session.commit()
    check_tables()
    for index in [index for table in db.metadata.sorted_tables for index in table.indexes]:
        db.session.execute(CreateIndex(index, if_not_exists=True))
    db.session.commit()


def check_tables():
    """Exit with one sentence if a table lacks a column: the database is of another version."""
    found = inspect(db.engine)
    for table in db.metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for name in set(table.columns.keys()) - there:
            cure = "Move this database away, or name another in FLASK_SQLALCHEMY_DATABASE_URI."
            sys.exit(f"{db.engine.url.database} is of another version: {table.name} has no {name}. {cure}")


def channel(room):
    """The name of a room's channel in the event log. The lobby keeps the name of the earlier lessons, `board`."""
    return "board" if room == LOBBY else f"room:{room}"


def belong(who, room):
    """Make sure that they belong to the room; raises SignIn, or Unknown, also for a room that does not exist."""
    if room == LOBBY:
        return
    if not is_person(who):
        raise SignIn("Sign in first: only the lobby is open to all.")
    named = isinstance(room, str) and re.fullmatch(ROOM_NAME, room)
    if not named or db.session.get(Member, (room, who)) is None:
        raise Unknown("There is no such room, or you are not in it: join it with its code.")


def is_person(who):
    return who is not None and who.startswith("person:")


def teaches(who, room):
    """Whether this person is a teacher of this room."""
    member = db.session.get(Member, (room, who))
    return member is not None and member.teacher


def must_teach(who, room):
    """Make sure that they are a teacher of the room; raises SignIn, Unknown, NotYours."""
    if not is_person(who):
        raise SignIn("Sign in first: this is for teachers.")
    belong(who, room)
    if not teaches(who, room):
        raise NotYours("Only a teacher of this room may do that.")


def questions(who, room=LOBBY, most=None):
    """The questions of a room, all or the first `limit`: most votes first, then oldest; raises SignIn, Unknown."""
    belong(who, room)
    found = select(Question).where(Question.room == room).order_by(Question.votes.desc(), Question.id)
    return db.session.scalars(found.limit(most)).all()


def listed(who, room=LOBBY):
    """The first LISTED questions of a room, and how many it has in all; raises SignIn, Unknown."""
    first = questions(who, room, LISTED)
    if len(first) < LISTED:
        return first, len(first)
    return first, db.session.scalar(select(func.count(Question.id)).where(Question.room == room))


def find(who, id):
    """The question with this number; raises Unknown if there is none, or if they are not in its room."""
    question = db.session.get(Question, id) if 0 < id < 2**31 else None
    try:
        belong(who, question.room if question else None)
    except BoardError:
        raise Unknown("There is no such question; it may have been withdrawn.") from None
    return question


def voted_by(who):
    """The numbers of the questions that this person or browser voted for."""
    return set(db.session.scalars(select(Vote.question_id).where(Vote.who == who)))


def ask(who, text=None, author="", key="", room=LOBBY):
    """Put a question on a room's board and return it; raises Invalid, SignIn, Unknown.

    `key` is a text that the client makes for this question. The same key again adds no second question.
    """
    belong(who, room)
    text = clean(text, "A question", 1, TEXT_LENGTH)
    author = clean_name(author)
    key = own_key(who, clean(key, "A key", 0, KEY_LENGTH))
    question = Question(room=room, who=who, text=text, author=author)
    db.session.add(question)
    try:
        db.session.flush()
        if key:
            db.session.add(Asked(room=room, key=key, text=text, question_id=question.id))
            db.session.flush()
    except IntegrityError:  # the key was used before, or the room was just closed
        db.session.rollback()
        belong(who, room)
        return asked_before(who, room, key, text)
    return save("question_asked", question)


def own_key(who, key):
    """A key as it is stored: each person has their own keys. All guests share theirs, since some have no cookie."""
    return sha256(f"{who} {key}".encode()).hexdigest() if key and is_person(who) else key


def asked_before(who, room, key, text):
    """The question that was asked with this key; raises Invalid, and Unknown if it has been withdrawn."""
    before = db.session.get(Asked, (room, key))
    if before.text != text:
        raise Invalid("This key belongs to another question: make a new one for each.")
    return find(who, before.question_id)


def change(who, id, text=None, answered=None):
    """Change the text of a question, or mark it answered; returns it. Raises Invalid, Unknown, NotYours."""
    question = find_own(who, id)
    values = {}
    if text is not None:
        values["text"] = clean(text, "A question", 1, TEXT_LENGTH)
    if answered is not None:
        if not isinstance(answered, bool):
            raise Invalid("Answered must be true or false.")
        values["answered"] = answered
    if not values:
        raise Invalid("Say what to change: text, answered, or both.")
    db.session.execute(update(Question).where(Question.id == id).values(values))
    return save("question_changed", question)


def withdraw(who, id):
    """Delete a question and its votes; raises Unknown, NotYours."""
    room = find_own(who, id).room
    if db.session.execute(delete(Question).where(Question.id == id)).rowcount:
        announce("question_withdrawn", room, lambda: {"id": id})
    db.session.commit()
    saved.send(channel(room))


def vote(who, id):
    """Vote for a question and return it; a second time changes nothing. Raises Unknown."""
    question = find(who, id)
    db.session.add(Vote(question_id=id, who=who))
    try:
        db.session.flush()
    except IntegrityError:  # the vote is there already, or the question was just withdrawn
        db.session.rollback()
        return find(who, id)
    return save("question_changed", question)


def unvote(who, id):
    """Take a vote back and return the question; a second time changes nothing. Raises Unknown."""
    question = find(who, id)
    if db.session.execute(delete(Vote).where(Vote.question_id == id, Vote.who == who)).rowcount:
        return save("question_changed", question)
    db.session.rollback()
    return find(who, id)


def save(type, question):
    """Commit a change of this question together with its event, and return the question as it now is."""
    id, room = question.id, question.room
    announce(type, room, lambda: {"question": reloaded(id).public()})
    db.session.commit()
    saved.send(channel(room))
    return reloaded(id)


def announce(type, room, data):
    """Announce an event with its room. Events of the lobby name none, as in the earlier lessons."""
    where = {} if room == LOBBY else {"room": room}
    happened.send(type, data=lambda: data() | where, channel=channel(room))


def reloaded(id):
    """The question as the database has it now, whatever this session remembers; raises Unknown."""
    question = db.session.get(Question, id, populate_existing=True)
    if question is None:
        db.session.rollback()
        raise Unknown("There is no such question; it may have been withdrawn.")
    return question


def find_own(who, id):
    """The question, if this person asked it or teaches its room; raises Unknown, NotYours."""
    question = find(who, id)
    if question.who != who and not teaches(who, question.room):
        raise NotYours("Only the browser that asked a question may change or withdraw it, or a teacher of its room.")
    return question


def clean(value, what, shortest, longest, form="NFC"):
    """The text without the spaces around it, in a normal form of Unicode (UAX 15); raises Invalid."""
    if not isinstance(value, str):
        raise Invalid(f"{what} must be a text.")
    value = unicodedata.normalize(form, value).strip()
    if not shortest <= len(value) <= longest:
        raise Invalid(f"{what} has {shortest} to {longest} characters; this one has {len(value)}.")
    if re.search(r"[\0\ud800-\udfff]", value):
        raise Invalid(f"{what} may not hold half a character or a zero byte.")
    return value


def clean_name(value, shortest=0):
    """A name without invisible characters, and without letters that look like those of another name; raises Invalid.

    See Unicode Technical Standard 39, "Unicode Security Mechanisms".
    """
    name = clean(value, "A name", shortest, AUTHOR_LENGTH)
    if not name.isprintable() or re.search("[\u115f\u1160\u2800\u3164\uffa0]", name):
        raise Invalid("A name may not hold what cannot be seen, such as a zero-width space or a mark of direction.")
    used = {unicodedata.name(letter).split()[0] for letter in skeleton(name) if letter.isalpha()}
    if len(used & ALPHABETS) > 1:
        raise Invalid("A name may not mix the letters of two alphabets, such as Latin and Cyrillic.")
    return name


def skeleton(name):
    """The form in which names are compared: without case, width, style, or the kind of space."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
