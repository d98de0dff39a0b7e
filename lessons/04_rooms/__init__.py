"""Lesson 4: every class has a board of its own, and every way in checks who may read and change it."""

from . import engine as engine  # isort: skip (first: it may replace modules that the others import)

import json
import mimetypes

from flask import Flask
from flask_cors import CORS

from . import api, auth, board, client, desk, events, hello, jobs, rates, rooms, sockets
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
        events.open_channel("people")
        auth.seed(app)
        jobs.watch(app)
    events.connect_redis(app)
    rates.start_counting(app)
    auth.open_auth(app)
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
        expose_headers=["X-Total-Count", "Location", "Date", "Retry-After"],
    )
    app.register_blueprint(api.api)
    app.register_blueprint(api.widget)
    app.register_blueprint(api.export)
    app.register_blueprint(api.exports)
    app.register_blueprint(api.visitors)
    app.register_blueprint(rooms.rooms)
    app.register_blueprint(desk.desk)
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

    @page.after_request
    def nothing_from_elsewhere(response):
        """Let the page load from here and the API only, and let no site put it into a frame (CSP Level 3)."""
        api = page.config["API_URL"]
        response.content_security_policy = (
            f"default-src 'self'; script-src 'self' {api}; connect-src 'self' {api} {api.replace('http', 'ws', 1)}; "
            "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return page
