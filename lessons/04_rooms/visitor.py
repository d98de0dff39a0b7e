"""Who asks, at any way in: a person who is signed in, or a browser with a random id; and a question as they see it."""

import secrets

from flask import request, session
from flask_login import current_user

from . import board, rates


def current_identity():
    """`person:7` for a person who is signed in, else the random id in the browser's session; None if it has none."""
    if current_user.is_authenticated:
        return current_user.who
    if "browser" in session:
        return session["browser"]
    return f"socket:{request.sid}" if hasattr(request, "sid") else None  # an event cannot set a cookie


def admit(what="change"):
    """Count one `what` more, and give a new browser its id; raises rates.TooMany."""
    if current_user.is_authenticated:
        rates.spend(what, current_user.who)
    else:
        rates.spend("guest", request.remote_addr)  # a guest can get many cookies, but has one address
        if what in {"ask", "export"}:
            rates.spend(f"guest_{what}", request.remote_addr)
    if current_identity() is None:
        rates.spend("guest_session", request.remote_addr)
        session.permanent = True
        session["browser"] = secrets.token_urlsafe(16)


def author(typed=""):
    """The name under a question: the account's, or for a guest the one that was typed."""
    return current_user.name if current_user.is_authenticated else typed


def private(question, voted=None):
    """A question for the person who sent this: `mine`, and `voted`."""
    who = current_identity()
    voted = board.voted_by(who) if voted is None else voted
    return {**question.public(), "mine": question.who == who, "voted": question.id in voted}
