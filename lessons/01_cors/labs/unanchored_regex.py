"""A pattern without an end.

Mistake   The allowed origins are a regular expression that does not end with $.
Symptom   A longer domain matches too: good.example also allows good.example.evil.com.
Cure      End it with $, or list the origins in full.
"""

import httpx

from .. import create_app


def broken():
    return create_app({"PAGE_ORIGIN": r"https://(www\.)?good\.example"})


def cured():
    return create_app({"PAGE_ORIGIN": r"https://(www\.)?good\.example$"})


def symptom(server):
    evil = "https://good.example.evil.com"
    answer = httpx.get(f"{server.url}/api/questions", headers={"Origin": evil})
    reads = answer.headers.get("Access-Control-Allow-Origin") == evil
    return reads, f"{evil} {'reads' if reads else 'may not read'} the board."
