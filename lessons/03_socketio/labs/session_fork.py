"""An id that only the socket knows.

Mistake   The page opens its socket first, and the first event puts the browser's id into the session.
Symptom   A socket has a copy of the session, made on connect, and cannot set a cookie: HTTP never sees the id.
Cure      Let an HTTP request set the id before the socket opens, here PUT /api/browser. If it is late, reconnect.
"""

import httpx
from socketio import SimpleClient

from .. import create_app


def broken():
    app = create_app()
    app.view_functions["visitors.introduce"] = lambda: ("", 204)  # so `ask` makes the id when it needs one
    return app


def cured():
    return create_app()


def symptom(server):
    socket = SimpleClient(reconnection=False)  # it closes when the server stops
    with httpx.Client(base_url=server.url) as http:
        http.put("/api/browser").raise_for_status()
        cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        socket.connect(server.url, {"Cookie": cookie}, transports=["polling"], namespace="/board")
        asked = socket.call("ask", {"text": "Whose is this?", "key": "alice 1"}, timeout=5)["question"]
        (found,) = http.get("/api/questions").json()
    seen = f"Alice asks a question. Over the socket it has mine: {asked['mine']}, over HTTP mine: {found['mine']}."
    return asked["mine"] and not found["mine"], seen
