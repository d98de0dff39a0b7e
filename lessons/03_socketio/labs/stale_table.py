"""A stale table.

Mistake   The server reads the questions once, when it starts, and the task sends this table again and again.
Symptom   The table keeps arriving and looks live, but questions asked after the start are never in it.
Cure      Read it again each time, in a new app context, which opens and closes a database session of its own.
"""

import time

import httpx
from socketio import SimpleClient

from .. import board, create_app
from ..sockets import socketio


def texts():
    return [question.text for question in board.questions()]


def tell(table):
    """Send the table to everybody, again and again."""
    while True:
        socketio.emit("table", {"questions": table()})
        socketio.sleep(0.2)


def broken():
    app = create_app()
    with app.app_context():
        table = texts()
    socketio.start_background_task(tell, lambda: table)
    return app


def cured():
    app = create_app()

    def table():
        with app.app_context():
            return texts()

    socketio.start_background_task(tell, table)
    return app


def symptom(server):
    question, tables = "Is this in the table?", 0
    alice = SimpleClient(reconnection=False)  # it closes when the server stops
    alice.connect(server.url, transports=["polling"])
    httpx.post(f"{server.url}/api/questions", json={"text": question}).raise_for_status()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        _, table = alice.receive(timeout=2)
        tables += 1
        if question in table["questions"]:
            return False, f"Bob asks a question. It is in table number {tables} that Alice gets after that."
    return True, f"Bob asks a question. Alice gets {tables} tables after that, and it is in none of them."
