"""Given: Socket.IO's client for browsers, in the version of package-lock.json."""

from pathlib import Path

from flask import Blueprint, send_from_directory

from . import board

client = Blueprint("client", __name__, url_prefix="/client")


@client.get("/<name>")
def browser_client(name):
    for folder in Path(__file__).parents:
        if (folder / "node_modules/socket.io-client/dist").is_dir():
            return send_from_directory(folder / "node_modules/socket.io-client/dist", name)
    raise board.Unknown("The browser's half of Socket.IO is missing here: npm install socket.io-client@4")
