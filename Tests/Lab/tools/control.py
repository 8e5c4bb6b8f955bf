"""Speaks to the control socket as a local process with bad manners would.

    control.py PATH tunnel MEMBERS   hand a pipe pair over with these JSON members added, print the answers to the end
    control.py PATH status           print the answer
    control.py PATH hostile          everything that must close nothing but its own connection; prints "done"
"""

import array
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time


def connect(path):
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(path)
    control.settimeout(10)
    return control


def send(control, message, descriptors=()):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    control.sendmsg([message], rights)


def answers(control):
    try:
        while message := control.recv(1 << 16):
            yield json.loads(message)
    except (ConnectionResetError, TimeoutError) as error:
        yield {"reply": "none", "reason": str(error)}


def tunnel(path, members):
    control = connect(path)
    to_daemon, from_daemon = os.pipe(), os.pipe()
    request = {"request": "tunnel", "channelType": "tun@psiphon.ca", **members}
    send(control, json.dumps(request).encode(), [to_daemon[0], from_daemon[1]])
    os.close(to_daemon[0])
    os.close(from_daemon[1])
    for answer in answers(control):
        print(json.dumps(answer), flush=True)
        if answer["reply"] == "accepted" and "hold" not in members:
            # What is still to be read must not keep the daemon from noticing the end.
            os.close(to_daemon[1])


def lingering():
    """A TCP socket whose close waits for a minute, because its other side does not read."""
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
    sender.setblocking(False)
    try:
        while True:
            sender.send(bytes(65536))
    except BlockingIOError:
        return listener, sender


def bury(channel, request=None):
    """Sends lingering sockets, of which nobody else has a copy then: whoever drops the message closes them. After a request,
    which may be answered, and the connection closed, before they are there."""
    attacks = [lingering() for _ in range(3)]
    try:
        if request:
            send(channel, request)
        send(channel, b"\0", [sender.fileno() for _, sender in attacks])
    except ConnectionError:
        assert request
        # Nobody has a copy: it is this thread that would wait.
        for _, sender in attacks:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _, sender in attacks:
        sender.close()
    return [listener for listener, _ in attacks]


def buried(path, request):
    """Lingering sockets inside of what is passed: in the queue of a stream that is read, of one that is refused, and of the
    control connection itself."""
    listeners, kept = [], []
    refused = json.dumps({"request": "tunnel", "channelType": "shell"}).encode()
    for number in range(4):
        near, far = socket.socketpair()
        listeners += bury(far)
        control = connect(path)
        send(control, refused if number == 3 else request, [near.fileno(), near.fileno()])
        near.close()
        print("buried:", [answer.get("reason", answer["reply"]) for answer in answers(control)], flush=True)
        kept.append(far)
    control = connect(path)
    listeners += bury(control, json.dumps({"request": "status"}).encode())
    control.close()
    return listeners, kept


def hostile(path):
    request = json.dumps({"request": "tunnel", "channelType": "tun@psiphon.ca"}).encode()
    files = [os.open(tempfile.mkstemp()[1], os.O_RDWR), os.open("/dev/zero", os.O_RDONLY)]
    ends = [*os.pipe(), *os.pipe()]
    for message, descriptors in [
        (b"", []), (b"{", []), (b"\0" * 4096, []), (b"x" * 100000, []), (b"[" * 4000, []),
        (json.dumps({"request": "reboot"}).encode(), []),
        (request, []), (request, ends[:1]), (request, ends[:3]), (request, ends * 40),
        (request, files), (request, [ends[1], ends[0]]), (b"", ends[:2]), (b"{", ends),
        (json.dumps({"request": "tunnel", "channelType": "tun@openssh.com"}).encode(), [ends[0], ends[3]]),
        (json.dumps({"request": "tunnel", "channelType": "shell"}).encode(), [ends[0], ends[3]]),
        (json.dumps({"request": "tunnel", "channelType": "tun@psiphon.ca", "session": "s" * 999}).encode(),
         [ends[0], ends[3]]),
    ]:
        control = connect(path)
        send(control, message, descriptors)
        assert not any(answer["reply"] == "accepted" for answer in answers(control)), message[:40]
    twice = connect(path)
    send(twice, json.dumps({"request": "status"}).encode())
    send(twice, json.dumps({"request": "status"}).encode())
    attacks = [lingering() for _ in range(5)]
    for _, sender in attacks:
        control = connect(path)
        send(control, request, [sender.fileno(), sender.fileno()])
        # Whoever closes last has to wait; that must not be this thread.
        threading.Thread(target=sender.close, daemon=True).start()
        print("answer:", next(answers(control)), flush=True)
    listeners, kept = buried(path, request)
    silent = [connect(path) for _ in range(200)]
    print("done", flush=True)
    time.sleep(6)
    # What still waits is cut off, here and in the daemon.
    for listener in [listener for listener, _ in attacks] + listeners:
        listener.close()


match sys.argv[1:]:
    case [path, "tunnel", members]:
        tunnel(path, json.loads(members))
    case [path, "status"]:
        control = connect(path)
        send(control, json.dumps({"request": "status"}).encode())
        print("".join(answer.get("text", "") for answer in answers(control)))
    case [path, "hostile"]:
        hostile(path)
    case _:
        sys.exit(__doc__)
