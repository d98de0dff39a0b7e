"""Serves the API, or one worker of it: `python -m` and the name of this package."""

from . import create_app, engine, leaving
from .config import listening_port

app = create_app()
leaving.begin_work(app)
engine.serve(app, app.config["HOST"], listening_port(app.config))
