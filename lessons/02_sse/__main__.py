"""Serves the API at its own address: `python -m` and the name of this package."""

from urllib.parse import urlsplit

from . import create_app

app = create_app()
app.run(port=urlsplit(app.config["API_URL"]).port)
