"""PostgreSQL: its engine options, and its errors as those that the board knows from SQLite.

The driver, pg8000, is written in Python, so other clients can run while it waits, on every engine. But it has one
exception for nearly every error, and lets errors of the socket through. The codes are in PostgreSQL's manual,
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import logging
import time

import pg8000.core
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from .board import Invalid

OPTIONS = {
    "isolation_level": "READ COMMITTED",  # a writer that waited for a number sees the event before, as in SQLite
    "pool_size": 5,  # connections that each worker keeps
    "max_overflow": 5,  # and more in a rush; the server has 100 for all workers
    "connect_args": {"timeout": 10},  # seconds until a silent connection is given up
}
AWAY = ("08", "53", "57")  # not connected, too many connections, or the server stops or starts

read = pg8000.core._read


class NoDatabase(OperationalError):
    """The database does not answer, or has no free connection."""


class OneLine(logging.Filter):
    """Log a database that is down once a second, instead of a traceback for each request."""

    said = 0

    def filter(self, record):
        error = record.exc_info and record.exc_info[1]
        if not isinstance(error, NoDatabase):
            return True
        record.msg, record.args, record.exc_info = "The database does not answer: %s", (error.orig,), None
        if time.monotonic() < self.said + 1:
            return False
        self.said = time.monotonic()
        return True


def prepare(app):
    """The engine options for PostgreSQL; those in the settings come first."""
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = OPTIONS | app.config["SQLALCHEMY_ENGINE_OPTIONS"]
        app.logger.addFilter(OneLine())


def read_or_say(sock, size):
    """Turn the OSError of a reset connection into the error of a lost one."""
    try:
        return read(sock, size)
    except OSError as error:
        raise pg8000.core.InterfaceError("network error") from error


pg8000.core._read = read_or_say


@event.listens_for(Engine, "handle_error")
def name_the_error(context):
    """Turn pg8000's error into IntegrityError for a broken constraint, and Invalid for a text that cannot be stored."""
    error = context.original_exception
    code = error.args[0].get("C", "") if error.args and isinstance(error.args[0], dict) else ""
    if code.startswith("23"):
        raise IntegrityError(context.statement, context.parameters, error)
    if code.startswith("22"):
        raise Invalid("The database cannot hold or look for what was sent, such as a zero byte.")
    if (code.startswith(AWAY) or isinstance(error, pg8000.core.InterfaceError)) and not context.is_pre_ping:
        raise NoDatabase(context.statement, context.parameters, error)
