"""The classroom: the address others on the same network open, and its QR code."""

import io
import ipaddress
import socket

import segno

EVERYWHERE = {"0.0.0.0": ("192.0.2.1", socket.AF_INET), "::": ("2001:db8::1", socket.AF_INET6)}


def local(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hosts(host: str) -> list[str]:
    """The names a server answers to: on one machine its own alone, so that no other site's name can stand for them."""
    return ["localhost", "127.0.0.1", "[::1]", host] if local(host) else ["*"]


def url(host: str, port: int) -> str:
    """The address to open; for "all addresses" of this machine that of its local network."""
    name = _own(*EVERYWHERE[host]) if host in EVERYWHERE else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


def _own(elsewhere: str, family: socket.AddressFamily) -> str:
    """This machine's address on the way to an example of RFC 5737 or 3849, to which nothing is sent; else its name."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def terminal(address: str) -> str:
    """The QR code in half-block characters, for a terminal."""
    out = io.StringIO()
    segno.make(address, micro=False).terminal(out, compact=True)
    return out.getvalue()


def image(address: str) -> str:
    """The QR code as a data URI of an SVG, black on white."""
    return segno.make(address, micro=False).svg_data_uri(scale=8, light="white")
