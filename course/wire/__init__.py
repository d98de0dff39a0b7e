"""What goes to and fro between the parts of a running lesson: `python3 -m course run N --wire` shows it."""
