"""Who you are: people with names and passwords, their sessions and tokens, and the end of these.

Passwords are stored as Werkzeug's salted hashes, sessions in the database by Flask-Session: the cookie holds nothing
but a random number. See OWASP, "Session Management" and "Password Storage".
"""

import functools
import secrets
from urllib.parse import urlsplit

import click
import flask_session.sqlalchemy.sqlalchemy as stored_sessions
from flask import Blueprint, current_app, request, session
from flask.cli import AppGroup
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_session import Session
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import String, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

from . import board, engine, events, rates
from .api import fields
from .board import db
from .visitor import current_identity

DEMO_PASSWORD = "live-flask"
DEMO_NAMES = ["grace", "ada", "ben"]
NOBODY = generate_password_hash(secrets.token_hex())  # checked for a name that nobody has, so that it takes as long


class Users(AppGroup):
    """Commands that show an error as one sentence, without a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except board.BoardError as problem:
            raise click.ClickException(str(problem)) from None


auth = Blueprint("auth", __name__, url_prefix="/api")
users = Users("users", help="The people who may sign in.")
login = LoginManager()
login.session_protection = None  # it would write into every session

# Flask-Session would define its table once for each app; two apps in one process, as in tests, share it.
stored_sessions.create_session_model = functools.cache(stored_sessions.create_session_model)
stored_sessions.create_session_model(db, "sessions", None, None, None)


class Person(UserMixin, db.Model):
    """A person who can sign in. A new `session_version` ends all sessions and tokens that have the old one."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(board.AUTHOR_LENGTH), unique=True)
    password: Mapped[str]  # its hash
    session_version: Mapped[str] = mapped_column(default=secrets.token_hex)

    @property
    def who(self):
        return f"person:{self.id}"

    def get_id(self):
        """What Flask-Login puts into the session, and `token_for` into the token."""
        return f"{self.id}.{self.session_version}"


@login.user_loader
def still_signed_in(text):
    """The person of a session or a token; None if it has ended."""
    id, _, session_version = text.partition(".")
    person = db.session.get(Person, int(id), populate_existing=True)
    return person if person and secrets.compare_digest(person.session_version, session_version) else None


def must_still_be_signed_in():
    """Check once more, after a stream or a socket was registered, that the session still holds; raises board.SignIn."""
    if current_user.is_authenticated and not still_signed_in(current_user.get_id()):
        raise board.SignIn("You have been signed out.")


@login.request_loader
def by_token(request):
    """A client without a session may send a token: over HTTP in each request, over Socket.IO when it connects."""
    if request.authorization and request.authorization.type == "bearer":
        return from_token(request.authorization.token)
    return still_signed_in(request.environ["board.token"]) if "board.token" in request.environ else None


def open_auth(app):
    """Set up sessions of people, in the database."""
    app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=db, SESSION_PERMANENT=False)
    app.config["SESSION_CLEANUP_N_REQUESTS"] = 1000  # delete old sessions about once in 1,000 requests
    app.config["REMEMBER_COOKIE_NAME"] = secrets.token_hex()  # not used: nobody can guess the name
    Session(app)
    find = app.session_interface._retrieve_session_data  # PostgreSQL cannot look for a zero byte
    app.session_interface._retrieve_session_data = lambda number: find(number) if number.isprintable() else None
    login.init_app(app)
    app.cli.add_command(users)
    app.register_blueprint(auth)


def check(name, password):
    """The person with this name and password; raises board.Invalid, board.SignIn, rates.TooMany."""
    name = board.clean(name, "A name", 1, board.AUTHOR_LENGTH)
    password = board.clean(password, "A password", 1, 200, "NFKC")
    rates.spend("address", request.remote_addr)
    rates.spend("login", request.remote_addr, board.skeleton(name))
    person = named(name)
    stored = person.password if person else NOBODY
    db.session.commit()  # give the connection back: the check takes a while
    if not engine.in_thread(check_password_hash, stored, password) or not person:
        raise board.SignIn("The name or the password is wrong.")
    return person


def sign_in(name, password):
    """Begin a session with a new number, in case an attacker put the old one into this browser."""
    person, before = check(name, password), current_identity()
    session.clear()
    session.permanent = True
    login_user(person)
    current_app.session_interface.regenerate(session)  # last: an empty session would keep its number
    if before not in {None, person.who}:
        end_connections(before)  # this browser's other tabs reconnect as the new person


def sign_out(person):
    """End all sessions, tokens, sockets and streams of this person, on every device."""
    person.session_version = secrets.token_hex()
    end_connections(person.who)


def end_connections(who):
    """Commit, and let every process close the sockets and streams of a person who has lost a right."""
    board.happened.send("ended", data=lambda: {"who": who}, channel="people")
    db.session.commit()
    board.saved.send("people")


def token_for(person):
    return tokens().dumps(person.get_id())


def from_token(text):
    """The person of a token; None if it is forged, too old, or has ended."""
    try:
        return still_signed_in(tokens().loads(text, max_age=current_app.config["TOKEN_SECONDS"]))
    except (BadSignature, TypeError, AttributeError, ValueError):
        return None


def tokens():
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="token")


def authenticated_only(handler):
    """A decorator for a view or an event's handler: raises board.SignIn for guests."""

    @functools.wraps(handler)
    def guarded(*args, **kwargs):
        if not current_user.is_authenticated:
            raise board.SignIn("Sign in first.")
        return handler(*args, **kwargs)

    return guarded


def described():
    """Who is signed in: {name, teacher, rooms}, each room {name, teacher, code}; only teachers see the code."""
    lobby = {"name": board.LOBBY, "teacher": False, "code": None}
    if not current_user.is_authenticated:
        return {"name": None, "teacher": False, "rooms": [lobby]}
    mine = select(board.Member, board.Room.code).join(board.Room, board.Room.name == board.Member.room)
    found = db.session.execute(mine.where(board.Member.who == current_user.who).order_by(board.Member.room))
    rooms = {board.LOBBY: lobby}
    for member, code in found:
        shown = code if member.teacher and member.room != board.LOBBY else None
        rooms[member.room] = {"name": member.room, "teacher": member.teacher, "code": shown}
    return {"name": current_user.name, "teacher": rooms[board.LOBBY]["teacher"], "rooms": list(rooms.values())}


@auth.post("/login")
def log_in():
    sign_in(**credentials())
    return described()


@auth.post("/logout")
def log_out():
    if current_user.is_authenticated:
        sign_out(current_user)
    session.clear()  # an empty session is deleted, with its cookie
    return "", 204


@auth.get("/me")
def who_am_i():
    return described()


@auth.post("/tokens")
def new_token():
    """Give a client without cookies a token for its name and password, for an hour."""
    return {"token": token_for(check(**credentials())), "seconds": current_app.config["TOKEN_SECONDS"]}, 201


def credentials():
    return {"name": None, "password": None} | fields("name", "password")


@users.command("add")
@click.argument("names", nargs=-1, required=True)
@click.option("--teacher", is_flag=True, help="They may open rooms, and look after the lobby.")
@click.option("--password", help="One is made for each if you give none.")
def add_users(names, teacher, password):
    """Add people, and print their passwords."""
    for name in names:
        chosen = password or secrets.token_urlsafe(9)
        add(name, chosen, teacher)
        click.echo(f"{name}: {chosen}")


@users.command("password")
@click.argument("name")
@click.option("--password", help="One is made if you give none.")
def change_password(name, password):
    """Give a person a new password, which signs them out everywhere."""
    person = named(name)
    if person is None:
        raise board.Unknown(f"There is nobody called {name}.")
    chosen = password or secrets.token_urlsafe(9)
    person.password = generate_password_hash(board.clean(chosen, "A password", 1, 200, "NFKC"))
    sign_out(person)
    click.echo(f"{name}: {chosen}")


def named(name):
    """The person with this name, in small or capital letters; None if there is none."""
    wanted = board.skeleton(name)
    for person in db.session.scalars(select(Person)):
        if board.skeleton(person.name) == wanted:
            return person


def add(name, password, teacher):
    """Add a person, as a teacher or not; raises board.Invalid, also if the name looks like one that exists."""
    name, password = board.clean_name(name, 1), board.clean(password, "A password", 1, 200, "NFKC")
    other = named(name)
    if other:
        raise board.Invalid(f"There is somebody called {other.name} already.")
    person = Person(name=name, password=generate_password_hash(password))
    db.session.add(person)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise board.Invalid(f"There is somebody called {name} already.") from None
    if teacher:
        db.session.add(board.Member(room=board.LOBBY, who=person.who, teacher=True))
    db.session.commit()


def seed(app):
    """On the first start, make the lobby, and the demo class."""
    db.session.add(board.Room(name=board.LOBBY, code=""))
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()  # it is not the first start
    else:
        if app.config["DEMO_CLASS"]:
            demo_class()
        db.session.commit()
    if urlsplit(app.config["API_URL"]).hostname not in {"localhost", "127.0.0.1"}:
        change_known_passwords()


def demo_class():
    password = generate_password_hash(DEMO_PASSWORD)
    grace, ada, _ = people = [Person(name=name, password=password) for name in DEMO_NAMES]
    db.session.add_all([board.Room(name="physics", code="apple"), events.Channel(name="room:physics"), *people])
    db.session.flush()
    for room in (board.LOBBY, "physics"):
        db.session.add(board.Member(room=room, who=grace.who, teacher=True))
    db.session.add(board.Member(room="physics", who=ada.who))
    print(
        f" * A demo class is here: grace, who teaches, ada and ben, all with the password {DEMO_PASSWORD}; and the room"
        " physics, with grace, ada, and the code apple. FLASK_DEMO_CLASS=false makes none.",
        flush=True,
    )


def change_known_passwords():
    """If others can reach the API, print a new password for each person who has the one in the notes."""
    for person in db.session.scalars(select(Person).where(Person.name.in_(DEMO_NAMES))).all():
        if check_password_hash(person.password, DEMO_PASSWORD):
            chosen = secrets.token_urlsafe(9)
            new = {"password": generate_password_hash(chosen), "session_version": secrets.token_hex()}
            current_identity = update(Person).where(Person.id == person.id, Person.password == person.password)
            if db.session.execute(current_identity.values(new)).rowcount:  # else another worker has done it
                print(f" * Others can reach this server, so {person.name} has a new password: {chosen}", flush=True)
            db.session.commit()
