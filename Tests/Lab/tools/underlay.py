"""Watches what leaves by a device, and prints a line for each frame that has no business outside a tunnel.

    underlay.py DEVICE PEER:PORT,... [NAME,...]

Permitted are ARP, neighbour discovery and MLD, DHCP, TCP to the peers, and DNS queries for the names. Everything else that
this host sends is printed: IPv4 or IPv6, protocol, destination, and for DNS the name that is asked for.
"""

import ipaddress
import socket
import sys

ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
PACKET_OUTGOING = 4
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
TCP, UDP, ICMPV6 = 6, 17, 58
# Router and neighbour solicitation, neighbour advertisement, MLD version 2 report.
NEIGHBOUR_DISCOVERY = {133, 135, 136, 143}


def name_of(query):
    labels, position = [], 12
    while position < len(query) and 0 < query[position] < 64:
        labels.append(query[position + 1 : position + 1 + query[position]].decode("ascii", "replace"))
        position += 1 + query[position]
    return ".".join(labels).lower()


def describe(protocol, packet, peers, names):
    """The line for a frame, or None if it may leave."""
    if protocol == ARP:
        return None
    if protocol == IPV4:
        header, kind, destination = (packet[0] & 15) * 4, packet[9], packet[16:20]
    elif protocol == IPV6:
        header, kind, destination = 40, packet[6], packet[24:40]
        if kind == 0 and len(packet) > 48:  # hop-by-hop options, of MLD
            header, kind = 40 + (packet[41] + 1) * 8, packet[40]
    else:
        return f"frame of type {protocol:#06x}"
    place = str(ipaddress.ip_address(destination))
    family = "IPv4" if protocol == IPV4 else "IPv6"
    if kind == ICMPV6 and packet[header] in NEIGHBOUR_DISCOVERY:
        return None
    if kind not in (TCP, UDP):
        return f"{family} protocol {kind} to {place}"
    source, port = (int.from_bytes(packet[header + i : header + i + 2], "big") for i in (0, 2))
    if kind == TCP:
        return None if (place, port) in peers else f"{family} TCP to {place} port {port}"
    if (source, port) in ((68, 67), (546, 547)):
        return None
    if port == 53:
        name = name_of(packet[header + 8 :])
        return None if name in names else f"{family} DNS to {place} for {name}"
    return f"{family} UDP to {place} port {port}"


def main():
    device = sys.argv[1]
    peers = {(place.rpartition(":")[0], int(place.rpartition(":")[2])) for place in sys.argv[2].split(",")}
    names = set(sys.argv[3].split(",")) if len(sys.argv) > 3 else set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS)) as wire:
        wire.bind((device, ALL_PROTOCOLS))
        print(f"listening on {device}", flush=True)
        while True:
            packet, (_, protocol, direction, *_) = wire.recvfrom(65536)
            line = describe(protocol, packet, peers, names) if direction == PACKET_OUTGOING else None
            if line:
                print(f"clear: {line}", flush=True)


main()
