"""Runs the samples of the guide before a real console. See scripts/test-proxies."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test-console.d"))

import pictures  # noqa: E402
from client import NAME, Client  # noqa: E402
from door import PORTRAITS, ROOT, Door, free_port, wait_for  # noqa: E402

GUIDE = ROOT / "docs/guide/console.md"
PASSWORD = "correct horse battery"


def sample(proxy):
    """The sample of the guide that follows the name of the proxy."""
    return re.search(rf"^{proxy}:\n\n```\w*\n(.*?)```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[1]


def replace(text, *pairs):
    """The text with other places; each must be there."""
    for old, new in pairs:
        assert old in text, f"the sample of the guide has no {old!r} any longer"
        text = text.replace(old, str(new))
    return text


def verifying(text, proxy, certificate):
    """The sample with what the guide says for a proxy on another machine."""
    match proxy:
        case "nginx":
            lines = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {certificate}; proxy_ssl_name front.local;"
            return replace(text, ("proxy_http_version", f"{lines}\n        proxy_http_version"))
        case "Caddy":
            lines = f"tls_trusted_ca_certs {certificate}\n            tls_server_name front.local"
            return replace(text, ("tls_insecure_skip_verify", lines))


class Proxy:
    """A reverse proxy with the sample of the guide."""

    def __init__(self, name, door, folder, certificate=None):
        self.name, self.port = name, free_port()
        text = replace(sample(name), ("127.0.0.1:8443", f"127.0.0.1:{door.port}"))
        if certificate:
            text = verifying(text, name, certificate)
        configuration, self.log = folder / f"{name}.conf", open(folder / f"{name}.log", "w")
        match name:
            case "nginx":
                text = replace(
                    text,
                    ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                    ("/etc/ssl/door.pem", folder / "proxy.pem"),
                    ("/etc/ssl/door.key", folder / "proxy.key"),
                )
                paths = "".join(f"{kind}_temp_path {folder};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                text = f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{paths}{text}}}\n"
                command = ["/usr/sbin/nginx", "-p", str(folder), "-c", str(configuration)]
            case "Caddy":
                certificate = f"tls {folder}/proxy.pem {folder}/proxy.key\n    reverse_proxy"
                text = replace(text, (f"{NAME} {{", f"{NAME}:{self.port} {{"), ("reverse_proxy", certificate))
                text = f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{text}"
                command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)]
        configuration.write_text(text)
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment)
        self.certificate = folder / "proxy.pem"
        wait_for(f"{name}", self.status)

    def client(self, address="127.0.0.2"):
        return Client(self.port, self.certificate, address)

    def status(self):
        """What it answers; `None` if it does not answer yet."""
        assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()
        try:
            return self.client().request("GET", "/sign-in").status
        except OSError:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            # Caddy waits for connections that are open.
            self.process.kill()


def is_status(response, *statuses):
    assert response.status in statuses, f"{response.status}: {response.text}"


def people_pair_and_sign_in(proxy, door):
    ada = proxy.client()
    code = door.pair(proxy.name, "admin")["code"]
    is_status(ada.post("/pair", code=code, password=PASSWORD, again=PASSWORD), 303)
    is_status(ada.request("GET", "/door"), 200)
    is_status(ada.post("/sign-out"), 303)
    is_status(ada.post("/sign-in", name=proxy.name, password=PASSWORD), 303)
    is_status(ada.request("GET", "/people"), 200)
    return ada


def other_sites_are_refused(proxy, ada):
    for other in ("https://evil.example", f"https://{NAME}", "null"):
        is_status(ada.post("/door/open", headers={"Origin": other}), 403)
    is_status(ada.post("/door/open"), 303)


def each_client_has_limits_of_its_own(proxy):
    bob = proxy.client("127.0.0.3")
    for _ in range(10):
        is_status(bob.post("/sign-in", name="nobody at all", password="x"), 401, 429)
    for forged in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=192.0.2.1"}):
        is_status(bob.post("/sign-in", headers=forged, name="somebody else", password="x"), 429)
    is_status(proxy.client("127.0.0.4").post("/sign-in", name="somebody else", password="x"), 401)


def the_live_picture_comes(proxy, ada):
    head, read = ada.websocket("/live/socket", ada.origin)
    assert "101" in head.splitlines()[0], head
    # A frame with text, which is not masked: the faces; after it one with the picture.
    assert read.read(1) == b"\x81"
    length = read.read(1)[0]
    length = int.from_bytes(read.read({126: 2, 127: 8}[length]), "big") if length > 125 else length
    assert json.loads(read.read(length))["width"] > 0
    assert read.read(1) == b"\x82"
    head, _ = ada.websocket("/live/socket", "https://evil.example")
    assert "403" in head.splitlines()[0], head


def photos_are_enrolled(proxy, ada):
    # As large as a phone's: what follows the end of a JPEG is ignored.
    photo = (PORTRAITS / "obama.jpg").read_bytes() + bytes(10_000_000)
    response = ada.upload("/people/photos", {"name": f"From {proxy.name}", "allow_similar": "on"}, photo)
    is_status(response, 200)


def events_come_at_once(proxy, door, ada):
    token = door.output("tokens", "create", f"follows {proxy.name}", "--role", "operator")[0]["token"]
    script = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    follow = ada.open("POST", "/api/v1/FollowEvents", '{"filter": {"kinds": ["mode_changed"]}}', script)
    assert follow.status == 200
    started = time.monotonic()
    is_status(ada.request("POST", "/api/v1/LockDown", "{}", script), 200)
    assert json.loads(follow.readline())["event"]["kind"] == "mode_changed"
    is_status(ada.request("POST", "/api/v1/SetNormal", "{}", script), 200)
    assert time.monotonic() - started < 10


def check(name, door, folder):
    started = time.monotonic()
    with Proxy(name, door, folder) as proxy:
        ada = people_pair_and_sign_in(proxy, door)
        other_sites_are_refused(proxy, ada)
        each_client_has_limits_of_its_own(proxy)
        the_live_picture_comes(proxy, ada)
        photos_are_enrolled(proxy, ada)
        events_come_at_once(proxy, door, ada)
    # A proxy on another machine verifies the console's own certificate, and refuses another one.
    for certificate, status in ((door.folder / "console/certificate.pem", 200), (folder / "proxy.pem", 502)):
        with Proxy(name, door, folder, certificate) as proxy:
            assert proxy.status() == status, f"{name} with {certificate}: {proxy.status()}"
    print(f"{name}: {time.monotonic() - started:.1f} s")


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        certificate += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        certificate += ["-keyout", str(folder / "proxy.key"), "-out", str(folder / "proxy.pem")]
        subprocess.run(certificate, check=True, capture_output=True)
        door = Door(folder / "door", programs, pictures.video(folder, "person", [("biden.jpg", 600)]))
        door.enroll("Joe Biden", "biden.jpg")
        try:
            door.start()
            door.start_console()
            for name in ("nginx", "Caddy"):
                check(name, door, folder)
        finally:
            door.end()


main()
