"""Who is there, by any way in: somebody who is signed in, or a browser with a random id; and what they see."""

import secrets

from flask import request, session
from flask_login import current_user

from . import board, rates


def current_identity():
    """Who it is, if that is known: `person:7`, or the random id that the browser's session has; else None."""
    if current_user.is_authenticated:
        return current_user.who
    if "browser" in session:
        return session["browser"]
    return f"socket:{request.sid}" if hasattr(request, "sid") else None  # an event can set no cookie


def admit(what="change"):
    """Count one more `what`, and give a new browser its id; raises rates.TooMany."""
    if current_user.is_authenticated:
        rates.spend(what, current_user.who)
    else:
        rates.spend("guest", request.remote_addr)  # a guest has as many names as cookies, but one address
        if what in {"ask", "export"}:
            rates.spend(f"guest_{what}", request.remote_addr)
    if current_identity() is None:
        rates.spend("guest_session", request.remote_addr)
        session.permanent = True
        session["browser"] = secrets.token_urlsafe(16)


def author(typed=""):
    """The name under a question: who is signed in has one, others may type any."""
    return current_user.name if current_user.is_authenticated else typed


def private(question, voted=None):
    """A question as the one who asks sees it: is it mine, did I vote for it?"""
    who = current_identity()
    voted = board.voted_by(who) if voted is None else voted
    return {**question.public(), "mine": question.who == who, "voted": question.id in voted}
