"""org.freedesktop.timedate1 with the answer that a test chose: the content of the file that is the argument."""

import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.freedesktop.timedate1"
ANSWERS = {"true": True, "false": False, "text": "yes", "number": dbus.Int32(1)}


class Timedated(dbus.service.Object):
    @dbus.service.method(
        dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v", async_callbacks=("reply", "fail")
    )
    def Get(self, interface, name, reply, fail):
        with open(sys.argv[1]) as file:
            answer = file.read()
        if (interface, name) != (NAME, "NTPSynchronized"):
            fail(dbus.DBusException(f"no property {interface}.{name}"))
        elif answer != "never":
            reply(ANSWERS[answer])


DBusGMainLoop(set_as_default=True)
service = Timedated(dbus.service.BusName(NAME, dbus.SystemBus()), "/org/freedesktop/timedate1")
GLib.MainLoop().run()
