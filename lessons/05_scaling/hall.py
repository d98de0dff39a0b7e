"""The hall: the load of the workers, live, for teachers."""

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask_login import current_user

from . import board
from .desk import in_no_frame

hall = Blueprint("hall", __name__, url_prefix="/hall")
hall.after_request(in_no_frame)


@hall.before_request
def only_teachers():
    if not current_user.is_authenticated:
        return redirect(url_for("desk.log_in"))
    board.must_teach(current_user.who, board.LOBBY)


@hall.get("")
def show():
    return render_template("hall.html")


@hall.get("/numbers")
def numbers():
    """What each worker measures of itself, {workers: {name: {…}}}, and the last fault: {what, at, seconds}, or null."""
    presence = current_app.extensions["presence"]
    workers = {name: each["numbers"] for name, each in sorted(presence.lists.items())}
    faults = [each["fault"] for each in presence.lists.values() if each["fault"]]
    return {"workers": workers, "fault": max(faults, key=lambda fault: fault["at"], default=None)}
