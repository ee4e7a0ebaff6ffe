"""Notices: what has changed after a run is sent to those who asked for it."""
