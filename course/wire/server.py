"""The page that shows the wire, and the event stream that feeds it; nobody but this machine is answered."""

import json
import threading

from flask import Flask, Response, abort, jsonify, request, send_from_directory
from werkzeug.serving import WSGIRequestHandler, make_server

HERE = {"localhost", "127.0.0.1"}


class Silent(WSGIRequestHandler):
    def log_request(self, *_):
        pass


def create_app(story):
    """The page, and what it asks for."""
    app = Flask(__name__, static_folder="page", static_url_path="/page")

    @app.before_request
    def only_this_machine():
        origin = request.headers.get("Origin")
        if request.host.partition(":")[0] not in HERE or origin not in {None, request.host_url.rstrip("/")}:
            abort(403)

    @app.after_request
    def nothing_from_elsewhere(response):
        response.content_security_policy = "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/")
    def page():
        return send_from_directory("page", "index.html")

    @app.get("/messages")
    def messages():
        """All messages that are kept, then each new one, as an event stream."""
        last = request.headers.get("Last-Event-ID", 0, int)

        def stream(last):
            yield "retry: 1000\n\n"
            while True:
                found = story.after(last)
                if not found:
                    yield ":\n\n"
                    continue
                last = found[-1].number
                data = {"dropped": story.dropped, "messages": [each.as_json() for each in found]}
                yield f"id: {last}\ndata: {json.dumps(data)}\n\n"

        return Response(stream(last), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})

    @app.get("/messages/<int:number>")
    def details(number):
        return jsonify(story.details(number, "secrets" in request.args) or abort(404))

    @app.post("/marks")
    def mark():
        caption = request.get_json().get("caption")
        if not isinstance(caption, str):
            abort(400)
        return {"number": story.mark(caption)}, 201

    @app.get("/story.txt")
    def text():
        return Response("".join(f"{each}\n" for each in story.after(0, within=0)), mimetype="text/plain")

    return app


class Page:
    """Serves the page at a port of this machine, in a thread."""

    def __init__(self, story, port):
        self.server = make_server("127.0.0.1", port, create_app(story), threaded=True, request_handler=Silent)
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
