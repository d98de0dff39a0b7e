"""Lesson 2: the board tells every page what happens on it, by Server-Sent Events, and nothing is lost."""

import contextlib
import json
import mimetypes
import os
import secrets
from pathlib import Path

from flask import Flask
from flask_cors import CORS

from . import api, board, events, jobs
from .settings import check_settings
from .stream import Hub, sse

NAME = __name__.rpartition(".")[2]  # 02_sse: cookies know no ports, so each lesson's cookie has its own name
DEFAULTS = {
    "API_URL": "http://localhost:5102",
    "PAGE_ORIGIN": "http://localhost:8102",
    "HOST": "127.0.0.1",  # who reaches the API: 0.0.0.0 lets in everybody in your network
    "PORT": None,  # where the API listens; the port of API_URL if None
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{NAME}.db",  # in Flask's instance folder
    "REDIS_URL": "redis://localhost:6379/0",
    "EVENTS_KEPT": 10_000,  # in each channel's log
    "PULSE_SECONDS": 15,  # between two signs of life on a silent stream
    "EXPORT_SECONDS": 2.0,  # how long an export takes at least
    "SESSION_COOKIE_NAME": NAME,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,  # reading sets no cookie
    "MAX_CONTENT_LENGTH": 16 * 1024,
}


def create_app(config=None):
    """The API. Settings come from DEFAULTS, then FLASK_… in the environment, then `config`."""
    app = configured(Flask(__name__, static_folder=None), config)
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or kept_key(Path(app.instance_path))
    board.db.init_app(app)
    with app.app_context():
        board.create_tables()
        events.open_channel("board")
        jobs.watch(app)
    events.open_bell(app)
    board.happened.connect(events.record)
    board.saved.connect(events.ring)
    app.extensions["hub"] = Hub(app)

    CORS(
        app,
        resources={r"/(api|stream)/*": {"origins": [app.config["PAGE_ORIGIN"]]}},
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Content-Type"],
        max_age=600,
        supports_credentials=True,
        expose_headers=["X-Total-Count", "Location"],
    )
    app.register_blueprint(api.api)
    app.register_blueprint(api.widget)
    app.register_blueprint(api.export)
    app.register_blueprint(api.exports)
    app.register_blueprint(sse, url_prefix="/stream")
    api.answer_errors(app)

    @app.get("/")
    def about():
        return {"board": "/api/questions", "page": app.config["PAGE_ORIGIN"]}

    return app


def create_page(config=None):
    """The front end, for an origin of its own: the files in page/, and /config.js, which names the API."""
    mimetypes.add_type("text/javascript", ".js")  # some Windows machines say text/plain, and no module loads
    page = configured(Flask(__name__, static_folder="page", static_url_path=""), config)

    @page.get("/")
    def index():
        return page.send_static_file("index.html")

    @page.get("/config.js")
    def config_js():
        return f"export const API_URL = {json.dumps(page.config['API_URL'])};\n", {"Content-Type": "text/javascript"}

    return page


def configured(app, config):
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env()
    check_settings(app.config, DEFAULTS)
    app.config.from_mapping(config)
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
