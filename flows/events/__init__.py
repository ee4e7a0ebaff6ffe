"""Email events: provider webhooks, bounce messages and unsubscribes, from the receiver to the ledger."""
