"""The llama.cpp engine: a worker process that asks a GGUF model for decisions."""
