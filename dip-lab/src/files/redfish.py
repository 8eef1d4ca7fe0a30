"""sushy-emulator whose systems are real processes.

Every system has a directory, shared with its other BMC, and its power and boot device go through the same
hook (chassiscontrol get|set ...). Serial numbers and the boot override are added to what the emulator tells.
"""

import subprocess
import sys

import flask
from sushy_tools import error
from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver

BOOT = {
    "Pxe": "pxe", "Hdd": "default", "Cd": "cdrom", "UefiHttp": "pxe", "BiosSetup": "bios", "None": "none",
}
POWER = {
    "On": ("power", "1"), "ForceOn": ("power", "1"), "ForceOff": ("power", "0"), "GracefulShutdown": ("shutdown", "1"),
    "GracefulRestart": ("reset", "1"), "ForceRestart": ("reset", "1"),
}
BIOS = {"BootMode": "Uefi", "ProcVirtualization": "Enabled", "ProcTurboMode": "Enabled"}


class LabDriver(fakedriver.FakeDriver):
    """The fake driver of sushy-tools with power that is real and immediate."""

    def hook(self, system, *words):
        command = [system["dir"] + "/chassiscontrol", system["dir"], *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        if done.returncode:
            raise error.FishyError(done.stdout + done.stderr)
        return done.stdout.strip()

    def get_power_state(self, identity):
        return "On" if self.hook(self._get(identity), "get", "power") == "power:1" else "Off"

    def set_power_state(self, identity, state):
        if state not in POWER:
            raise error.NotSupportedError(f"power state {state} is not supported")
        system = self._get(identity)
        self.hook(system, "set", *POWER[state])
        if state not in ("On", "ForceOn", "GracefulRestart", "ForceRestart"):
            return
        if system.get("boot_enabled") == "Once":
            self._update(system, boot_enabled="Disabled", boot_device="None")

    def set_boot_device(self, identity, source):
        if source not in BOOT:
            raise error.BadRequest(f"boot source {source} is not supported")
        system = self._get(identity)
        asked = (flask.request.get_json(silent=True) or {}).get("Boot", {})
        self.hook(system, "set", "boot", BOOT[source])
        enabled = asked.get("BootSourceOverrideEnabled", "Disabled" if source == "None" else "Continuous")
        self._update(system, boot_device=source, boot_enabled=enabled)

    def get_boot_device(self, identity):
        return self._get(identity).get("boot_device", "None")

    def starts(self, system):
        """How often the node was started, by whomever: settings that wait come about then."""
        try:
            with open(system["dir"] + "/commands.log") as file:
                return sum(line.split(" ", 1)[1].strip() in ("power 1", "reset 1") for line in file)
        except FileNotFoundError:
            return 0

    def get_bios(self, identity):
        system = self._get(identity)
        pending = system.get("bios_pending") or {}
        if pending and self.starts(system) > system.get("bios_since", 0):
            self._update(system, bios={**(system.get("bios") or {}), **pending}, bios_pending={})
            system = self._get(identity)
            pending = {}
        current = {**BIOS, **(system.get("bios") or {})}
        return {**current, **pending} if flask.request.path.endswith("/Settings") else current

    def set_bios(self, identity, attributes):
        unknown = sorted(set(attributes) - set(BIOS))
        if unknown:
            raise error.BadRequest(f"unknown BIOS attributes {unknown}")
        system = self._get(identity)
        pending = {**(system.get("bios_pending") or {}), **attributes}
        self._update(system, bios_pending=pending, bios_since=self.starts(system))

    def reset_bios(self, identity):
        self._update(identity, bios={}, bios_pending={})

    def get_secure_boot(self, identity):
        return bool(self._get(identity).get("secure_boot"))

    def set_secure_boot(self, identity, secure):
        self._update(identity, secure_boot=bool(secure))

    def get_versions(self, identity):
        return {"BiosVersion": "1.0.0"}

    def get_total_memory(self, identity):
        return 1

    def get_total_cpus(self, identity):
        return 1


def tell_more(answer):
    """Adds to a system what the emulator's template leaves out."""
    parts = flask.request.path.strip("/").split("/")
    if flask.request.method != "GET" or answer.status_code != 200 or len(parts) != 4 or parts[2] != "Systems":
        return answer
    body = answer.get_json(silent=True, force=True)
    # Look by the identity which the client used; it may be the name.
    systems = main.app.systems
    system = systems._get(parts[3])
    body["SerialNumber"] = system["serial"]
    body["Model"] = "Simulated Node"
    body["Boot"]["BootSourceOverrideEnabled"] = system.get("boot_enabled", "Disabled")
    body["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"] = sorted(BOOT)
    answer.set_data(flask.json.dumps(body))
    return answer


fakedriver.FakeDriver = LabDriver
main.app.after_request(tell_more)
sys.exit(main.main())
