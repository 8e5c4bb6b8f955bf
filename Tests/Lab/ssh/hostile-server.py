"""An SSH server that means its clients harm, written with asyncssh.

    hostile-server.py HOST PORT HOST_KEY AUTHORIZED_KEYS INTERVAL ADDRESS...

It greets as our own server does. Of the commands, `info` is answered as the user's name says:

    controls     one line with controls of both sets and marks that turn the direction of writing around
    endless      output without end
    endless-error, silent   standard error without end; nothing at all
    anybody else    what a good server says

A tunnel (`tun@openssh.com`) is sent a UDP datagram to port 9999 of each ADDRESS again and again, every INTERVAL seconds.
"""

import asyncio
import ipaddress
import json
import struct
import sys

import asyncssh

GOOD = {
    "channelTypes": ["tun@openssh.com"], "maxFlows": 10, "mtu": 1400, "permitICMP": "errors", "program": "packet-tunneld",
    "sessionExpirySeconds": 300, "transparentDNSIPv4": "10.0.0.2", "transparentDNSIPv6": "fd70:7475:6e::2", "version": "1",
}


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(target):
    """A UDP packet to port 9999 of an address that says which address that is."""
    target = ipaddress.ip_address(target)
    source = ipaddress.ip_address("203.0.113.10" if target.version == 4 else "2001:db8:3::10")
    data = str(target).encode()
    data += b" " * (len(data) % 2)
    udp = struct.pack("!HHHH", 53, 9999, 8 + len(data), 0)
    if target.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 1, 0, 64, 17, 0, source.packed, target.packed)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp + data
    pseudo = source.packed + target.packed + struct.pack("!II", len(udp) + len(data), 17)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp + data) or 0xFFFF)
    return struct.pack("!IHBB16s16s", 6 << 28, len(udp) + len(data), 17, 64, source.packed, target.packed) + udp + data


class Tunnel(asyncssh.SSHTunTapSession):
    def connection_made(self, chan):
        self.chan = chan

    def session_started(self):
        self.task = asyncio.get_running_loop().create_task(self.send())

    async def send(self):
        while True:
            for address in sys.argv[6:]:
                self.chan.write(datagram(address))
            await asyncio.sleep(float(sys.argv[5]))

    def connection_lost(self, error):
        self.task.cancel()


class Server(asyncssh.SSHServer):
    def tun_requested(self, unit):
        print("tunnel", flush=True)
        return Tunnel()


async def command(process):
    user = process.get_extra_info("username")
    piece = "x" * 32768
    if user == "controls":
        process.stdout.write('{"a": "\x1b[2J\x9b1m\u202etxt\u2066\x07"}\n')
    elif user == "silent":
        await asyncio.sleep(3600)
    elif user.startswith("endless"):
        stream = process.stderr if user.endswith("error") else process.stdout
        while True:
            stream.write(piece)
            await stream.drain()
    else:
        process.stdout.write(json.dumps(GOOD) + "\n")
    process.exit(0)


async def main(host, port, host_key, authorized_keys, *_):
    await asyncssh.listen(
        host, int(port), server_factory=Server, server_host_keys=[host_key], authorized_client_keys=authorized_keys,
        process_factory=command, server_version="packet_tunnel_hostile",
    )
    print("listening", flush=True)
    await asyncio.get_running_loop().create_future()


if len(sys.argv) < 6:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
