"""A browser without scripts behind a reverse proxy."""

import base64
import http.client
import os
import socket
import ssl
import urllib.parse

NAME = "door.example.org"
TIMEOUT_S = 30


class Client:
    """A browser at an address of its own: all of 127.0.0.0/8 is this machine."""

    def __init__(self, port, certificate, address="127.0.0.2"):
        self.port, self.address = port, address
        self.context = ssl.create_default_context(cafile=certificate)
        self.origin = f"https://{NAME}:{port}"
        self.cookies = {}

    def connect(self):
        stream = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S, (self.address, 0))
        return self.context.wrap_socket(stream, server_hostname=NAME)

    def request(self, method, path, body=None, headers=None):
        """The response, read to its end."""
        response = self.open(method, path, body, headers)
        response.text = response.read().decode(errors="replace")
        return response

    def open(self, method, path, body=None, headers=None):
        """The response, of which only the head was read."""
        connection = http.client.HTTPConnection(NAME, self.port)
        connection.sock = self.connect()
        given = {"Origin": self.origin, "Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        connection.request(method, path, body, {**given, **(headers or {})})
        response = connection.getresponse()
        response.connection = connection
        for header in response.headers.get_all("set-cookie", []):
            name, value = header.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return response

    def post(self, path, headers=None, **fields):
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.request("POST", path, urllib.parse.urlencode(fields), form)

    def upload(self, path, fields, photo):
        """Sends a form with a photo."""
        boundary = "a-boundary"
        body = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
        body += head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
        return self.request("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def websocket(self, path, origin):
        """Begins a WebSocket. Returns the head of the response, and the stream after it."""
        stream = self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {NAME}:{self.port}", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Origin: {origin}"]
        lines += ["Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()), "", ""]
        stream.sendall("\r\n".join(lines).encode())
        read = stream.makefile("rb")
        head = b""
        while line := read.readline().strip():
            head += line + b"\n"
        return head.decode(), read
