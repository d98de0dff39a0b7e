"""Any origin, with cookies.

Mistake   CORS(app, supports_credentials=True) is called without a list of origins, because "it works now".
Symptom   Flask-CORS allows every origin that asks, so any page reads what your cookie may read.
Cure      Name the origins that may send cookies, as create_app does.
"""

import httpx
from flask_cors import CORS

from .. import create_app


def broken():
    app = create_app()
    CORS(app, supports_credentials=True)
    return app


def cured():
    return create_app()


def symptom(server):
    stranger = "http://localhost:9999"  # any program on this machine: the same site, so the browser sends cookies
    answer = httpx.get(f"{server.url}/api/questions", headers={"Origin": stranger})
    origin = answer.headers.get("Access-Control-Allow-Origin")
    cookies = answer.headers.get("Access-Control-Allow-Credentials")
    reads = origin == stranger and cookies == "true"
    return reads, f"A page at {stranger} {'reads what your cookie may read' if reads else 'reads nothing'}."
