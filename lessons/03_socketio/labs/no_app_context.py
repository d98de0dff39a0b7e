"""A task without an app.

Mistake   A background task asks the database, but it runs outside any request, so it has no app.
Symptom   It fails with "Working outside of application context", which only the log shows. The page waits forever.
Cure      Pass it the app itself, and let it open a context: with app.app_context(), as jobs.run does.
"""

from flask import current_app
from socketio import SimpleClient, exceptions

from .. import board, create_app
from ..sockets import socketio


def count():
    socketio.emit("counted", len(board.questions()))


def count_for(app):
    with app.app_context():
        count()


def broken():
    app = create_app()

    @socketio.event
    def how_many():
        socketio.start_background_task(count)

    return app


def cured():
    app = create_app()

    @socketio.event
    def how_many():
        socketio.start_background_task(count_for, current_app._get_current_object())  # `current_app` is only a proxy

    return app


def symptom(server):
    alice = SimpleClient(reconnection=False)  # it closes when the server stops
    alice.connect(server.url, transports=["polling"])
    alice.emit("how_many")
    try:
        _, number = alice.receive(timeout=2)
    except exceptions.TimeoutError:
        said = ", ".join(server.process.printed("^RuntimeError", within=1))
        return True, f"Alice wants to know how many questions there are. After 2 s: nothing. In the log: {said}"
    return False, f"Alice wants to know how many questions there are, and hears: {number}."
