"""A network between the browser and the console that is slow, or is lost. Chromium's own emulation does not slow uploads down."""

import contextlib
import socket
import threading
import time

CHUNK = 4096


class SlowNetwork:
    """Passes connections on to a port, at most so many bytes a second to it, until it is cut."""

    def __init__(self, port, bytes_per_s):
        self.to, self.bytes_per_s = port, bytes_per_s
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets, self.is_cut = [], False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self.listener.accept()
                if self.is_cut:
                    browser.close()
                    continue
                console = socket.create_connection(("127.0.0.1", self.to))
                self.sockets += [browser, console]
                for direction in ((browser, console, self.bytes_per_s), (console, browser, None)):
                    threading.Thread(target=self.copy, args=direction, daemon=True).start()

    def copy(self, source, target, bytes_per_s):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                target.sendall(data)
                if bytes_per_s:
                    time.sleep(len(data) / bytes_per_s)
        self.end(source, target)

    def cut(self):
        """Ends the connections, and passes none on until it is mended. (A browser tries again by itself.)"""
        self.is_cut = True
        sockets, self.sockets = self.sockets, []
        self.end(*sockets)

    def mend(self):
        self.is_cut = False

    def close(self):
        self.end(self.listener)
        self.cut()

    def end(self, *sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
