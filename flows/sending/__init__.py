"""Sending: claimed deliveries become parcels, and what carries them says what became of each."""
