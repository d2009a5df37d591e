"""The inventory of deploy/regions: which hosts there are, read from a small file and checked as a whole
before anything is done. FORMAT is what the help says about it."""
import dataclasses
import ipaddress
import re

FORMAT = """\
  # The cluster's own zone, in which its nameservers have their names:
  domain  ns.example.net

  # name  ssh                      region         role     public addresses
  ns1     root@192.0.2.1           eu-central-1   voter    192.0.2.1 2001:db8:1::1
  ns2     admin@192.0.2.65:2222    eu-central-1   replica  192.0.2.65
  ns3     ns3-from-my-ssh-config   us-east-1      voter    198.51.100.7   peer=10.0.0.7

  name      one DNS label: the node's name, and that of its nameserver (ns1.ns.example.net)
  ssh       [USER@]HOST[:PORT] as for ssh; root, or a user with sudo that asks no password
  region    where the host stands; hosts of one region are close to each other
  role      voter or replica: 1, 3 or 5 voters, in as many regions as there are
  public addresses   what resolvers ask; the first is where the other nodes reach it, too, unless
            there is a peer=ADDRESS (a private network, or a public address that is translated)
"""
VOTERS = (1, 3, 5)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SSH = re.compile(r"(?:(?P<user>[a-z_][a-z0-9_-]*)@)?(?P<host>\[[0-9a-f:]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)"
                 r"(?::(?P<port>[0-9]{1,5}))?")
PORT_MAX = 65535


class InventoryError(Exception):
    """What is wrong, with the file's name and the line."""


@dataclasses.dataclass(frozen=True)
class Host:
    """One line of the inventory."""
    name: str
    ssh: str  # [user@]host
    port: str  # of ssh; "": what ssh thinks
    region: str
    role: str  # voter or replica
    addresses: tuple  # public, as ipaddress has them
    peer: object  # where other nodes reach it


@dataclasses.dataclass(frozen=True)
class Inventory:
    path: str
    domain: str
    hosts: tuple  # in the order of the file

    def host(self, name):
        """The host of this name; None when there is none."""
        return next((host for host in self.hosts if host.name == name), None)

    def voters(self):
        return [host for host in self.hosts if host.role == "voter"]

    def founding_order(self):
        """Voters first, so that they are the ones to get the votes."""
        return sorted(self.hosts, key=lambda host: host.role != "voter")


def parse_address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise InventoryError(f"'{text}' is not an IP address") from None


def parse_domain(words):
    name = words[0].rstrip(".").lower() if len(words) == 1 else ""
    labels = name.split(".")
    if len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels):
        raise InventoryError("'domain' wants one name of two labels or more, such as ns.example.net")
    return name


def parse_ssh(text):
    match = SSH.fullmatch(text)
    if not match or not 1 <= int(match["port"] or 22) <= PORT_MAX:
        raise InventoryError(f"'{text}' is not an ssh address: [USER@]HOST[:PORT]")
    host = match["host"].strip("[]")
    return f"{match['user']}@{host}" if match["user"] else host, match["port"] or ""


def parse_host(words):
    if len(words) < 5:
        raise InventoryError(f"{len(words)} words; a host has at least five: NAME SSH REGION ROLE ADDRESS")
    name, ssh, region, role, *rest = words
    if not LABEL.fullmatch(name):
        raise InventoryError(f"the name '{name}' is not one DNS label in lower case")
    if not REGION.fullmatch(region):
        raise InventoryError(f"the region '{region}' is not made of a-z, 0-9 and -")
    if role not in ("voter", "replica"):
        raise InventoryError(f"the role is voter or replica, not '{role}'")
    peers = [word.removeprefix("peer=") for word in rest if word.startswith("peer=")]
    addresses = tuple(parse_address(word) for word in rest if not word.startswith("peer="))
    if len(peers) > 1:
        raise InventoryError("one peer= is enough")
    if not addresses:
        raise InventoryError(f"{name} has no public address")
    peer = parse_address(peers[0]) if peers else addresses[0]
    return Host(name, *parse_ssh(ssh), region, role, addresses, peer)


def check_new(host, before):
    """@host shares nothing with the hosts on the lines before it."""
    for other in before:
        if other.name == host.name:
            raise InventoryError(f"there is a {host.name} already")
        if (other.ssh, other.port) == (host.ssh, host.port):
            raise InventoryError(f"{host.name} is the same machine as {other.name}: {host.ssh}")
        shared = {*host.addresses, host.peer} & {*other.addresses, other.peer}
        if shared:
            raise InventoryError(f"{host.name} has the address {min(shared, key=str)} of {other.name}")


def parse(text, path):
    """The inventory that is @text; @path is for errors. Raises InventoryError."""
    domain, hosts = None, []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            if words[0] != "domain":
                host = parse_host(words)
                check_new(host, hosts)
                hosts.append(host)
            elif domain is not None:
                raise InventoryError("there is a domain already")
            else:
                domain = parse_domain(words[1:])
        except InventoryError as wrong:
            raise InventoryError(f"{path}, line {number}: {wrong}") from None
    inventory = Inventory(path, domain, tuple(hosts))
    if domain is None:
        raise InventoryError(f"{path}: there is no line 'domain NAME'")
    if len(inventory.voters()) not in VOTERS:
        raise InventoryError(f"{path}: {len(inventory.voters())} voters; it takes 1, 3 or 5")
    return inventory


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path)
    except (OSError, UnicodeDecodeError) as wrong:
        raise InventoryError(f"{path}: {getattr(wrong, 'strerror', None) or 'not a text file'}") from None
