"""A question to hits: `searcher` holds an index and its embedder, `search` fuses its two legs."""
