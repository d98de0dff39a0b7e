"""Before lesson 1: the board's API as it is, without a page and without a word about other origins."""

import contextlib
import os
import secrets
from pathlib import Path

from flask import Flask

from . import api, board
from .settings import check_settings

NAME = __name__.rpartition(".")[2]  # 00_bare: cookies know no ports, so each lesson's cookie has its own name
DEFAULTS = {
    "API_URL": "http://localhost:5100",
    "HOST": "127.0.0.1",  # who reaches the API: 0.0.0.0 lets in everybody in your network
    "PORT": None,  # where the API listens; the port of API_URL if None
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{NAME}.db",  # in Flask's instance folder
    "SESSION_COOKIE_NAME": NAME,
    "SESSION_REFRESH_EACH_REQUEST": False,  # reading sets no cookie
    "MAX_CONTENT_LENGTH": 16 * 1024,
}


def create_app(config=None):
    """The API. Settings come from DEFAULTS, then FLASK_… in the environment, then `config`."""
    app = Flask(__name__, static_folder=None)
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env()
    check_settings(app.config, DEFAULTS)
    app.config.from_mapping(config)
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or kept_key(Path(app.instance_path))
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


def kept_key(folder):
    """The secret that signs the cookies: made on the first start, kept for the next, readable by its owner only."""
    path = folder / "secret_key"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o700)  # the database is in it, too
    if not path.exists():
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, so that a second process reads no half key
        draft.unlink()
    return path.read_text()
