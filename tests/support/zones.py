"""Time zones for tests."""

NOT_WHOLE_HOURS = ("Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns")
"""Zones whose distance from UTC is not in whole hours."""
