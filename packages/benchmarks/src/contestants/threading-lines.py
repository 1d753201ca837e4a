"""Python's own: lines through the two files, one thread for each connection."""

import socketserver

from listening import listening


class LineHandler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        while line := self.rfile.readline():
            self.wfile.write(line)


class LineServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # Its default of 5 drops connections when a load comes at once.
    request_queue_size = 1024


with LineServer(("127.0.0.1", 0), LineHandler) as server:
    listening(server.server_address[1])
    server.serve_forever()
