"""Serves the API, or one worker of it: `python -m` and the name of this package."""

from . import create_app, engine, leaving

app = create_app()
leaving.begin_work(app)
engine.serve(app, app.config["HOST"], app.config["PORT"])
