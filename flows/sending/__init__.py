"""Sending: deliveries that a run has claimed are rendered, handed to a transport, and their results recorded."""
