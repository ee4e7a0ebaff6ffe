"""The report of workflows: its data, and its HTML page."""
