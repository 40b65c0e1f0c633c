# Answers over UDP: every domain has the MX host mx.DOMAIN, every host the address 127.0.0.1. Prints its port.
import socket
import struct

MX, A = 15, 1

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    query, peer = server.recvfrom(4096)
    end = query.index(b"\0", 12) + 1
    name, (kind,) = query[12:end], struct.unpack(">H", query[end : end + 2])
    data = {MX: struct.pack(">H", 10) + b"\2mx\xc0\x0c", A: bytes([127, 0, 0, 1])}.get(kind)
    header = query[:2] + struct.pack(">HHHHH", 0x8580, 1, 1 if data else 0, 0, 0)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    server.sendto(header + query[12 : end + 4] + answer, peer)
