"""Parts for other people's LangChain pipelines that need no index of ours, and the retriever over one."""
