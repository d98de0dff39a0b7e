"""The settings and where they come from: DEFAULTS, then FLASK_… in the environment, then the `config` argument.

A wrong setting stops the start with one sentence. The secret key is made on the first start, and kept.
"""

import contextlib
import os
import re
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

from . import engine

NAME = __package__.rpartition(".")[2]  # all ports of a host share cookies, so each lesson has its own name
DEFAULTS = {
    "API_URL": "http://localhost:5104",
    "PAGE_ORIGIN": "http://localhost:8104",
    "HOST": "127.0.0.1",  # the address to listen at: 0.0.0.0 lets in everybody in your network
    "PORT": None,  # where the API listens; the port of API_URL if None
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{NAME}.db",  # in Flask's instance folder
    "REDIS_URL": "redis://localhost:6379/0",
    "ASYNC_MODE": engine.NAME,
    "SOCKET_LOG": False,  # true: log every packet with its content
    "EVENTS_KEPT": 10_000,  # events in the log of each channel
    "HEARTBEAT_SECONDS": 15,  # heartbeats on a silent stream or socket, in whole seconds
    "REQUEST_SECONDS": 30,  # for which a client may send or read nothing
    "EXPORT_SECONDS": 2.0,  # how long an export takes at least
    "TOKEN_SECONDS": 3600,  # how long a token may be used to connect
    "DEMO_CLASS": True,  # made on the first start
    "LOGIN_LIMIT": "10 per minute",  # for one name from one address; and for room codes, for one person
    "ADDRESS_LIMIT": "300 per minute",  # sign-ins from one address, which may be a whole school's
    "ASK_LIMIT": "30 per minute",  # for one person, like the next ones
    "WHISPER_LIMIT": "30 per minute",
    "CHANGE_LIMIT": "300 per minute",
    "READ_LIMIT": "300 per minute",  # for one connection: `enter` and `catch_up`
    "EXPORT_LIMIT": "10 per minute",
    "ROOM_LIMIT": "20 per hour",
    "GUEST_LIMIT": "3000 per minute",  # for all guests of one address together, like the next ones
    "GUEST_ASK_LIMIT": "3000 per hour",
    "GUEST_EXPORT_LIMIT": "60 per hour",
    "GUEST_SESSION_LIMIT": "3000 per hour",  # each session is stored for a month
    "SESSION_COOKIE_NAME": NAME,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,  # reading sets no cookie
    "MAX_CONTENT_LENGTH": 16 * 1024,
}
ORIGIN = r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?"  # as a browser writes it, in the header Origin


def configured(app, config):
    """The app with its settings."""
    app.config.from_mapping(DEFAULTS)
    app.config.from_prefixed_env()
    check_settings(app.config)
    app.config.from_mapping(config)
    return app


def keep_secret_key(app):
    """The key that signs the cookies: made on the first start, kept for the next, readable by its owner only."""
    folder = Path(app.instance_path)
    path = folder / "secret_key"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o700)  # the database is in it, too
    if not path.exists():
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # a second process never reads half a key
        draft.unlink()
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or path.read_text()


def check_settings(config):
    """Exit if a setting is not of its default's type, or if an address is not an origin."""
    for name, default in DEFAULTS.items():
        value = config[name]
        kinds = (int, float) if isinstance(default, float) else type(default)
        if default is not None and not isinstance(value, kinds):
            sys.exit(f"FLASK_{name} cannot be {value}. Its default is {default}: give it a value of the same kind.")
    for name in {"API_URL", "PAGE_ORIGIN"} & DEFAULTS.keys():
        if not re.fullmatch(ORIGIN, config[name]):
            like = f"It needs an origin such as {DEFAULTS[name]} or https://board.example.org"
            sys.exit(f"FLASK_{name} cannot be {config[name]}. {like}, without a path and without a slash at its end.")


def listening_port(config):
    """The port of the API: PORT, else the port in API_URL. Exits if there is neither."""
    port = config["PORT"] or urlsplit(config["API_URL"]).port
    if not isinstance(port, int):
        sys.exit(f"{config['API_URL']} names no port. Set the one where the API listens, as in FLASK_PORT=5100")
    return port
