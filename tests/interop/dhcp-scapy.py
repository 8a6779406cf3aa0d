# dhcp-scapy.py NAME: sends by eth0 what no client sends, and looks at what comes back. Prints "ok NAME: ..." or "not ok NAME: ...".
import random
import socket
import struct
import subprocess
import sys
import time

from scapy.all import BOOTP, DHCP, IP, UDP, Ether, Raw, conf, raw

conf.verb = 0
name = sys.argv[1]
SERVER = "10.0.0.1"
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
link.bind(("eth0", 0))


def mac(n):
    return bytes([2, 0, 0, 0, n >> 8 & 255, n & 255])


def check(what, good, why=""):
    print(f"ok {name}: {what}" if good else f"not ok {name}: {what}: {why}", flush=True)


def send(frame):
    link.send(raw(frame))


def bootp(n, options, src="0.0.0.0", dst="255.255.255.255", sport=68, dhcp=True, **fields):
    hw = mac(n)
    fields.setdefault("chaddr", hw)
    fields.setdefault("xid", random.getrandbits(32))
    to = "ff:ff:ff:ff:ff:ff" if dst == "255.255.255.255" else "00:16:3e:00:00:01"
    frame = Ether(src=hw, dst=to) / IP(src=src, dst=dst) / UDP(sport=sport, dport=67) / BOOTP(**fields)
    if dhcp:
        frame = frame / DHCP(options=options + ["end"])
    return frame, fields["xid"]


def answer(xid, seconds=1.0):
    """The reply with this xid: (frame, {code: bytes}), or None."""
    end = time.time() + seconds
    while time.time() < end:
        link.settimeout(max(0.01, end - time.time()))
        try:
            data = link.recv(4096)
        except socket.timeout:
            return None
        if data[23] != 17 or data[34:36] != b"\x00\x43":
            continue
        message = data[42:]
        if message[0] == 2 and struct.unpack(">I", message[4:8])[0] == xid:
            return data, options_of(message)
    return None


def options_of(message):
    out, areas = {}, [message[240:]]
    order = []  # of the options field
    while areas:
        area, i = areas.pop(0), 0
        while i < len(area) and area[i] != 255:
            if area[i] == 0:
                i += 1
                continue
            code, n = area[i], area[i + 1]
            out[code] = out.get(code, b"") + area[i + 2 : i + 2 + n]
            if "seen" not in out:
                order.append(code)
            i += 2 + n
        if "seen" not in out and 52 in out:
            areas += [message[108:236]] * (out[52][0] & 1) + [message[44:108]] * (out[52][0] >> 1 & 1)
        out["seen"] = True
    out["order"] = order
    return out


def ask(n, options, seconds=1.0, **fields):
    frame, xid = bootp(n, options, **fields)
    send(frame)
    return answer(xid, seconds)


def kind(reply):
    return {2: "offer", 5: "ack", 6: "nak"}.get(reply[1].get(53, b"\0")[0], "?") if reply else "silence"


def yiaddr(reply):
    return socket.inet_ntoa(reply[0][42 + 16 : 42 + 20]) if reply else None


def lease(n):
    offer = ask(n, [("message-type", "discover")])
    addr = yiaddr(offer)
    ack = ask(n, [("message-type", "request"), ("server_id", SERVER), ("requested_addr", addr)])
    return addr if kind(ack) == "ack" else None


def expect(what, reply, wanted):
    check(what, kind(reply) == wanted, kind(reply))


def replies():
    addr = lease(1)
    check("a lease", addr is not None)
    offer = ask(1, [("message-type", "discover")])
    check("the offer is in a frame to the client, to yiaddr, port 68",
          offer and offer[0][:6] == mac(1) and offer[0][30:34] == socket.inet_aton(addr) and offer[0][36:38] == b"\0D")
    check("a message is 300 bytes at least", offer and len(offer[0]) - 42 >= 300, offer and len(offer[0]))
    check("without a parameter list: netmask, router, name servers", offer and all(c in offer[1] for c in (1, 3, 6)))
    check("the server identifier is its address", offer and offer[1][54] == socket.inet_aton(SERVER))
    check("a long option is whole, if split", offer and (230 not in offer[1] or len(offer[1][230]) == 310))
    offer = ask(1, [("message-type", "discover"), ("max_dhcp_size", 1400)])
    check("there is room for it in 1,400 bytes", offer and len(offer[1].get(230, b"")) == 310)
    offer = ask(1, [("message-type", "discover"), ("param_req_list", [3, 1, 6])])
    check("the parameter list is followed, the netmask before the router",
          offer and offer[1]["order"].index(1) < offer[1]["order"].index(3) and 230 not in offer[1])
    offer = ask(1, [("message-type", "discover")], flags=0x8000)
    check("the broadcast flag makes a broadcast", offer and offer[0][:6] == b"\xff" * 6 and offer[0][30:34] == b"\xff" * 4)
    offer = ask(1, [("message-type", "discover"), ("lease_time", 100000)])
    check("a long lease is cut to the longest", offer and offer[1][51] == struct.pack(">I", 7200))
    offer = ask(9, [("message-type", "discover"), ("client_id", b"\xffwhat-ever")])
    check("the client id comes back (RFC 6842)", offer and offer[1].get(61) == b"\xffwhat-ever")


def states():
    addr = lease(2)
    expect("INIT-REBOOT with the right address", ask(2, [("message-type", "request"), ("requested_addr", addr)]), "ack")
    expect("INIT-REBOOT with a wrong one", ask(2, [("message-type", "request"), ("requested_addr", "10.0.0.215")]), "nak")
    nak = ask(2, [("message-type", "request"), ("requested_addr", "192.168.0.9")])
    expect("INIT-REBOOT on a wrong network", nak, "nak")
    check("a NAK is broadcast", nak and nak[0][30:34] == b"\xff" * 4)
    subprocess.run(["ip", "addr", "add", addr + "/24", "dev", "eth0"], check=True)
    renewal = ask(2, [("message-type", "request")], src=addr, dst=SERVER, ciaddr=addr, seconds=2)
    expect("RENEWING", renewal, "ack")
    check("is answered at the client's address", renewal and renewal[0][30:34] == socket.inet_aton(addr))
    subprocess.run(["ip", "addr", "del", addr + "/24", "dev", "eth0"], check=True)
    expect("REBINDING another's address", ask(3, [("message-type", "request")], ciaddr=addr), "nak")
    expect("SELECTING another server", ask(3, [("message-type", "request"), ("server_id", "10.0.0.9"), ("requested_addr", addr)]), "silence")
    expect("a REQUEST that asks for nothing", ask(2, [("message-type", "request")]), "silence")
    for n in (0, 1):
        expect(f"a client id of {n} bytes", ask(3, [("message-type", "discover"), ("client_id", b"\1" * n)], seconds=0.3), "silence")
    for t in (0, 2, 5, 6, 9, 13, 255):
        expect(f"message type {t}", ask(3, [(53, bytes([t]))], seconds=0.3), "silence")
    send(bootp(2, [("message-type", "decline"), ("server_id", SERVER), ("requested_addr", addr)])[0])
    time.sleep(0.2)
    again = lease(2)
    check("a declined address is not given again", again and again != addr, again)
    expect("nor to one who asks for it", ask(4, [("message-type", "discover"), ("requested_addr", addr)]), "offer")
    check("an INFORM gets no address", yiaddr(ask(5, [("message-type", "inform")], src="10.0.0.2", ciaddr="10.0.0.2")) in ("0.0.0.0", None))
    check("a fixed host gets its address", yiaddr(ask(0x505, [("message-type", "discover")])) == "10.0.0.77")


def relays():
    agent = bytes([1, 4]) + b"eth0" + bytes([2, 2]) + b"xy" + bytes([200, 1, 7])
    reply = ask(6, [("message-type", "discover"), (82, agent)], src="10.0.0.2", dst=SERVER, sport=67, giaddr="10.0.0.2", hops=3)
    expect("a relay with hops 3", reply, "offer")
    check("is answered at port 67", reply and reply[0][30:34] == socket.inet_aton("10.0.0.2") and reply[0][36:38] == b"\0C")
    check("option 82 comes back verbatim and last", reply and reply[1].get(82) == agent and reply[1]["order"][-1] == 82)
    nak = ask(6, [("message-type", "request"), ("requested_addr", "1.2.3.4")], src="10.0.0.2", dst=SERVER, sport=67, giaddr="10.0.0.2")
    check("a NAK by a relay has the broadcast bit", kind(nak) == "nak" and nak[0][42 + 10] & 0x80)


def junk():
    random.seed(7)
    for i in range(400):
        frame, _ = bootp(7, [("message-type", random.choice(["discover", "request", "decline", "release", "inform"]))])
        data = bytearray(raw(frame))
        for _ in range(random.randrange(1, 30)):
            data[random.randrange(42, len(data))] = random.randrange(256)
        cut = random.choice([0, 0, random.randrange(0, len(data) - 42)])
        payload = bytes(data[42 : len(data) - cut])
        send(Ether(src=mac(7), dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / Raw(payload))
    frame, xid = bootp(8, [("message-type", "discover")])
    overload = bytearray(raw(frame)[42:])
    overload[108:120] = b"\x0c\x04file\xff\0\0\0\0\0"
    overload[240:] = b"\x35\x01\x01\x34\x01\x03\xff"
    send(Ether(src=mac(8), dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / Raw(bytes(overload)))
    expect("an overloaded DISCOVER", answer(xid), "offer")
    frame, xid = bootp(8, [("message-type", "discover")])
    bad = frame.copy()
    bad[UDP].len = 9999
    send(bad)
    expect("a UDP length that lies", answer(xid, 0.3), "silence")


def starve():
    mine = lease(0x4242)
    for n in range(0x1000, 0x1000 + 1000):
        send(bootp(n, [("message-type", "discover")])[0])
    time.sleep(0.5)
    link.setblocking(False)
    try:
        while True:
            link.recv(4096)
    except OSError:
        pass
    expect("a known client after 1,000 DISCOVERs of others", ask(0x4242, [("message-type", "request"), ("requested_addr", mine)], seconds=3), "ack")
    check("and a fixed host", yiaddr(ask(0x505, [("message-type", "discover")], seconds=3)) == "10.0.0.77")


replies()
states()
relays()
junk()
starve()
