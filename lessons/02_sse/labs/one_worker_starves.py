"""One reader, and nobody else is answered.

Mistake   gunicorn runs with its defaults: one sync worker, which answers one request at a time.
Symptom   An event stream is a request that never ends. While one is open, the board answers nobody.
Cure      Give each reader a thread: --worker-class gthread --threads 50.
"""

import sys

import httpx

LESSON = __package__.removesuffix(".labs")
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", f"{LESSON}:create_app()"]
GUNICORN += ["--graceful-timeout", "1"]  # seconds to wait for open streams when gunicorn stops


def broken():
    return GUNICORN


def cured():
    return [*GUNICORN, "--worker-class", "gthread", "--threads", "50"]


def symptom(server):
    with httpx.stream("GET", f"{server.url}/stream"):  # Alice reads
        try:
            answer = httpx.get(f"{server.url}/api/questions", timeout=2)  # Bob asks
        except httpx.ReadTimeout:
            return True, "Alice's stream is open. Bob asks for the questions, and after 2 seconds there is no answer."
    return False, f"Alice's stream is open. Bob asks for the questions and gets {answer.status_code}."
