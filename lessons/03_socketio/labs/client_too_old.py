"""A client that is too old.

Mistake   The page loads a Socket.IO client from a tutorial's address: release 2, which speaks Engine.IO's protocol 3.
Symptom   The server speaks protocol 4. It answers 400, and the page shows nothing.
Cure      Load the client from the server, which has the right release: /client/socket.io.esm.min.js, see client.py.

The lab needs no complete old client: the broken variant serves the one line in which release 2 names its protocol.
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
