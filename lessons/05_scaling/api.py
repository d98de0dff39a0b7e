"""The board over HTTP: JSON in, JSON out, and every error one sentence.

Three ways in, each with its own cross-origin policy: `/api` for our page (set in create_app), `/widget` for
every page, and the one view `/export/questions.csv`. `/api/exports` makes the same export in the background,
`/api/browser` gives a browser its id.
"""

import json

from flask import Blueprint, current_app, request, url_for
from flask_cors import CORS, cross_origin
from werkzeug.exceptions import Forbidden, HTTPException

from . import board, jobs, rates
from .visitor import admit, author, current_identity, private

api = Blueprint("api", __name__, url_prefix="/api/questions")
widget = Blueprint("widget", __name__, url_prefix="/widget")
export = Blueprint("export", __name__, url_prefix="/export")
exports = Blueprint("exports", __name__, url_prefix="/api/exports")
visitors = Blueprint("visitors", __name__, url_prefix="/api/browser")

CORS(widget, send_wildcard=True)

CSV_HEADERS = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": "attachment; filename=questions.csv",
}
STATUS = {board.Invalid: 400, board.SignIn: 401, board.NotYours: 403, board.Unknown: 404, rates.TooMany: 429}
SENTENCES = {
    400: "The body is not valid JSON.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "A body may hold 16 KiB at the most.",
    415: "Send JSON, and say so: Content-Type: application/json.",
    500: "Something went wrong here; the server's log has the details.",
}


@api.before_app_request
def read_the_whole_body():
    """Read the body first, without a database connection: a slow client would keep one, and there are few."""
    board.db.session.commit()  # loading the session has opened one
    request.get_data()


@api.before_app_request
def only_our_page_changes_the_board():
    """Refuse a change that another site's page sends: CORS hides answers, but it stops no request.

    Browsers send Origin with every request that changes something. A program may leave it out, but it has no
    cookies that could be misused. See OWASP, "Cross-Site Request Forgery Prevention: Verifying Origin".
    """
    changes = request.method in {"POST", "PUT", "PATCH", "DELETE"}
    own = current_app.config["API_URL" if request.blueprint == "desk" else "PAGE_ORIGIN"]
    if changes and request.origin not in {None, own}:
        raise Forbidden("Only the board's own page may change the board.")


@api.after_app_request
def vary_by_origin(response):
    """Flask-CORS sends `Vary: Origin` only for several origins, but the answers differ with one allowed origin, too."""
    response.vary.add("Origin")
    response.headers["X-Content-Type-Options"] = "nosniff"  # a browser must not take text for HTML
    return response


@api.get("")
def list_questions():
    questions, total = board.listed(current_identity(), room())
    voted = board.voted_by(current_identity())
    return [private(q, voted) for q in questions], {"X-Total-Count": total}


@api.post("")
def ask():
    sent = fields("text", "author", "key")
    admit("ask")
    question = board.ask(current_identity(), **sent | {"author": author(sent.get("author", "")), "room": room()})
    return private(question), 201, {"Location": url_for("api.show", id=question.id)}


@api.get("/<int:id>")
def show(id):
    return private(board.find(current_identity(), id))


@api.patch("/<int:id>")
def change(id):
    admit()
    return private(board.change(current_identity(), id, **fields("text", "answered")))


@api.delete("/<int:id>")
def withdraw(id):
    admit()
    board.withdraw(current_identity(), id)
    return "", 204


@api.put("/<int:id>/vote")
def vote(id):
    admit()
    return private(board.vote(current_identity(), id))


@api.delete("/<int:id>/vote")
def unvote(id):
    admit()
    return private(board.unvote(current_identity(), id))


@visitors.put("")
def introduce():
    """Give the browser its id, if it has none. A page asks before it opens a socket, which cannot set a cookie."""
    admit()
    return "", 204


@widget.get("/top")
def top():
    """The three questions with the most votes, for any page to show; asks for no cookie."""
    return [q.public() for q in board.questions(current_identity(), most=3)]


@export.get("/questions.csv")
@cross_origin(methods=["GET"], expose_headers=["Content-Disposition"])
def questions_csv():
    return jobs.HEADER + jobs.rows(board.questions(current_identity())), CSV_HEADERS


@exports.post("")
def start_export():
    admit("export")
    job = jobs.start(current_identity(), room())
    return state(job), 202, {"Location": url_for("exports.show_export", id=job.id)}


@exports.get("/<id>")
def show_export(id):
    return state(jobs.find(current_identity(), id))


@exports.get("/<id>/questions.csv")
def exported(id):
    job = jobs.find(current_identity(), id)
    if job.csv is None:
        raise board.Unknown("This export has no file, or not yet.")
    return job.csv, CSV_HEADERS


def state(job):
    """A job as JSON: its percentage, and the URL of its file when there is one."""
    answer = {"job": job.id, "percent": job.percent, "done": job.done, "url": jobs.url(job)}
    return {**answer, "error": job.error} if job.error else answer


def room():
    """The room in the URL, as in ?room=physics; else the lobby."""
    return request.args.get("room", board.LOBBY)


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
        later = {"Retry-After": error.seconds} if isinstance(error, rates.TooMany) else {}
        return {"error": str(error)}, STATUS[type(error)], later

    @app.errorhandler(HTTPException)
    def http_error(error):
        response = error.get_response()
        response.data = json.dumps({"error": SENTENCES.get(error.code, error.description)})
        response.content_type = "application/json"
        return response
