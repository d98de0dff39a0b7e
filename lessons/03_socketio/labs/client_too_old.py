"""A client of another time.

Mistake   The page loads a Socket.IO client from a tutorial's address: release 2, which speaks Engine.IO's protocol 3.
Symptom   The server speaks 4. It answers 400, and the page shows nothing.
Cure      Take the client from the server, in the release that fits: /client/socket.io.esm.min.js, by client.py.

A whole old client is not needed to see it: the broken variant hands out the line by which release 2 says its protocol.
"""

import re

import httpx

from .. import create_app

RELEASE_2 = "query.EIO = 3;  // as in engine.io-client 3, lib/socket.js"


def broken():
    app = create_app()
    app.view_functions["client.browser_client"] = lambda name: RELEASE_2
    return app


def cured():
    return create_app()


def symptom(server):
    client = httpx.get(f"{server.url}/client/socket.io.esm.min.js").text
    protocol = re.search(r"\.EIO ?= ?(\d)", client)[1]
    answer = httpx.get(f"{server.url}/socket.io/", params={"EIO": protocol, "transport": "polling"})
    said = "welcome" if answer.status_code == 200 else answer.json()
    return answer.status_code != 200, f"The client says EIO={protocol} and hears: {answer.status_code}, {said}"
