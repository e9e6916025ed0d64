#!/usr/bin/python3
"""A network camera: an HTTPS server that asks for user and password, and sends a file. Prints its port.

Arguments: the user and the password as `user:password`, a PEM file with certificate and key, and the file.
"""
import base64
import http.server
import ssl
import sys

login, certificate, path = sys.argv[1:]
expected = "Basic " + base64.b64encode(login.encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/x-matroska")
        self.end_headers()
        with open(path, "rb") as file:
            self.wfile.write(file.read())


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
