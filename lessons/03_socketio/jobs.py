"""Work that takes a while: it runs in the background and reports how far it is.

A job is a row in the database, and its reports are events on a channel of its own, `job:<id>`. So a page learns how
it ended, even after a restart of the server.
"""

import csv
import io
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from . import board, events
from .board import db

KEPT = timedelta(days=1)  # how long an export can be fetched
SILENCE = timedelta(seconds=5)  # after this silence, the job's server is gone
COLUMNS = ["id", "text", "author", "votes", "answered", "asked_at"]
HEADER = ",".join(COLUMNS) + "\r\n"
PARTS = 10


def now():
    return datetime.now(UTC).replace(tzinfo=None)


class Job(db.Model):
    """One export: its percentage, and its file or its error."""

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
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


def start():
    """Begin an export and return its job at once."""
    job = Job(id=secrets.token_urlsafe(8))
    db.session.add(job)
    events.open_channel(job.channel)
    app = current_app._get_current_object()  # the thread needs the app itself: `current_app` ends with this request
    threading.Thread(target=run, args=[app, job.id], daemon=True).start()
    return job


def run(app, id):
    """Run in the thread: write the questions in ten parts, and report each, or that it failed."""
    with app.app_context():
        try:
            delete_old()
            ids = db.session.scalars(select(board.Question.id).order_by(board.Question.id)).all()
            text = HEADER
            for part in range(1, PARTS + 1):
                time.sleep(app.config["EXPORT_SECONDS"] / PARTS)  # so that you can watch it
                tenth = ids[len(ids) * (part - 1) // PARTS : len(ids) * part // PARTS]
                text += rows(db.session.scalars(select(board.Question).where(board.Question.id.in_(tenth))))
                report(id, percent=100 * part // PARTS)
            finish(id, csv=text)
        except Exception:
            app.logger.exception("The export %s failed.", id)
            db.session.rollback()
            finish(id, error="The export failed; the server's log has the details.")


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
    csv.DictWriter(table, COLUMNS).writerows(question.public() for question in questions)
    return table.getvalue()


def report(id, percent):
    """Store how far a job is, and send it."""
    job = db.session.get(Job, id)
    job.percent = percent
    publish(job, "job_progress", percent=percent, note=f"{percent} % of the questions are written.")


def finish(id, csv=None, error=None):
    """Store how a job ended, and send it."""
    job = db.session.get(Job, id)
    if job.done:
        return  # it was given up meanwhile
    job.csv, job.error = csv, error
    publish(job, "job_done", url=url(job), **({"error": error} if error else {}))


def publish(job, type, **data):
    events.record(type, lambda: {"job": job.id, **data}, job.channel)
    db.session.commit()
    events.notify(job.channel)


def find(id):
    """The job with this id; raises board.Unknown."""
    job = db.session.get(Job, id)
    if job is None:
        raise board.Unknown("There is no such export.")
    return job


def url(job):
    """The URL of its CSV; None while there is none."""
    return f"/api/exports/{job.id}/questions.csv" if job.csv is not None else None


def give_up_lost():
    """Report the jobs as failed that have been silent for too long: their server is gone."""
    silent = select(Job.id).where(Job.csv.is_(None), Job.error.is_(None), Job.reported_at < now() - SILENCE)
    for id in db.session.scalars(silent).all():
        finish(id, error="The server was restarted before the export was done; start it again.")


def watch(app):
    """After a start, wait until the jobs of a dead server were silent for long enough, and report them as failed."""

    def later():
        time.sleep(SILENCE.total_seconds() + 1)
        with app.app_context():
            give_up_lost()

    if db.session.scalar(select(Job.id).where(Job.csv.is_(None), Job.error.is_(None)).limit(1)):
        threading.Thread(target=later, daemon=True).start()
