"""The email editor: a message in all its languages, its problems, its preview, and test emails."""
