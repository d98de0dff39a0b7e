"""Lost while away.

Mistake   Flask-SSE sends each event only to the streams that are open now, and stores none.
Symptom   A browser that was offline sends the last id it saw, but never receives what it missed.
Cure      Keep numbered events in a log, and answer Last-Event-ID from it, as stream.py does.
"""

import itertools

import flask_sse
import httpx
from flask import Flask
from httpx_sse import connect_sse

from .. import create_app


def broken():
    app, numbers = Flask(__name__), itertools.count(1)
    app.config.from_prefixed_env()  # REDIS_URL
    app.register_blueprint(flask_sse.sse, url_prefix="/stream")

    @app.post("/api/questions")
    def ask():
        flask_sse.sse.publish({"text": "?"}, type="question_asked", id=next(numbers))
        return "", 201

    return app


def cured():
    return create_app()


def symptom(server):
    for text in ("seen", "asked while she is away", "this one too"):
        httpx.post(f"{server.url}/api/questions", json={"text": text}).raise_for_status()

    ids, back = [], {"Last-Event-ID": "1"}  # as a browser sends when it reconnects
    try:
        with (
            httpx.Client(timeout=2) as alice,
            connect_sse(alice, "GET", f"{server.url}/stream", headers=back) as stream,
        ):
            ids.extend(event.id for event in stream.iter_sse())
    except httpx.ReadTimeout:
        pass  # no event for two seconds: there are no more
    return ids != [
        "2",
        "3",
    ], f"Alice saw event 1 and missed two. She comes back and gets: {', '.join(ids) or 'nothing'}."
