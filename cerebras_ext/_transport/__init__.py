"""Faster connections under httpx: fewer calls a streamed token, a linear pool, exact deadlines.

What is put in place is a connection pool below an ordinary `httpx.HTTPTransport`, made of public
parts of httpcore. So requests, errors, timeouts and TLS options stay httpx's own, proxies keep
their own transports, and whatever patches `HTTPTransport.handle_request`, as vcrpy does, sees every
request.
"""
