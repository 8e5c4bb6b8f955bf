#!/usr/bin/env python3
"""Runs a command on a kernel without IPv6, as far as sockets go: `socket(AF_INET6, ...)` answers EAFNOSUPPORT.

Usage: no-inet6.py COMMAND [ARGUMENT...]
"""
import ctypes
import os
import socket
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SYS_SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
EAFNOSUPPORT = 97
# Code, jump if true, jump if false, operand (linux/filter.h); seccomp_data has the number at 0 and the first argument at 16.
LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06
PROGRAM = [
    (LOAD, 0, 0, 0),
    (EQUALS, 0, 3, SYS_SOCKET),
    (LOAD, 0, 0, 16),
    (EQUALS, 0, 1, socket.AF_INET6),
    (RETURN, 0, 0, 0x00050000 | EAFNOSUPPORT),
    (RETURN, 0, 0, 0x7FFF0000),
]


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in PROGRAM))
program = Program(len(PROGRAM), ctypes.cast(code, ctypes.c_void_p))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
    PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
):
    sys.exit("no-inet6: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
