"""Python's own: one thread for each connection."""

import socketserver

from listening import listening


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # Its default of 5 drops connections when a load comes at once.
    request_queue_size = 1024


with EchoServer(("127.0.0.1", 0), EchoHandler) as server:
    listening(server.server_address[1])
    server.serve_forever()
