"""The ledger: who has been contacted, and what became of each delivery."""
