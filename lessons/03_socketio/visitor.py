"""Who asks: a browser's random id, kept in Flask's session, and a question as this browser sees it."""

import secrets

from flask import session

from . import board


def browser():
    """The random id of the browser that asks, made when it first needs one; Flask signs the cookie that keeps it."""
    session.permanent = True
    return session.setdefault("browser", secrets.token_urlsafe(16))


def private(question, voted=None):
    """A question for the browser that sent this request: `mine`, and `voted`."""
    me = session.get("browser")
    voted = board.voted_by(me) if voted is None else voted
    return {**question.public(), "mine": question.browser == me, "voted": question.id in voted}
