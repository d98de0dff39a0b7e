"""A crash looks like CORS.

Mistake   A view fails while the app runs in debug mode.
Symptom   The answer skips Flask-CORS, so the browser reports a CORS error and hides the 500 from you.
Cure      Read the server's log before you change CORS; outside debug mode, the 500 has the CORS headers.
"""

import httpx

from .. import create_app


def app(**config):
    app = create_app(config)

    @app.get("/api/average")
    def average():
        return str(0 / 0)

    return app


def broken():
    return app(PROPAGATE_EXCEPTIONS=True)  # debug mode has the same effect


def cured():
    return app()


def symptom(server):
    answer = httpx.get(f"{server.url}/api/average", headers={"Origin": server.page_origin})
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    return allowed is None, f"{answer.status_code}; Access-Control-Allow-Origin: {allowed or '(not sent)'}"
