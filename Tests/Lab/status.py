"""Reads what the server answers to `status`, whatever its sessions are wrapped in.

    status.py counter NAME                 the sum of that counter over all sessions
    status.py assigned FINGERPRINT MEMBER  a member of the session of that key, such as assignedIPv4
    status.py session NAME MEMBER          the same of the session of that name
"""

import json
import sys


def sessions(value):
    if isinstance(value, list):
        for element in value:
            yield from sessions(element)
    elif isinstance(value, dict):
        if "keyFingerprint" in value:
            yield value
        else:
            yield from sessions(list(value.values()))


try:
    known = list(sessions(json.load(sys.stdin)))
except ValueError:
    known = []
match sys.argv[1:]:
    case ["counter", name]:
        print(sum(session.get("counters", {}).get(name, 0) for session in known))
    case ["assigned", fingerprint, member]:
        print(next((session.get(member, "") for session in known if session["keyFingerprint"] == fingerprint), ""))
    case ["session", name, member]:
        print(next((session.get(member, "") for session in known if session.get("name") == name), ""))
    case _:
        sys.exit(__doc__)
