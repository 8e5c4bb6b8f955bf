"""IP packets with a DNS query over UDP, and what the answers say. IPv4 and IPv6, without any library."""

import ipaddress
import struct

QUERY_PORT = 40053
TYPES = {4: 1, 6: 28}  # A, AAAA


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ total


def udp(source, destination, source_port, destination_port, payload):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    length = 8 + len(payload)
    pseudo = source.packed + destination.packed + struct.pack(">II", length, 17)
    ports = struct.pack(">HHH", source_port, destination_port, length)
    sum_ = checksum(pseudo + ports + b"\0\0" + payload) or 0xFFFF
    datagram = ports + struct.pack(">H", sum_) + payload
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, length, 17, 64) + source.packed + destination.packed + datagram
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, 17, 0) + source.packed + destination.packed
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + datagram


def query(source, server, name, identifier=7):
    """A packet that asks `server` for the addresses of its own family of `name`."""
    kind = TYPES[ipaddress.ip_address(server).version]
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    return udp(source, server, QUERY_PORT, 53, question)


def is_answer(packet, source, server):
    """Whether this packet is from the server's port 53 to the query's port, with sums that are right."""
    version = packet[0] >> 4
    start = 20 if version == 4 else 40
    addresses = packet[12:20] if version == 4 else packet[8:40]
    if addresses != ipaddress.ip_address(server).packed + ipaddress.ip_address(source).packed:
        return False
    if struct.unpack(">HH", packet[start : start + 4]) != (53, QUERY_PORT):
        return False
    pseudo = addresses + struct.pack(">II", len(packet) - start, 17)
    return checksum(pseudo + packet[start:]) == 0 and (version == 6 or checksum(packet[:20]) == 0)


def read_answer(packet):
    """One line: the first address of the answer, or its response code."""
    version = packet[0] >> 4
    message = packet[(20 if version == 4 else 40) + 8 :]
    flags, _, answers = struct.unpack(">HHH", message[2:8])
    if flags & 15 or not answers:
        return {0: "NOERROR, no address", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}.get(flags & 15, f"code {flags & 15}")
    # One question, and answers whose name is a pointer to it.
    length = 4 if version == 4 else 16
    return str(ipaddress.ip_address(message[-length:]))
