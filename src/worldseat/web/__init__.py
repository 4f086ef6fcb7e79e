"""The web layer: pages, the HTTP API and the live stream, as one ASGI application."""
