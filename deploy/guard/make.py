#!/usr/bin/env python3
"""Writes the guard lists that ship, from facts of primary registries that stand below with their sources.

Run in this folder: python3 make.py. The result is committed; a run that changes nothing proves that the files and the
facts agree (python3 make.py --check, part of make lint).

Each file is a plain text list as `hushwire guard import` reads it: headers, then one value a line.
"""

import ipaddress
import pathlib
import sys

VERSION = "2026-11-27"
HERE = pathlib.Path(__file__).parent


def excluding(networks, holes):
    """The networks without the holes, as the fewest networks."""
    left = [ipaddress.ip_network(network) for network in networks]
    for hole in map(ipaddress.ip_network, holes):
        parts = []
        for network in left:
            if network.version == hole.version and hole.subnet_of(network):
                parts.extend(network.address_exclude(hole))
            else:
                parts.append(network)
        left = parts
    return left


# IANA IPv4 Special-Purpose Address Registry (RFC 6890): blocks that are not globally reachable, and multicast.
SPECIAL_IPV4 = [
    "0.0.0.0/8",  # this network, RFC 791
    "10.0.0.0/8",  # private use, RFC 1918
    "100.64.0.0/10",  # shared by carriers' customers, RFC 6598
    "127.0.0.0/8",  # loopback, RFC 1122
    "169.254.0.0/16",  # link local, RFC 3927
    "172.16.0.0/12",  # private use, RFC 1918
    "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.168.0.0/16",  # private use, RFC 1918
    "198.18.0.0/15",  # benchmarking, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
    "224.0.0.0/4",  # multicast, RFC 5771
    "240.0.0.0/4",  # reserved, RFC 1112, with limited broadcast, RFC 919
]
# Globally reachable exceptions inside 192.0.0.0/24.
REACHABLE_IPV4 = ["192.0.0.9/32", "192.0.0.10/32"]

# IANA Internet Protocol Version 6 Address Space: only 2000::/3 is global unicast; the rest is special or unassigned.
# IANA IPv6 Special-Purpose Address Registry: blocks inside 2000::/3 that are not globally reachable.
SPECIAL_IPV6 = [
    "::/3",  # unspecified, loopback, mapped, translation, discard-only and unassigned
    "4000::/2",
    "8000::/1",  # unassigned, unique local, link local, multicast
    "2001::/23",  # IETF protocol assignments, RFC 2928
    "2001:db8::/32",  # documentation, RFC 3849
    "3fff::/20",  # documentation, RFC 9637
]
# IPv4-mapped addresses are read as the IPv4 addresses they carry; the others are globally reachable exceptions
# inside 2001::/23.
REACHABLE_IPV6 = [
    "::ffff:0:0/96",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
]

# Public resolvers, as their operators publish them: the address of half the world's name look-ups is nobody's.
PUBLIC_RESOLVERS = [
    # Google Public DNS
    "8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844",
    # Cloudflare
    "1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001",
    # Quad9
    "9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9",
    # OpenDNS
    "208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53",
    # AdGuard
    "94.140.14.14", "94.140.15.15", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff",
]

# IANA Special-Use Domain Names (RFC 6761 and followers), names that lead nowhere in the public DNS; ICANN board
# resolution of 2024-07-29 for "internal". "onion" is left out: such a name is one service's own.
SPECIAL_USE = ["alt", "arpa", "internal", "invalid", "local", "localhost", "test"]

# RFC 2606 and RFC 6761: names for documentation. Nobody has a mailbox or a page there, so an address or URL at one is an
# example or a test, and rejected with the name.
DOCUMENTATION = ["example", "example.com", "example.net", "example.org"]

# Domains under which a provider gives a mailbox to everybody, as the providers name them.
MAIL_PROVIDERS = [
    "gmail.com", "googlemail.com",
    "outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.de", "hotmail.fr", "hotmail.it", "live.com", "msn.com",
    "yahoo.com", "yahoo.co.uk", "yahoo.co.in", "yahoo.co.jp", "yahoo.de", "yahoo.fr", "yahoo.it", "ymail.com", "aol.com",
    "icloud.com", "me.com", "mac.com",
    "proton.me", "protonmail.com", "pm.me", "tuta.com", "tutanota.com", "fastmail.com", "zoho.com", "hey.com",
    "gmx.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "posteo.de", "mailbox.org",
    "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr",
    "libero.it", "virgilio.it", "tiscali.it",
    "btinternet.com", "sky.com", "virginmedia.com", "talktalk.net",
    "mail.ru", "bk.ru", "inbox.ru", "list.ru", "yandex.ru", "yandex.com", "ya.ru", "rambler.ru",
    "qq.com", "foxmail.com", "163.com", "126.com", "sina.com", "naver.com", "daum.net",
    "seznam.cz", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "ukr.net", "abv.bg",
    "comcast.net", "verizon.net", "att.net", "sbcglobal.net", "bellsouth.net", "cox.net", "charter.net", "rogers.com",
    "uol.com.br", "bol.com.br", "terra.com.br", "rediffmail.com", "bigpond.com", "optusnet.com.au",
]

# Numbers that regulators keep free for drama and documentation, in E.164; "?" is any digit.
RESERVED_PHONES = {
    "North American Numbering Plan: 555-0100 to 555-0199 of every area (ATIS-0300115)": ["+1???55501??"],
    "United Kingdom, Ofcom, numbers for drama use": [
        "+441134960???", "+441144960???", "+441154960???", "+441164960???", "+441174960???", "+441184960???",
        "+441214960???", "+441314960???", "+441414960???", "+441514960???", "+441614960???", "+442079460???",
        "+441914980???", "+442896496???", "+442920180???", "+441632960???", "+447700900???", "+448081570???",
        "+449098790???", "+443069990???",
    ],
    "Ireland, ComReg: 020 91": ["+3532091?????"],
    "France, ARCEP decision 2018-0881: audiovisual works": [
        "+3319900????", "+3326191????", "+3335301????", "+3346571????", "+3353649????", "+3363998????",
    ],
    "Germany, Bundesnetzagentur, numbers for the media": [
        "+493023125???", "+496990009???", "+494066969???", "+492214710???", "+498999998???",
        "+4917139200??", "+49176040690??",
        "+4915228817386", "+4915228895456", "+4915254599371",
    ],
    "Sweden, PTS, numbers for literature and film": [
        "+463139006??", "+464062804??", "+468465004??", "+469803192??",
    ]
    + [f"+4670174{number:04}" for number in range(605, 700)],
    "Australia, ACMA, numbers for creative works": [
        f"+61{area}{block}????" for area in (2, 3, 7, 8) for block in (5550, 7010)
    ]
    + [
        f"+61491{number}"
        for number in (
            "570006 570156 570157 570158 570159 570110 570313 570737 571266 571491 571804 572549 572665 572983 573770 "
            "573087 574118 574632 575254 575789 576398 576801 577426 577644 578957 578148 578888 579212 579760 579455"
        ).split()
    ]
    + ["+611800160401"]
    + [f"+61{service}9757{number}" for service in (1300, 1800) for number in ("07", "08", "09", "10", "11")],
}

# Numbers that card schemes and payment services publish for testing.
TEST_CARDS = [
    # Visa
    "4111111111111111", "4012888888881881", "4222222222222", "4242424242424242", "4000056655665556", "4000000000000002",
    "4005519200000004", "4009348888881881", "4012000033330026", "4012000077777777", "4217651111111119",
    "4500600000000061", "4000002760003184", "4000000000003220", "4000000000000077", "4444333322221111",
    # Mastercard
    "5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222", "2223000048400011", "5454545454545454",
    "5555341244441115", "5431111111111111", "2222400070000005", "5500000000000004",
    # American Express
    "378282246310005", "371449635398431", "378734493671000", "340000000000009", "370000000000002",
    # Discover, Diners Club
    "6011111111111117", "6011000990139424", "6011000000000004", "6011981111111113", "30569309025904", "38520000023237",
    "3056930009020004", "36227206271667", "30000000000004",
    # JCB, UnionPay
    "3530111333300000", "3566002020360505", "3566111111111113", "6200000000000005", "6200000000000047", "6205500000000000004",
    # Maestro and others
    "6759649826438453", "6304000000000000", "5019717010103742", "6331101999990016",
]

# RFC 2142 mailbox names, and the names that systems write from: whole departments read and forget to write there.
ROLE_MAILBOXES = [
    "abuse", "billing", "contact", "ftp", "hello", "help", "hostmaster", "info", "mail", "mailer-daemon", "marketing",
    "news", "no-reply", "noc", "noreply", "office", "postmaster", "privacy", "root", "sales", "security", "service",
    "support", "usenet", "uucp", "webmaster", "www",
]


def luhn_valid(digits):
    values = [int(digit) for digit in reversed(digits)]
    return sum(value if place % 2 == 0 else sum(divmod(2 * value, 10)) for place, value in enumerate(values)) % 10 == 0


def written(name, grade, kinds, source, lines, scope="site"):
    header = [
        f"# name: {name}",
        f"# version: {VERSION}",
        f"# grade: {grade}",
        f"# kinds: {kinds}",
        f"# scope: {scope}",
        f"# source: {source}",
    ]
    return f"{name}.txt", "\n".join(header + list(lines)) + "\n"


def phones():
    for source, numbers in RESERVED_PHONES.items():
        yield f"# {source.replace(':', ',')}"
        yield from numbers


def files():
    wrong = [card for card in TEST_CARDS if not luhn_valid(card)]
    if wrong:
        sys.exit(f"test cards with a wrong check digit: {wrong}")
    networks = excluding(SPECIAL_IPV4, REACHABLE_IPV4) + excluding(SPECIAL_IPV6, REACHABLE_IPV6)
    networks.sort(key=lambda network: (network.version, network))
    yield written(
        "special_purpose_networks", "reject", "ip ip6net url",
        "IANA special-purpose address registries and IPv6 address space", map(str, networks), scope="everything",
    )
    yield written("public_resolvers", "reject", "ip ip6net url", "the operators' own pages", PUBLIC_RESOLVERS)
    yield written(
        "special_use_names", "reject", "domain url email mailbox", "IANA special-use domain names, ICANN",
        (f".{name}" for name in SPECIAL_USE), scope="everything",
    )
    yield written(
        "documentation_names", "reject", "domain url email mailbox", "RFC 2606, RFC 6761",
        (f".{name}" for name in DOCUMENTATION), scope="everything",
    )
    yield written("mail_providers", "reject", "domain url", "the providers' own pages", sorted(MAIL_PROVIDERS))
    yield written("reserved_phones", "reject", "phone", "national regulators", phones())
    yield written("test_cards", "reject", "pan", "schemes' and payment services' test pages", sorted(TEST_CARDS))
    yield written(
        "role_mailboxes", "weak", "email mailbox", "RFC 2142 and common practice", (f"{name}@" for name in ROLE_MAILBOXES)
    )


def main():
    stale = []
    for name, content in files():
        path = HERE / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != content:
                stale.append(name)
        else:
            path.write_text(content)
    if stale:
        sys.exit(f"these lists are not what make.py writes: {', '.join(stale)}")


if __name__ == "__main__":
    main()
