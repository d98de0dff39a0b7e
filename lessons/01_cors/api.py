"""The board over HTTP: JSON in, JSON out, and every error one sentence.

Three ways in, each with its own cross-origin policy: `/api` for our page (set in create_app), `/widget` for
every page, and the one view `/export/questions.csv`.
"""

import csv
import io
import json
import secrets

from flask import Blueprint, current_app, request, session, url_for
from flask_cors import CORS, cross_origin
from werkzeug.exceptions import Forbidden, HTTPException

from . import board

api = Blueprint("api", __name__, url_prefix="/api/questions")
widget = Blueprint("widget", __name__, url_prefix="/widget")
export = Blueprint("export", __name__, url_prefix="/export")

CORS(widget, send_wildcard=True)

STATUS = {board.Invalid: 400, board.NotYours: 403, board.Unknown: 404}
SENTENCES = {
    400: "The body is not valid JSON.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "A body may hold 16 KiB at the most.",
    415: "Send JSON, and say so: Content-Type: application/json.",
    500: "Something went wrong here; the server's log has the details.",
}


@api.before_request
def only_our_page_changes_the_board():
    """Refuse a change that another site's page sends: CORS hides answers, but it stops no request.

    Browsers send Origin with every request that changes something. A program may leave it out, but it has no
    cookies that could be misused. See OWASP, "Cross-Site Request Forgery Prevention: Verifying Origin".
    """
    changes = request.method in {"POST", "PUT", "PATCH", "DELETE"}
    if changes and request.origin not in {None, current_app.config["PAGE_ORIGIN"]}:
        raise Forbidden("Only the board's own page may change the board.")


@api.after_app_request
def vary_by_origin(response):
    """Flask-CORS sends `Vary: Origin` only for several origins, but the answers differ with one allowed origin, too."""
    response.vary.add("Origin")
    return response


@api.get("")
def list_questions():
    questions, total = board.listed()
    voted = board.voted_by(session.get("browser"))
    return [private(q, voted) for q in questions], {"X-Total-Count": total}


@api.post("")
def ask():
    question = board.ask(browser(), **fields("text", "author"))
    return private(question), 201, {"Location": url_for("api.show", id=question.id)}


@api.get("/<int:id>")
def show(id):
    return private(board.find(id))


@api.patch("/<int:id>")
def change(id):
    return private(board.change(browser(), id, **fields("text", "answered")))


@api.delete("/<int:id>")
def withdraw(id):
    board.withdraw(browser(), id)
    return "", 204


@api.put("/<int:id>/vote")
def vote(id):
    return private(board.vote(browser(), id))


@api.delete("/<int:id>/vote")
def unvote(id):
    return private(board.unvote(browser(), id))


@widget.get("/top")
def top():
    """The three questions with the most votes, for any page to show; asks for no cookie."""
    return [q.public() for q in board.questions(3)]


@export.get("/questions.csv")
@cross_origin(methods=["GET"], expose_headers=["Content-Disposition"])
def questions_csv():
    table = io.StringIO()
    writer = csv.DictWriter(table, ["id", "text", "author", "votes", "answered", "asked_at"])
    writer.writeheader()
    writer.writerows(q.public() for q in board.questions())
    return (
        table.getvalue(),
        {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": "attachment; filename=questions.csv"},
    )


def private(question, voted=None):
    """A question for the browser that sent this request: `mine`, and `voted`."""
    me = session.get("browser")
    voted = board.voted_by(me) if voted is None else voted
    return {**question.public(), "mine": question.browser == me, "voted": question.id in voted}


def browser():
    """The random id of the browser that asks, made when it first needs one; Flask signs the cookie that keeps it."""
    session.permanent = True
    return session.setdefault("browser", secrets.token_urlsafe(16))


def fields(*names):
    """Those fields of the JSON body that were sent; raises board.Invalid unless the body is an object."""
    try:
        request.get_data()
        if request.content_length is None:  # it came in chunks, and Werkzeug stops reading at the limit
            request.stream.read(1)  # one byte more: raises 413
        body = request.get_json()
    except RecursionError:
        body = None  # too many brackets inside each other
    if not isinstance(body, dict):
        raise board.Invalid("The body must be a JSON object.")
    return {name: body[name] for name in names if name in body}


@api.after_app_request
def keep_no_copy(response):
    """The Back button shows the board as it is now: no answer is stored (RFC 9111, section 5.2.2.5)."""
    if response.is_json:
        response.cache_control.no_store = True
    return response


def answer_errors(app):
    """Give every error the same shape, {"error": "one sentence"}, with the status that fits."""

    @app.errorhandler(board.BoardError)
    def board_error(error):
        return {"error": str(error)}, STATUS[type(error)]

    @app.errorhandler(HTTPException)
    def http_error(error):
        response = error.get_response()
        response.data = json.dumps({"error": SENTENCES.get(error.code, error.description)})
        response.content_type = "application/json"
        return response
