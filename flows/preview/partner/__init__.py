"""One partner: its stages, its segments and why, every email, why it is not written to, what comes next."""
