"""A slash too many.

Mistake   The allowed origin ends with a slash, as if it were an address.
Symptom   It matches no page: an origin is scheme, host and port, with nothing after them.
Cure      Leave the slash out.
"""

import httpx

from .. import create_app
from ..config import DEFAULTS


def broken():
    return create_app({"PAGE_ORIGIN": DEFAULTS["PAGE_ORIGIN"] + "/"})


def cured():
    return create_app({"PAGE_ORIGIN": DEFAULTS["PAGE_ORIGIN"]})


def symptom(server):
    page = DEFAULTS["PAGE_ORIGIN"]
    answer = httpx.get(f"{server.url}/api/questions", headers={"Origin": page})
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    return allowed != page, f"{page} asks; Access-Control-Allow-Origin: {allowed or '(not sent)'}"
