"""Trusting the client.

Mistake   The page says who is a teacher: it sends {"teacher": true}, and the handler believes it.
Symptom   Anybody can write a client that sends the same.
Cure      In each handler, take the identity from the session and the rights from the database: board.teaches.
"""

import httpx
from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_socketio import SocketIO
from socketio import SimpleClient

TEACHERS = {"grace"}


class Person(UserMixin):
    def __init__(self, name):
        self.id = name


def app(may_delete):
    app = Flask(__name__)
    app.config.from_prefixed_env()  # SECRET_KEY
    LoginManager(app).user_loader(Person)
    socketio = SocketIO(app, async_mode="threading")

    @app.post("/login/<name>")  # the password is left out here
    def login(name):
        login_user(Person(name))
        return ""

    @socketio.event
    def delete(sent):
        return "deleted" if may_delete(sent) else "Only a teacher may do that."

    return app


def broken():
    return app(lambda sent: sent["teacher"])


def cured():
    return app(lambda sent: current_user.is_authenticated and current_user.id in TEACHERS)


def symptom(server):
    cookies = httpx.post(f"{server.url}/login/ada").cookies
    ada = SimpleClient(reconnection=False)
    ada.connect(server.url, {"Cookie": f"session={cookies['session']}"}, transports=["polling"])
    answer = ada.call("delete", {"id": 1, "teacher": True}, timeout=5)
    return answer == "deleted", f"Ada, a learner, sends teacher: true. The acknowledgement: {answer}"
