"""Lesson 5: many workers serve one board: a change at one worker reaches the clients of all."""

from . import engine as engine  # isort: skip (first: it may replace modules that the others import)

import json
import mimetypes

from flask import Flask
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from . import (
    api,
    auth,
    board,
    client,
    desk,
    events,
    hall,
    hello,
    jobs,
    leaving,
    presence,
    rates,
    rooms,
    schema,
    sockets,
)
from .config import configured, keep_secret_key, listening_port
from .stream import Hub, sse


def create_app(config=None):
    """The API; the settings in `config` come before all others."""
    app = configured(Flask(__name__, static_folder=None), config)
    keep_secret_key(app)
    app.config["WORKER"] = str(app.config["WORKER"] or listening_port(app.config))
    if not schema.open_database(app):
        return app  # for `flask db`: the tables may not be there yet
    with app.app_context():
        events.open_channel("board")
        events.open_channel("people")
        auth.seed(app)
        jobs.watch(app)
    events.connect_redis(app)
    presence.open_presence(app)
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
        expose_headers=["X-Total-Count", "Location", "Date", "Retry-After", "X-Worker"],
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
    app.register_blueprint(hall.hall)
    sockets.open_sockets(app)
    api.answer_errors(app)
    proxies = app.config["PROXIES"]  # after the sockets, so that they see the client's address, too
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)
    leaving.open_entrance(app)

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
