"""A preflight that should sign in.

Mistake   A before_request handler refuses everybody who is not signed in, and the preflight too.
Symptom   A preflight never carries cookies. It gets 401, and the browser does not send the real request.
Cure      Let OPTIONS pass; the handler still checks the request that follows.
"""

import httpx
from flask import abort, request, session

from .. import create_app


def broken():
    app = create_app()

    @app.before_request
    def members_only():
        if "browser" not in session:
            abort(401)

    return app


def cured():
    app = create_app()

    @app.before_request
    def members_only():
        if request.method != "OPTIONS" and "browser" not in session:
            abort(401)

    return app


def symptom(server):
    preflight = {"Origin": server.page_origin, "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{server.url}/api/questions", headers=preflight)
    return not answer.is_success, f"The preflight is answered {answer.status_code} {answer.reason_phrase}."
