"""The question board: what a question is, and the few verbs that change it.

Knows nothing of HTTP: every way in calls these functions and gets the same rules.
A browser has a random id; it may change only the questions that it asked.
"""

import contextlib
import os
import re
import sqlite3
import sys
import time
import unicodedata
from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, String, delete, event, func, inspect, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, column_property, mapped_column
from sqlalchemy.schema import CreateTable

TEXT_LENGTH = 280
AUTHOR_LENGTH = 40
LISTED = 500  # questions in a list; more are only counted

db = SQLAlchemy()


class BoardError(Exception):
    """The board refuses; the message says why, in one sentence."""


class Invalid(BoardError):
    """The text, the name or the number is not valid."""


class Unknown(BoardError):
    """There is no such question, or it was withdrawn."""


class NotYours(BoardError):
    """Only the browser that asked a question may change or withdraw it."""


class Vote(db.Model):
    """One browser's vote for one question; the primary key makes a second one impossible."""

    question_id: Mapped[int] = mapped_column(ForeignKey("question.id", ondelete="CASCADE"), primary_key=True)
    browser: Mapped[str] = mapped_column(String(40), primary_key=True)


class Question(db.Model):
    """A question: its text, when it was asked (UTC), and by which browser."""

    __table_args__ = {"sqlite_autoincrement": True}  # an old link never leads to a newer question

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    author: Mapped[str] = mapped_column(String(AUTHOR_LENGTH))
    answered: Mapped[bool] = mapped_column(default=False)
    asked_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC).replace(tzinfo=None))
    browser: Mapped[str] = mapped_column(String(40))
    votes: Mapped[int] = column_property(
        select(func.count()).where(Vote.question_id == id).correlate_except(Vote).scalar_subquery()
    )

    def public(self):
        """The question as everybody sees it: id, text, author, votes, answered, asked_at (ISO 8601, UTC)."""
        return {
            "id": self.id,
            "text": self.text,
            "author": self.author,
            "votes": self.votes,
            "answered": self.answered,
            "asked_at": self.asked_at.isoformat(timespec="milliseconds") + "Z",
        }


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


def check_tables():
    """Exit with one sentence if a table lacks a column: the database is of another version."""
    found = inspect(db.engine)
    for table in db.metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for name in set(table.columns.keys()) - there:
            cure = "Move this database away, or name another in FLASK_SQLALCHEMY_DATABASE_URI."
            sys.exit(f"{db.engine.url.database} is of another version: {table.name} has no {name}. {cure}")


def questions(most=None):
    """The questions, all or the first `limit`: most votes first, then oldest."""
    return db.session.scalars(select(Question).order_by(Question.votes.desc(), Question.id).limit(most)).all()


def listed():
    """The first LISTED questions, and how many there are in all."""
    first = questions(LISTED)
    if len(first) < LISTED:
        return first, len(first)
    return first, db.session.scalar(select(func.count(Question.id)))


def find(id):
    """The question with this number; raises Unknown."""
    question = db.session.get(Question, id) if 0 < id < 2**31 else None
    if question is None:
        raise Unknown("There is no such question; it may have been withdrawn.")
    return question


def voted_by(browser):
    """The numbers of the questions that this browser voted for."""
    return set(db.session.scalars(select(Vote.question_id).where(Vote.browser == browser)))


def ask(browser, text=None, author=""):
    """Put a question on the board and return it; raises Invalid."""
    question = Question(
        browser=browser,
        text=clean(text, "A question", 1, TEXT_LENGTH),
        author=clean_name(author),
    )
    db.session.add(question)
    db.session.commit()
    return question


def change(browser, id, text=None, answered=None):
    """Change the text of your own question, or mark it answered; returns it. Raises Invalid, Unknown, NotYours."""
    find_own(browser, id)
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
    db.session.commit()
    return find(id)


def withdraw(browser, id):
    """Delete your own question and its votes; raises Unknown, NotYours."""
    find_own(browser, id)
    db.session.execute(delete(Question).where(Question.id == id))
    db.session.commit()


def vote(browser, id):
    """Vote for a question and return it; a second time changes nothing. Raises Unknown."""
    db.session.add(Vote(question_id=find(id).id, browser=browser))
    try:
        db.session.commit()
    except IntegrityError:  # the browser voted already, or the question was just withdrawn
        db.session.rollback()
    return find(id)


def unvote(browser, id):
    """Take a vote back and return the question; a second time changes nothing. Raises Unknown."""
    find(id)
    db.session.execute(delete(Vote).where(Vote.question_id == id, Vote.browser == browser))
    db.session.commit()
    return find(id)


def find_own(browser, id):
    """The question, if this browser asked it; raises Unknown, NotYours."""
    question = find(id)
    if question.browser != browser:
        raise NotYours("Only the browser that asked a question may change or withdraw it.")
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


def clean_name(value):
    """A name without invisible characters, and without any that change the direction of text; raises Invalid."""
    name = clean(value, "A name", 0, AUTHOR_LENGTH)
    if not name.isprintable():
        raise Invalid("A name may not hold what cannot be seen, such as a zero-width space or a mark of direction.")
    return name
