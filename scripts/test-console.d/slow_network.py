"""A network between the browser and the console that is slow, or is lost. Chromium's own emulation does not slow uploads down."""

import contextlib
import socket
import threading
import time

CHUNK = 4096


class SlowNetwork:
    """Passes connections on to a port, until it is cut. It is as fast as it can be until `bytes_per_s` is set: then at most so many bytes a
    second go to the port."""

    def __init__(self, port):
        self.to, self.bytes_per_s = port, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets, self.is_cut = [], False
        # So that no connection is made while the network is cut.
        self.changes = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self.listener.accept()
                with self.changes:
                    if self.is_cut:
                        browser.close()
                        continue
                    console = socket.create_connection(("127.0.0.1", self.to))
                    self.sockets += [browser, console]
                for direction in ((browser, console, True), (console, browser, False)):
                    threading.Thread(target=self.copy, args=direction, daemon=True).start()

    def copy(self, source, target, is_upload):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                target.sendall(data)
                if is_upload and self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
        self.end(source, target)

    def cut(self):
        """Ends the connections, and passes none on until it is mended. (A browser tries again by itself.)"""
        with self.changes:
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
