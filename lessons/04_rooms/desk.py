"""The teacher's desk: a table of a room's questions, made on the server, with forms that work without JavaScript.

It is on the API's origin. CORS and the Origin guard protect the page; the desk's forms need a token that no other site
can know (Flask-WTF), and must not be shown in a frame. See OWASP, "Cross-Site Request Forgery Prevention".
"""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_socketio import Namespace, join_room
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from wtforms import PasswordField, StringField, TextAreaField

from . import auth, board, rates
from .api import SENTENCES, STATUS
from .rooms import change_code
from .sockets import identify, socketio, start_following
from .visitor import admit, current_identity

desk = Blueprint(
    "desk",
    __name__,
    url_prefix="/desk",
    template_folder="templates",
    static_folder="page",
    static_url_path="/page",
)


class SignInForm(FlaskForm):
    name = StringField("Name")
    password = PasswordField("Password")


class SignOutForm(FlaskForm):
    """Only the CSRF token."""


class CodeForm(FlaskForm):
    """Only the CSRF token: the new code is random."""


class QuestionForm(FlaskForm):
    text = TextAreaField("Question")


@desk.before_request
def only_teachers():
    if request.is_json:
        raise board.Invalid("The desk takes forms, not JSON.")
    if not current_user.is_authenticated and request.endpoint != "desk.static":
        rates.spend("guest", request.remote_addr)
        if not session:
            rates.spend("guest_session", request.remote_addr)  # the sign-in form begins a session, which is stored
    if request.endpoint not in {"desk.log_in", "desk.log_out", "desk.static"}:
        if not current_user.is_authenticated:
            return redirect(url_for("desk.log_in"))
        board.must_teach(current_user.who, request.view_args.get("room", board.LOBBY))


@desk.context_processor
def for_every_page():
    return {"sign_out": SignOutForm(formdata=None) if current_user.is_authenticated else None}


@desk.after_request
def in_no_frame(response):
    """Load from and send to this origin only, allow no frame, and no cache. See CSP Level 3."""
    response.content_security_policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    response.cache_control.no_store = True
    return response


@desk.get("")
def rooms():
    """The rooms that this person teaches."""
    taught = select(board.Room).join(board.Member, board.Member.room == board.Room.name)
    mine = taught.where(board.Member.who == current_user.who, board.Member.teacher).order_by(board.Room.name)
    return render_template("desk.html", rooms=board.db.session.scalars(mine).all())


@desk.get("/<room>")
def table(room, problem="", status=200):
    questions, total = board.listed(current_user.who, room)
    rows = [(question, QuestionForm(formdata=None, obj=question)) for question in questions]
    code, form = board.db.session.get(board.Room, room).code, CodeForm(formdata=None)
    page = render_template("room.html", room=room, code=code, form=form, rows=rows, total=total, problem=problem)
    return page, status


@desk.post("/<room>/code")
def new_code(room):
    if not CodeForm().validate():
        return table(room, "This form is too old, or not from this page. Nothing was changed: try again.", 400)
    admit()
    change_code(current_identity(), room)
    flash("The room has a new code. Who is a member stays one.")
    return redirect(url_for("desk.table", room=room), 303)


@desk.post("/<room>/<int:id>")
def change(room, id):
    """Save or delete a question, by the button that was pressed."""
    form = QuestionForm()
    if not form.validate():
        return table(room, "This form is too old, or not from this page. Nothing was changed: try again.", 400)
    admit()
    who, question = current_identity(), board.find(current_user.who, id)
    if question.room != room:
        raise board.Unknown("There is no such question in this room.")
    if "delete" in request.form:
        return render_template("sure.html", room=room, question=question, form=form)
    if "sure" in request.form:
        board.withdraw(who, id)
        flash("Deleted.")
    else:
        answered = {"answered": True, "open": False}.get(request.form.get("mark"), question.answered)
        try:
            board.change(who, id, text=form.text.data, answered=answered)
        except board.Invalid as problem:
            return table(room, str(problem), 400)
        flash("Saved.")
    return redirect(url_for("desk.table", room=room), 303)


@desk.route("/login", methods=["GET", "POST"])
def log_in():
    form, problem = SignInForm(), ""
    if form.is_submitted():
        try:
            if not form.validate():
                raise board.Invalid("This form is too old, or not from this page: try again.")
            auth.sign_in(form.name.data, form.password.data)
            return redirect(url_for("desk.rooms"), 303)
        except board.BoardError as error:
            return render_template("login.html", form=form, problem=str(error)), STATUS[type(error)]
    return render_template("login.html", form=form, problem=problem)


@desk.post("/logout")
def log_out():
    if SignOutForm().validate() and current_user.is_authenticated:
        auth.sign_out(current_user)
        session.clear()
    return redirect(url_for("desk.log_in"), 303)


@desk.errorhandler(board.BoardError)
def board_error(error):
    return render_template("problem.html", problem=str(error), code=STATUS[type(error)]), STATUS[type(error)]


@desk.errorhandler(HTTPException)
def http_error(error):
    sentence = SENTENCES.get(error.code, error.description)
    return render_template("problem.html", problem=sentence, code=error.code), error.code


class Desk(Namespace):
    """Tell the open desks of a room that something is new; they fetch it."""

    def on_connect(self, auth=None):
        who = identify(auth)
        room = auth.get("room") if auth else None
        board.must_teach(who, room)
        join_room(board.channel(room))
        start_following(room)


socketio.on_namespace(Desk("/desk"))
