"""Four workers, one port.

Mistake   gunicorn -w 4: any of the four processes may answer the next request of a client.
Symptom   Long polling begins with three requests. The first opens a session at one worker. Another worker gets the
          next, and answers: Invalid session.
Cure      Use gunicorn -w 1, as in deploy/gunicorn.conf.py. For more workers, start it several times behind a proxy
          that keeps each client at its worker: see the lab no_sticky.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from flask import Flask
from flask_socketio import SocketIO

FILE = Path(__file__)
GUNICORN = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", "gthread", "--chdir", str(FILE.parent)]
GUNICORN += ["--preload", f"{FILE.stem}:app"]  # so that all workers run when the first client connects

app = Flask(__name__)
SocketIO(app, async_mode="threading")


def broken():
    return [*GUNICORN, "-w", "4"]


def cured():
    return [*GUNICORN, "-w", "1"]


def symptom(server):
    return twenty_come(server.url)


def twenty_come(url):
    """Whether one of twenty clients is refused, and a sentence on the result. Five connect at a time."""
    with ThreadPoolExecutor(5) as five:
        refused = [answer for answer in five.map(come, [url] * 20) if answer.is_error]
    rest = f" The others hear: {refused[0].status_code} {refused[0].text}" if refused else ""
    return bool(refused), f"Of twenty clients with long polling {20 - len(refused)} get in.{rest}"


def come(url):
    """The last answer to a new client: it opens a session, connects and asks for the result, or is refused before that.

    It keeps cookies, but each request has its own connection, as browsers and proxies may do at any time.
    """
    query = {"EIO": "4", "transport": "polling"}
    with httpx.Client(base_url=url, headers={"Connection": "close"}) as browser:
        opened = browser.get("/socket.io/", params=query).text  # 0{"sid": …}
        query["sid"] = json.loads(opened[1:])["sid"]
        entered = browser.post("/socket.io/", params=query, content="40")
        return entered if entered.is_error else browser.get("/socket.io/", params=query)
