"""What goes wrong at PostgreSQL, in the words that the board knows from SQLite.

The driver, pg8000, is written in Python alone: so it gives way to other clients on every engine. But it calls nearly
every error by one name, and lets some out as they come from the socket. The codes are in PostgreSQL's manual,
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import pg8000.core
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from .board import Invalid

read = pg8000.core._read


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
