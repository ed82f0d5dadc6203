"""Measures on a user's own questions: running them, making figures of them, comparing two runs."""
