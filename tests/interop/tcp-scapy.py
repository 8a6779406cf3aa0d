# SPDX-License-Identifier: ISC
"""tcp-scapy.py INTERFACE OUR_ADDRESS ITS_ADDRESS PORT NAME: forged segments, and what the RFCs want as the answer to each.

One line "ok NAME: WHAT" or "not ok NAME: WHAT: ..." for each rule."""
import random
import sys

from scapy.all import ARP, ICMP, IP, TCP, AsyncSniffer, Ether, Raw, conf, sendp, srp1

interface, ours, its, port, name = sys.argv[1:6]
port = int(port)
conf.verb = 0
mac = srp1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=ours, pdst=its), iface=interface, timeout=3).hwsrc


def judge(what, good, got):
    print(f"ok {name}: {what}" if good else f"not ok {name}: {what}: {got.summary() if hasattr(got, 'summary') else got}")


def ask(segment, wait=0.6, count=1):
    """Sends a segment; gives the first answer, a list for a larger count, or None."""
    sniffer = AsyncSniffer(iface=interface, lfilter=lambda p: p.haslayer(TCP) and p[IP].src == its and p[TCP].dport == segment.sport,
                           count=count, timeout=wait)
    sniffer.start()
    while not hasattr(sniffer, "stop_cb"):
        pass
    sendp(Ether(dst=mac) / IP(src=ours, dst=its) / segment, iface=interface)
    sniffer.join()
    answers = sniffer.results
    return (answers[0] if answers else None) if count == 1 else answers


def flags(packet):
    return str(packet[TCP].flags) if packet is not None else "nothing"


class Connection:
    def __init__(self, **options):
        self.sport = random.randrange(20000, 30000)
        self.seq = random.randrange(1 << 32)
        self.synack = ask(TCP(sport=self.sport, dport=port, flags="S", seq=self.seq, window=65535,
                              options=options.get("options", [("MSS", 1460)])))
        self.seq = (self.seq + 1) % (1 << 32)
        self.ack = (self.synack[TCP].seq + 1) % (1 << 32)
        sendp(Ether(dst=mac) / IP(src=ours, dst=its) / self.segment("A"), iface=interface)

    def segment(self, flags, off=0, ack=0, text=b"", **more):
        t = TCP(sport=self.sport, dport=port, flags=flags, seq=(self.seq + off) % (1 << 32),
                ack=(self.ack + ack) % (1 << 32), window=65535, **more)
        return t / Raw(text) if text else t

    def end(self):
        sendp(Ether(dst=mac) / IP(src=ours, dst=its) / self.segment("R"), iface=interface)


c = Connection()
judge("a SYN is answered by SYN-ACK", flags(c.synack) == "SA", c.synack)
got = ask(c.segment("PA", text=b"abc"), count=3)
judge("data comes back", got and any(bytes(p[TCP].payload)[:3] == b"abc" for p in got), got)
c.seq += 3
c.ack += 3
sendp(Ether(dst=mac) / IP(src=ours, dst=its) / c.segment("A"), iface=interface)

got = ask(c.segment("R", off=100))
judge("RFC 5961 3.2: a RST within the window is challenged", flags(got) == "A" and got[TCP].ack == c.seq % (1 << 32), got)
got = ask(c.segment("R", off=1 << 20))
judge("RFC 5961 3.2: a RST outside the window is ignored", got is None, got)
got = ask(c.segment("S", off=50))
judge("RFC 5961 4.2: a SYN in a connection is challenged", flags(got) == "A", got)
other = Connection()  # challenges are limited for each connection
got = ask(other.segment("A", ack=1 << 20))
other.end()
judge("RFC 5961 5.2: an ACK of what was not sent is answered by an ACK", flags(got) == "A", got)
got = ask(c.segment("PA", off=-1, text=b"c"))
judge("old data is acknowledged again", flags(got) == "A" and got[TCP].ack == c.seq % (1 << 32), got)
got = ask(c.segment("PA", off=5, text=b"later"))
judge("early data is answered by a duplicate ACK", flags(got) == "A" and got[TCP].ack == c.seq % (1 << 32), got)
got = ask(c.segment("", text=b"x"))
judge("RFC 9293 3.10.7.4: a segment without ACK is dropped", got is None, got)
c.end()
got = ask(c.segment("A"))
judge("an exact RST ends it: the next segment is answered by RST", flags(got) == "R", got)

got = ask(TCP(sport=31000, dport=port, flags="SF", seq=1))
judge("SYN with FIN makes no half-open connection that is acknowledged twice", got is None or flags(got) in ("SA", "RA"), got)
got = ask(TCP(sport=31001, dport=port, flags="SR", seq=1))
judge("SYN with RST is dropped", got is None, got)
got = ask(TCP(sport=31002, dport=port, flags="FPU", seq=1))
judge("FIN, PSH and URG alone, to a listener: nothing", got is None, got)
got = ask(TCP(sport=31003, dport=port, flags="A", seq=1, ack=77))
judge("RFC 9293 3.10.7.2: an ACK to a listener is answered by RST with its number", flags(got) == "R" and got[TCP].seq == 77, got)
got = ask(TCP(sport=31004, dport=9, flags="S", seq=1))
judge("RFC 9293 3.10.7.1: a SYN to a closed port is answered by RST, ACK", flags(got) == "RA" and got[TCP].ack == 2, got)
got = ask(TCP(sport=31005, dport=port, flags="S", seq=1, dataofs=4))
judge("a header of 16 bytes is dropped", got is None, got)
got = ask(TCP(sport=31006, dport=port, flags="S", seq=1, chksum=1))
judge("a wrong checksum is dropped", got is None, got)
got = ask(TCP(sport=31007, dport=port, flags="S", seq=1, options=[("MSS", 0)]))
judge("an MSS of 0 is survived", flags(got) == "SA", got)
got = ask(TCP(sport=31008, dport=port, flags="S", seq=1, options=[("WScale", 255), ("MSS", 1460)]))
judge("a window scale of 255 is survived", flags(got) == "SA", got)

c = Connection()
sendp(Ether(dst=mac) / IP(src=its, dst=ours) / TCP(), iface=interface)  # from itself: a martian
quoted = IP(src=its, dst=ours) / TCP(sport=port, dport=c.sport, seq=(c.ack + (1 << 20)) % (1 << 32))
sendp(Ether(dst=mac) / IP(src=ours, dst=its) / ICMP(type=3, code=3) / bytes(quoted)[:28], iface=interface)
got = ask(c.segment("PA", text=b"hi"), count=3)
judge("RFC 5927: an ICMP error about a number not in flight ends nothing", got and any(bytes(p[TCP].payload)[:2] == b"hi" for p in got), got)
c.end()
