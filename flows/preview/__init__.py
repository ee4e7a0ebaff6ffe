"""Simulation: days played again on the same SQL, with a ledger of their own."""
