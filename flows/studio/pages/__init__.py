"""The pages of the studio, a module each. Their handlers call the functions that the commands call."""
