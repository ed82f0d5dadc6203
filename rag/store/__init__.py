"""Where an index is kept: `open` says what a store must do and gives one for a path or an address."""
