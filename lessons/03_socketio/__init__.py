"""Lesson 3: pages send by Socket.IO, too: each event is acknowledged, and each change reaches every page."""

from . import engine as engine  # isort: skip (first: it may replace modules that the others import)

import json
import mimetypes

from flask import Flask
from flask_cors import CORS

from . import api, board, client, events, hello, jobs, sockets
from .config import configured, keep_secret_key
from .stream import Hub, sse


def create_app(config=None):
    """The API; the settings in `config` come before all others."""
    app = configured(Flask(__name__, static_folder=None), config)
    keep_secret_key(app)
    board.db.init_app(app)
    with app.app_context():
        board.create_tables()
        events.open_channel("board")
        jobs.watch(app)
    events.connect_redis(app)
    board.happened.connect(events.record)
    board.saved.connect(events.notify)
    app.extensions["hub"] = Hub(app)
    app.logger.setLevel("INFO")  # so that the log says which client left, and why

    CORS(
        app,
        resources={r"/(api|stream|client)/*": {"origins": [app.config["PAGE_ORIGIN"]]}},
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Content-Type"],
        max_age=600,
        supports_credentials=True,
        expose_headers=["X-Total-Count", "Location", "Date"],
    )
    app.register_blueprint(api.api)
    app.register_blueprint(api.widget)
    app.register_blueprint(api.export)
    app.register_blueprint(api.exports)
    app.register_blueprint(api.visitors)
    app.register_blueprint(sse, url_prefix="/stream")
    app.register_blueprint(client.client)
    app.register_blueprint(hello.hello)
    sockets.open_sockets(app)
    api.answer_errors(app)

    @app.get("/")
    def about():
        return {"board": "/api/questions", "page": app.config["PAGE_ORIGIN"]}

    return app


def create_page(config=None):
    """The front end, for an origin of its own: the files in page/, and /config.js, which names the API."""
    mimetypes.add_type("text/javascript", ".js")  # some Windows machines say text/plain, and then no module loads
    page = configured(Flask(__name__, static_folder="page", static_url_path=""), config)

    @page.get("/")
    def index():
        return page.send_static_file("index.html")

    @page.get("/config.js")
    def config_js():
        return f"export const API_URL = {json.dumps(page.config['API_URL'])};\n", {"Content-Type": "text/javascript"}

    return page
