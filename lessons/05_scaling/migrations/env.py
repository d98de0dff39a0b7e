"""How Alembic reaches the database: by schema.py's connection, or for `flask db` by one of its own."""

from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db


def migrate(connection):
    context.configure(connection=connection, target_metadata=db.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if connection := context.config.attributes.get("connection"):
    migrate(connection)
else:
    with db.engine.connect() as connection:
        migrate(connection)
        connection.commit()
