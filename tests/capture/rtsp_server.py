#!/usr/bin/python3
"""A network camera: GStreamer's RTSP server with a moving test picture at /ch1. Prints its port.

Arguments: the user, the password, "basic" or "digest", and a PEM file with certificate and key, or nothing for no TLS.
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer

user, password, method = sys.argv[1:4]
Gst.init(None)
role = "viewer"
permissions = GstRtspServer.RTSPPermissions()
for permission in ("media.factory.access", "media.factory.construct"):
    permissions.add_permission_for_role(role, permission, True)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=10/1"
    " ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)
factory.set_permissions(permissions)
token = GstRtspServer.RTSPToken()
token.set_string("media.factory.role", role)
auth = GstRtspServer.RTSPAuth()
if method == "digest":
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
else:
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
for certificate in sys.argv[4:]:
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
server.set_auth(auth)
server.get_mount_points().add_factory("/ch1", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
