"""Rooms forgotten.

Mistake   The client enters its room once, when the page opens.
Symptom   After a reconnect, it is a new client to the server, and in no room: it is connected, but receives nothing.
Cure      Send the room with every connection: auth={"room": …, "after": …}, and let `connect` put the client there.
"""

import secrets

import httpx
from socketio import SimpleClient, exceptions

from .. import create_app, sockets
from ..sockets import socketio


def broken():
    app = create_app()

    @socketio.on("connect", namespace="/board")
    def come(auth):
        sockets.identify(auth)  # find out who it is, and do nothing else

    return app


def cured():
    return create_app()


def symptom(server):
    ada = client(server, "ada")
    ada.call("enter", {"room": "physics"}, timeout=5)
    ada.disconnect()  # the connection breaks
    grace, ada = client(server, "grace"), client(server, "ada", room="physics")
    sent = {"room": "physics", "text": "Is ada back?", "key": secrets.token_hex(4)}
    grace.call("ask", sent, timeout=5)
    heard = []
    try:
        while "question_asked" not in heard:
            heard.append(ada.receive(timeout=2)[0])
    except exceptions.TimeoutError:
        pass
    back = "question_asked" in heard
    return not back, f"Ada comes back, grace asks. Ada hears the question: {'yes' if back else 'no'}."


def client(server, name, **auth):
    answer = httpx.post(f"{server.url}/api/tokens", json={"name": name, "password": "live-flask"})
    found = SimpleClient(reconnection=False)
    found.connect(server.url, auth=answer.json() | auth, transports=["polling"], namespace="/board")
    return found
