"""Reports: what a person reads, in the terminal and on a page."""
