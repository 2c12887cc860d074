"""The only I/O with the API server: client, reflector, writer, lease, events."""
