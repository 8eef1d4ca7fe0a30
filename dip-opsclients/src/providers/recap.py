# What dip reads of a run of Ansible: one JSON object in each line. The callbacks of ansible-core are written for people.
from __future__ import annotations

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: dip_recap
type: stdout
short_description: one JSON object in each line
description: [what dip reads of a run]
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "dip_recap"

    def _tell(self, event, result, ignored=False):
        task = result._task
        told = result._result
        if task.no_log or told.get("_ansible_no_log"):
            told = {"msg": "the task asks for its words not to be shown (no_log)"}
        words = told.get("msg") or told.get("stderr") or told.get("stdout") or told.get("reason") or ""
        line = {
            "event": "ignored" if ignored else event,
            "task": task.get_name(),
            "changed": bool(result._result.get("changed")),
            "words": words if isinstance(words, str) else json.dumps(words),
        }
        if task.action in ("setup", "ansible.builtin.setup", "gather_facts"):
            line["facts"] = result._result.get("ansible_facts", {})
        print(json.dumps(line, default=str), flush=True)

    def v2_runner_on_ok(self, result):
        self._tell("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._tell("failed", result, ignore_errors)

    def v2_runner_on_unreachable(self, result):
        self._tell("unreachable", result)
