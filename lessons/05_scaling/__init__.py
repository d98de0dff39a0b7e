"""Lesson 5: many workers are one board: whoever is served by one hears what happens at every other."""

from . import engine  # isort: skip (first, for it may exchange what the others import)

import contextlib
import json
import mimetypes
import os
import secrets
from pathlib import Path

from flask import Flask
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from . import api, auth, board, desk, events, hall, hello, jobs, leaving, presence, rates, rooms, schema, sockets
from .settings import check_settings, listening_port
from .stream import Hub, sse

NAME = __name__.rpartition(".")[2]  # 05_scaling: cookies know no ports, so each lesson's cookie has its own name
DEFAULTS = {
    "API_URL": "http://localhost:5105",
    "PAGE_ORIGIN": "http://localhost:8105",
    "HOST": "127.0.0.1",  # who reaches the API: 0.0.0.0 lets in everybody in your network
    "PORT": None,  # where the API listens; the port of API_URL if None
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{NAME}.db",  # in Flask's instance folder
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},  # a connection that the database has ended is not used
    "REDIS_URL": "redis://localhost:6379/0",  # or redis+sentinel://host:port,host:port/0/name
    "MESSAGE_QUEUE": None,  # what is no event of the board goes from worker to worker by this; REDIS_URL if None
    "MESSAGE_CHANNEL": "live-flask",  # the same for all workers, and for whoever else sends
    "WORKER": None,  # its name; the port if None
    "PROXIES": 0,  # that stand before the workers, and tell who asks: 1 with nginx
    "ASYNC_MODE": engine.NAME,
    "SOCKET_LOG": False,  # true: the log has every packet, with what is in it
    "EVENTS_KEPT": 10_000,  # in each channel's log
    "PULSE_SECONDS": 15,  # between two signs of life on a silent stream or socket, in whole seconds
    "REQUEST_SECONDS": 30,  # for which a client may send nothing of its request, or read nothing of its answer
    "EXPORT_SECONDS": 2.0,  # how long an export takes at least
    "TOKEN_SECONDS": 3600,  # how long a token may be used to connect
    "DEMO_CLASS": True,  # made on the first start
    "LOGIN_LIMIT": "10 per minute",  # with one name from one address, and codes of rooms for one person
    "ADDRESS_LIMIT": "300 per minute",  # sign-ins from one address, which a whole school may share
    "ASK_LIMIT": "30 per minute",  # for one person, as all that follow
    "WHISPER_LIMIT": "30 per minute",
    "CHANGE_LIMIT": "300 per minute",
    "LOOK_LIMIT": "300 per minute",  # for one connection: to enter a room, and to catch up
    "EXPORT_LIMIT": "10 per minute",
    "ROOM_LIMIT": "20 per hour",
    "GUEST_LIMIT": "3000 per minute",  # for all guests of one address together, as all that follow
    "GUEST_ASK_LIMIT": "3000 per hour",
    "GUEST_EXPORT_LIMIT": "60 per hour",
    "GUEST_SESSION_LIMIT": "3000 per hour",  # each is stored for a month
    "SESSION_COOKIE_NAME": NAME,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,  # reading sets no cookie
    "MAX_CONTENT_LENGTH": 16 * 1024,
}


def create_app(config=None):
    """The API. Settings come from DEFAULTS, then FLASK_… in the environment, then `config`."""
    app = configured(Flask(__name__, static_folder=None), config)
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or kept_key(Path(app.instance_path))
    app.config["WORKER"] = str(app.config["WORKER"] or listening_port(app.config))
    if not schema.open_database(app):
        return app  # for `flask db`: the tables that the rest needs may not be there yet
    with app.app_context():
        events.open_channel("board")
        events.open_channel("people")
        auth.seed(app)
        jobs.watch(app)
    events.open_bell(app)
    presence.open_presence(app)
    rates.start_counting(app)
    auth.open_auth(app)
    board.happened.connect(events.record)
    board.saved.connect(events.ring)
    app.extensions["hub"] = Hub(app)
    app.logger.setLevel("INFO")  # who has left, and why

    CORS(
        app,
        resources={r"/(api|stream|client)/*": {"origins": [app.config["PAGE_ORIGIN"]]}},
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Content-Type"],
        max_age=600,
        supports_credentials=True,
        expose_headers=["X-Total-Count", "Location", "Retry-After", "X-Worker"],
    )
    app.register_blueprint(api.api)
    app.register_blueprint(api.widget)
    app.register_blueprint(api.export)
    app.register_blueprint(api.exports)
    app.register_blueprint(api.visitors)
    app.register_blueprint(rooms.rooms)
    app.register_blueprint(desk.desk)
    app.register_blueprint(sse, url_prefix="/stream")
    app.register_blueprint(sockets.client)
    app.register_blueprint(hello.hello)
    app.register_blueprint(hall.hall)
    sockets.open_sockets(app)
    api.answer_errors(app)
    proxies = app.config["PROXIES"]  # after the sockets, so that they too learn who asks
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)
    leaving.open_door(app)

    @app.after_request
    def say_who_answers(response):
        response.headers["X-Worker"] = app.config["WORKER"]
        return response

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

    @page.after_request
    def nothing_from_elsewhere(response):
        """Load and send nothing but here and at the API, stand in nobody's frame (CSP Level 3)."""
        api = page.config["API_URL"]
        response.content_security_policy = (
            f"default-src 'self'; script-src 'self' {api}; connect-src 'self' {api} {api.replace('http', 'ws', 1)}; "
            "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

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
