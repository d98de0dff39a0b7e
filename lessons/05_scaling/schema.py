"""The tables, as migrations/ makes them step by step: a database of the lesson before keeps what is in it."""

from pathlib import Path

from alembic import command
from flask_migrate import Migrate
from sqlalchemy import text

from . import postgres  # noqa: F401 (it listens)
from .board import db

FOLDER = Path(__file__).parent / "migrations"
ALONE = {  # what makes every other process that starts wait, until this transaction ends
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(5105)",
}

migrate = Migrate(directory=FOLDER)


def bring_up_to_date(app):
    """Bring the tables to the newest version, in one transaction; harmless when many workers start at once."""
    migrate.init_app(app, db)
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(text(ALONE[connection.dialect.name]))
        config = migrate.get_config(FOLDER)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
