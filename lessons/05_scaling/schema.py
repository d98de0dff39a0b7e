"""The tables, made by migrations/ step by step: a database of the lesson before keeps its rows."""

import sys
from pathlib import Path

from alembic.command import upgrade
from flask_migrate import Migrate
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from . import postgres
from .board import check_tables, db

FOLDER = Path(__file__).parent / "migrations"
ALONE = {  # other processes that start wait until this transaction ends
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(5105)",
}

migrate = Migrate(directory=FOLDER)


def open_database(app):
    """Bring the tables to the newest version, and return whether it did so: `flask db` chooses the version itself."""
    postgres.prepare(app)
    db.init_app(app)
    migrate.init_app(app, db)
    commands = [word for word in sys.argv if word in {"db", "users"}]
    if commands[:1] == ["db"]:
        return False
    bring_up_to_date(app)
    return True


def bring_up_to_date(app):
    """Run the missing migrations in one transaction; many workers may start at once."""
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(text(ALONE[connection.dialect.name]))
        config = migrate.get_config(FOLDER)
        config.attributes["connection"] = connection
        try:
            upgrade(config, "head")
        except (OperationalError, ProgrammingError) as error:  # a table exists, but lacks a column
            cure = "Move this database away, or name another in FLASK_SQLALCHEMY_DATABASE_URI."
            raise SystemExit(f"{db.engine.url.database} is of another version than lesson 4. {cure}") from error
        connection.commit()
        check_tables()
