# One worker a process, behind nginx: gunicorn -c deploy/gunicorn.conf.py 'lessons.05_scaling:create_app()'
# FLASK_ASYNC_MODE=gevent or threading says by which engine, FLASK_PORT where. Not -w 4: gunicorn gives each request to
# any of its workers, and a client must stay with one. https://gunicorn.org/reference/settings/
import importlib
import os
import time

bind = f"127.0.0.1:{os.environ['FLASK_PORT']}"
workers = 1
worker_class = {"gevent": "gevent", "threading": "gthread"}[os.environ.get("FLASK_ASYNC_MODE", "threading")]
threads = 1000  # gthread: each client that is connected keeps one
worker_connections = 10_000  # gevent
graceful_timeout = 15


def post_worker_init(worker):
    """Make it known to the other workers, and let it send its clients to them at its end; gunicorn alone would wait."""
    importlib.import_module(".leaving", worker.wsgi.import_name).begin_work(worker.wsgi)


def worker_exit(server, worker):
    """Let a worker that leaves finish its exports, which gunicorn does not know; leaving.py then ends the process."""
    if worker.booted and worker.wsgi.extensions["entrance"].leaving:
        time.sleep(graceful_timeout)
