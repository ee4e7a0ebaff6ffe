"""Messages: what a workflow writes, read and checked, filled in and composed for one recipient."""
