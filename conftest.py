"""Hands pytest the course's test kit."""

pytest_plugins = ["course.testkit"]
