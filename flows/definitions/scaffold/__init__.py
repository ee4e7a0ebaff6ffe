"""Drafts: workflows from a template or from scratch."""
