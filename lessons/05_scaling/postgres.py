"""PostgreSQL: how it is asked, and what goes wrong there, in the words that the board knows from SQLite.

The driver, pg8000, is written in Python alone: so it gives way to other clients on every engine. But it calls nearly
every error by one name, and lets some out as they come from the socket. The codes are in PostgreSQL's manual,
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
    "isolation_level": "READ COMMITTED",  # who waited for the number of an event sees the one before, as in SQLite
    "pool_size": 5,  # connections that a worker keeps
    "max_overflow": 5,  # and so many more in a rush; the server has 100 for all workers
    "connect_args": {"timeout": 10},  # seconds until a connection that says nothing is given up
}
AWAY = ("08", "53", "57")  # no connection, no room for one more, the server ends or starts

read = pg8000.core._read


class NoDatabase(OperationalError):
    """The database does not answer, or has no connection left."""


class OneLine(logging.Filter):
    """A database that is away is one line a second in the log, and not a traceback for each who asks."""

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
    """What PostgreSQL needs in the engine's options; those of the settings come first."""
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = OPTIONS | app.config["SQLALCHEMY_ENGINE_OPTIONS"]
        app.logger.addFilter(OneLine())


def read_or_say(sock, size):
    """A connection that is reset is lost like any other, and not an OSError that nobody expects."""
    try:
        return read(sock, size)
    except OSError as error:
        raise pg8000.core.InterfaceError("network error") from error


pg8000.core._read = read_or_say


@event.listens_for(Engine, "handle_error")
def name_the_error(context):
    """What breaks a rule of the tables, such as a vote for a question just withdrawn, and what no text can hold."""
    error = context.original_exception
    code = error.args[0].get("C", "") if error.args and isinstance(error.args[0], dict) else ""
    if code.startswith("23"):
        raise IntegrityError(context.statement, context.parameters, error)
    if code.startswith("22"):
        raise Invalid("The database cannot hold or look for what was sent, such as a zero byte.")
    if (code.startswith(AWAY) or isinstance(error, pg8000.core.InterfaceError)) and not context.is_pre_ping:
        raise NoDatabase(context.statement, context.parameters, error)
