"""The published model files: which there are, bringing one here, checking it, choosing it."""
