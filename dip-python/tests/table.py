"""A DNS service that several tests use."""

import threading

import dip


class Table:
    """A DNS service in memory, which keeps to the contract."""

    def __init__(self):
        self.held = {}
        self.lock = threading.Lock()

    def name(self, name):
        with self.lock:
            return self.held.get(name)

    def reverse(self, address):
        with self.lock:
            return [name for name, held in self.held.items() if address in held["addresses"]]

    def ensure(self, wanted, owner):
        with self.lock:
            self._refuse_foreign(wanted["name"], owner)
            self.held[wanted["name"]] = {"addresses": wanted["addresses"], "owner": owner}

    def remove(self, name, owner):
        with self.lock:
            self._refuse_foreign(name, owner)
            self.held.pop(name, None)

    def _refuse_foreign(self, name, owner):
        holder = self.held.get(name, {"owner": owner})["owner"]
        if holder != owner:
            raise dip.Conflict(f"{name} belongs to {holder}", advice="remove it there")
