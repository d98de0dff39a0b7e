"""The board's API as it is before the course: no page, and not a word about other origins."""

from flask import Flask

from . import api, board
from .config import configured, keep_secret_key


def create_app(config=None):
    """The API; the settings in `config` come before all others."""
    app = configured(Flask(__name__, static_folder=None), config)
    keep_secret_key(app)
    board.db.init_app(app)
    with app.app_context():
        board.create_tables()

    app.register_blueprint(api.api)
    app.register_blueprint(api.widget)
    app.register_blueprint(api.export)
    api.answer_errors(app)

    @app.get("/")
    def about():
        return {"board": "/api/questions"}

    return app
