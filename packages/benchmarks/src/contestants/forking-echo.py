"""Python's own: a process for each connection."""

import socketserver

from listening import listening


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(socketserver.ForkingTCPServer):
    allow_reuse_address = True
    request_queue_size = 511
    # Processes at once: more wait. The load has fewer.
    max_children = 100


with EchoServer(("127.0.0.1", 0), EchoHandler) as server:
    listening(server.server_address[1])
    server.serve_forever()
