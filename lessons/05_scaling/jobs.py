"""Work that takes a while: it runs in the background and reports how far it is.

A job is a row in the database, and its reports are events on a channel of its own, `job:<id>`. So a page learns how
it ended, even after a restart of the server.
"""

import csv
import io
import re
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import String, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from . import board, events
from .board import db

KEPT = timedelta(days=1)  # how long an export can be fetched
SILENCE = timedelta(seconds=5)  # after this silence, the job's server is gone
COLUMNS = ["id", "text", "author", "votes", "answered", "asked_at", "signed_in"]
HEADER = ",".join(COLUMNS) + "\r\n"
PARTS = 10

under_way = set()  # the jobs that run in this process


def now():
    return datetime.now(UTC).replace(tzinfo=None)


class Job(db.Model):
    """One export: its percentage, and its file or its error."""

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    room: Mapped[str] = mapped_column(String(40))
    percent: Mapped[int] = mapped_column(default=0)
    csv: Mapped[str | None]
    error: Mapped[str | None]
    reported_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    @property
    def done(self):
        return self.csv is not None or self.error is not None

    @property
    def channel(self):
        return f"job:{self.id}"


def start(who, room=board.LOBBY):
    """Begin an export of a room's questions and return its job at once; raises board.SignIn, board.Unknown."""
    board.belong(who, room)
    id = secrets.token_urlsafe(8)
    job = Job(id=id, room=room)
    db.session.add(job)
    events.open_channel(job.channel)
    app = current_app._get_current_object()  # the thread needs the app itself: `current_app` ends with this request
    under_way.add(id)
    threading.Thread(target=run, args=[app, id, room], daemon=True).start()
    return find(who, id)  # raises Unknown if the room was just closed


def run(app, id, room):
    """Run in the thread: write the questions in ten parts, and report each, or that it failed."""
    with app.app_context():
        try:
            delete_old()
            asked = select(board.Question.id).where(board.Question.room == room)
            ids = db.session.scalars(asked.order_by(board.Question.id)).all()
            db.session.commit()  # give the connection back before it sleeps, since others need it
            text = HEADER
            for part in range(1, PARTS + 1):
                time.sleep(app.config["EXPORT_SECONDS"] / PARTS)  # so that you can watch it
                tenth = ids[len(ids) * (part - 1) // PARTS : len(ids) * part // PARTS]
                found = select(board.Question).where(board.Question.id.in_(tenth)).order_by(board.Question.id)
                text += rows(db.session.scalars(found))
                report(id, percent=100 * part // PARTS)
            finish(id, csv=text)
        except Exception:
            app.logger.exception("The export %s failed.", id)
            db.session.rollback()
            finish(id, error="The export failed; the server's log has the details.")
        finally:
            under_way.discard(id)


def delete_old():
    """Delete exports that ended more than a day ago, at most the 100 oldest, with their events."""
    old = select(Job.id).where(Job.reported_at < now() - KEPT).order_by(Job.reported_at).limit(100)
    for id in db.session.scalars(old).all():
        channel = f"job:{id}"
        db.session.execute(delete(Job).where(Job.id == id))
        db.session.execute(delete(events.Event).where(events.Event.channel == channel))
        db.session.execute(delete(events.Channel).where(events.Channel.name == channel))
        db.session.commit()


def rows(questions):
    """Questions as lines of CSV."""
    table = io.StringIO()
    csv.writer(table).writerows([harmless(question.public()[column]) for column in COLUMNS] for question in questions)
    return table.getvalue()


def harmless(value):
    """The text, with ' before each part that a spreadsheet could run as a formula, also after a semicolon.

    See OWASP, "CSV Injection".
    """
    return re.sub("(^|[;\t\r\n] *)([=+@＝＋－＠-])", r"\1'\2", value) if isinstance(value, str) else value


def report(id, percent):
    """Store how far a job is, and send it."""
    job = db.session.get(Job, id)
    if job is None or job.done:
        return  # its room was closed, or it was given up
    job.percent = percent
    publish(job, "job_progress", percent=percent, note=f"{percent} % of the questions are written.")


def finish(id, csv=None, error=None):
    """Store how a job ended, and send it."""
    open_still = update(Job).where(Job.id == id, Job.csv.is_(None), Job.error.is_(None))
    if not db.session.execute(open_still.values(csv=csv, error=error)).rowcount:
        db.session.rollback()
        return  # it was given up meanwhile, perhaps by another worker
    job = db.session.get(Job, id, populate_existing=True)
    publish(job, "job_done", url=url(job), **({"error": error} if error else {}))


def publish(job, type, **data):
    channel = job.channel
    events.record(type, lambda: {"job": job.id, **data}, channel)
    db.session.commit()
    events.notify(channel)


def find(who, id):
    """The job with this id; raises board.Unknown if there is none, or if they are not in its room."""
    job = db.session.get(Job, id)
    try:
        board.belong(who, job.room if job else None)
    except board.BoardError:
        raise board.Unknown("There is no such export.") from None
    return job


def url(job):
    """The URL of its CSV; None while there is none."""
    return f"/api/exports/{job.id}/questions.csv" if job.csv is not None else None


def give_up_lost():
    """Report the jobs as failed that have been silent for too long: their server is gone."""
    why = "The server ended before the export was done; start it again."
    give_up(Job.reported_at < now() - SILENCE, why)


def give_up(which, why):
    """Report those jobs as failed that are not done yet."""
    for id in db.session.scalars(select(Job.id).where(Job.csv.is_(None), Job.error.is_(None), which)).all():
        finish(id, error=why)


def watch(app):
    """Every few seconds, report silent jobs as failed: any worker may die, and perhaps none starts after it."""

    def check():
        while True:
            time.sleep(SILENCE.total_seconds() + 1)
            try:
                with app.app_context():
                    give_up_lost()
            except SQLAlchemyError:
                app.logger.exception("The lost exports could not be given up; the next look does it.")

    threading.Thread(target=check, daemon=True).start()
