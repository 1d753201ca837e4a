"""Python's own: datagrams one at a time, or a thread for each."""

import socketserver
import sys

from listening import listening


class EchoHandler(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.packet)


Server = socketserver.ThreadingUDPServer if sys.argv[1:] == ["threads"] else socketserver.UDPServer

with Server(("127.0.0.1", 0), EchoHandler) as server:
    listening(server.server_address[1])
    server.serve_forever()
