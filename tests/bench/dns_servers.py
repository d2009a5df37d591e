"""The nameservers that tests/bench/dns compares: each with one UDP worker (Knot's and Quartet's AF_XDP
modes: one socket), no limits of rates, no log of queries, receive buffers of 1 MiB where that is an
option, and otherwise its defaults."""
import dataclasses
import pathlib

PORT = 53


@dataclasses.dataclass
class Place:
    """Where one server runs: its files, its data, its address and interface."""
    folder: pathlib.Path
    data: object  # dns_workloads.Data
    address: str
    interface: str
    build: pathlib.Path
    quartet_words: tuple = ()


def echo(place):
    return [place.build / "tests" / "bench_dns_echo", place.address, PORT]


def echo_xdp(place):
    return [place.build / "tests" / "bench_dns_echo_xdp", place.interface, PORT]


def quartet(place):
    return [place.build / "quartetd", "--serve", f"{place.address}:{PORT}", "--threads", 1,
            "--zone-list", place.data.zone_list, "--log-level", "warn", *place.quartet_words]


def quartet_xdp(place):
    return [*quartet(place), "--xdp", place.interface]


KNOT = """server:
  rundir: {folder}
  listen: {address}@{port}
  udp-workers: 1
  tcp-workers: 1
  tcp-max-clients: 1000
{xdp}database:
  storage: {folder}
log:
  - target: stderr
    any: error
template:
  - id: default
    storage: {zones}
    file: "%s"
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
"""


def knot(place, xdp=""):
    """Its text configuration becomes a database in memory, limited to 500 MB unless told."""
    path = place.folder / "knot.conf"
    with open(path, "w") as file:
        file.write(KNOT.format(folder=place.folder, address=place.address, port=PORT,
                               zones=place.data.zones, xdp=xdp))
        file.writelines(f"  - domain: {zone}\n" for zone in place.data.names)
    return ["knotd", "-c", path, "-s", place.folder / "knot.sock", "-m", 2000]


def knot_xdp(place):
    return knot(place, f"xdp:\n  listen: {place.interface}@{PORT}\n")


NSD = """server:
  server-count: 1
  ip-address: {address}@{port}
  username: ""
  chroot: ""
  zonesdir: "{zones}"
  database: ""
  pidfile: "{folder}/pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
  verbosity: 0
  tcp-count: 1000
  receive-buffer-size: 1048576
  send-buffer-size: 1048576
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"""


def nsd(place):
    path = place.folder / "nsd.conf"
    with open(path, "w") as file:
        file.write(NSD.format(folder=place.folder, address=place.address, port=PORT,
                              zones=place.data.zones))
        file.writelines(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}"\n'
                        for zone in place.data.names)
    return ["nsd", "-d", "-c", path]


GDNSD = """options => {{
  listen => [ {address} ]
  udp_threads => 1
  tcp_threads => 1
  tcp_clients_per_thread => 1000
  udp_rcvbuf => 1048576
  udp_sndbuf => 1048576
  run_dir => {folder}/run
  state_dir => {folder}/state
}}
"""


def gdnsd(place):
    """It serves the files of one folder, by their names."""
    for name in ("run", "state"):
        (place.folder / name).mkdir()
    (place.folder / "config").write_text(GDNSD.format(folder=place.folder, address=place.address))
    (place.folder / "zones").symlink_to(place.data.zones)
    return ["gdnsd", "-c", place.folder, "start"]


@dataclasses.dataclass
class Kind:
    key: str
    title: str
    command: callable  # of a Place
    is_xdp: bool = False
    is_dns: bool = True


SERVERS = {k.key: k for k in (
    Kind("echo", "echo", echo, is_dns=False),
    Kind("echo-xdp", "echo AF_XDP", echo_xdp, is_xdp=True, is_dns=False),
    Kind("quartet", "Quartet", quartet),
    Kind("quartet-xdp", "Quartet AF_XDP", quartet_xdp, is_xdp=True),
    Kind("knot", "Knot", knot),
    Kind("knot-xdp", "Knot AF_XDP", knot_xdp, is_xdp=True),
    Kind("nsd", "NSD", nsd),
    Kind("gdnsd", "gdnsd", gdnsd),
)}
