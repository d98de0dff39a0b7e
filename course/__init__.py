"""What runs, checks and shows the lessons; no lesson imports it."""
