"""OpenChat on an OpenAI-compatible server, with the interface of the model in this process."""
