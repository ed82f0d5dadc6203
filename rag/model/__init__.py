"""OpenChat in this process: its file, its queue, its grammar and LangChain's chat model over it."""
