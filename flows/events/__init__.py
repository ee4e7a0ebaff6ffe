"""Events: what providers, bounces and recipients say of emails, from the receiver to the ledger."""
