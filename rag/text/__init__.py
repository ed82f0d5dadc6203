"""Words, sentences and marks of any text: pure, used by search, quotes, citations and verdicts alike."""
