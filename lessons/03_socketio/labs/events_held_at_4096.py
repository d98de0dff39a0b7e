"""An event stream that stops at 4,095 bytes.

Mistake   eventlet serves an event stream with its defaults, as `socketio.run` does.
Symptom   Its server collects 4,096 bytes before it sends any. One event is shorter, and never arrives.
Cure      Set minimum_chunk_size=1 for the server, as in engine.py.
"""

import sys

import httpx
from httpx_sse import connect_sse

from .. import create_app, engine


def broken():
    return [sys.executable, "-m", __name__, "as it comes", "{port}"]


def cured():
    return [sys.executable, "-m", __name__, "with minimum_chunk_size", "{port}"]


def symptom(server):
    httpx.post(f"{server.url}/api/questions", json={"text": "Does this arrive?"}).raise_for_status()
    url = f"{server.url}/stream?last_event_id=0"
    try:
        with httpx.Client(timeout=1) as alice, connect_sse(alice, "GET", url) as stream:
            event = next(stream.iter_sse())
    except httpx.ReadTimeout:
        return True, "Alice opens the stream, where an event is waiting for her. After a second she has nothing."
    return False, f"Alice opens the stream, where an event is waiting for her. She gets it: {event.event}."


def serve(variant, port):
    if variant == "as it comes":
        from eventlet import listen, wsgi

        wsgi.server(listen(("127.0.0.1", port)), create_app())
    engine.serve(create_app(), "127.0.0.1", port)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
