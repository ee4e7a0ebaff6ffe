"""The segment editor: rows of a segment, their problems, and who is in it."""
