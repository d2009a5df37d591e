"""The room table of README.md ("Rooms"), as data: which folder may include which rooms."""
import pathlib
import sys

ROOMS = {
    "proto": [],
    "raft/core": [],
    "raft/io": ["raft/core", "proto"],
    "node/base": [],
    "node/dns": ["node/base"],
    "node/geo": ["node/base"],
    "node/policy": ["node/geo", "node/dns", "node/base"],
    "node/zone": ["node/policy", "node/geo", "node/dns", "node/base"],
    "node/query": ["node/zone", "node/policy", "node/geo", "node/dns", "node/base"],
    "node/querylog": ["node/dns", "node/base"],
    "node/dnstap": ["proto", "node/base"],
    "node/net": ["node/dnstap", "node/querylog", "node/query", "node/zone", "node/dns", "node/base"],
    "node/store": ["node/zone", "node/policy", "node/dns", "proto", "node/base"],
    "node/backup": ["node/store", "node/zone", "node/policy", "node/dns", "proto", "node/base"],
    "node/health": ["node/policy", "node/base"],
    "node/resolve": ["node/zone", "node/dns", "node/base"],
    "node/route53": ["node/zone", "node/policy", "node/geo", "node/dns", "node/base"],
    "node/cluster": ["node/querylog", "node/health", "node/resolve", "node/backup", "node/store",
                     "node/zone",
                     "node/policy", "node/geo", "node/dns", "raft/io", "raft/core", "proto", "node/base"],
    "node/control": ["node/cluster", "node/route53", "node/query", "node/backup", "node/store",
                     "node/zone",
                     "node/policy", "node/geo", "node/dns", "proto", "node/base"],
    "node/cli": ["node/route53", "node/backup", "node/zone", "node/policy", "node/geo", "node/dns", "proto",
                 "node/base"],
    "node/service": ["node/base"],
    "node/gateway": ["node/route53", "node/service", "node/config", "node/zone", "node/policy",
                     "node/geo", "node/dns", "proto", "node/base"],
    "node/main": ["*"],
    "node/serve": ["node/route53", "node/net", "node/dnstap", "node/zone", "node/policy", "node/geo", "node/dns",
                   "node/base"],
    "node/listen": ["node/config", "node/service", "node/net", "node/query", "node/dns", "node/base"],
    "node/config": ["node/base"],
    "node/metrics": ["node/net", "node/dnstap", "node/querylog", "node/cluster", "node/query", "node/zone",
                     "node/policy", "node/dns", "node/base"],
}

# Third-party headers and the only rooms whose sources (never headers) may include them.
FENCES = {
    "fstrm": ["node/dnstap"],
    "nng/": ["raft/io", "node/cluster", "node/control", "node/cli"],
    "rocksdb/": ["raft/io", "node/store"],
    "protobuf-c/": ["raft/io", "node/dnstap", "node/store", "node/backup", "node/cluster", "node/control",
                    "node/cli", "node/gateway"],
    ".pb-c.h": ["raft/io", "node/dnstap", "node/store", "node/backup", "node/cluster", "node/control",
                "node/cli", "node/gateway"],
    "uv.h": ["raft/io", "node/net", "node/health", "node/resolve", "node/cluster", "node/control",
             "node/service", "node/gateway", "node/main"],
    "systemd/": ["node/service"],
    "urcu": ["node/zone", "node/net", "node/main"],
    "gnutls/": ["node/base", "node/cluster", "node/gateway"],
    "zstd.h": ["node/backup"],
    "nettle/": ["raft/io", "node/backup", "node/cluster", "node/gateway"],
    "libknot/": ["node/dns", "node/zone", "node/net"],
    "bpf/": ["node/net"],
    "libdnssec/": ["node/cluster"],
    "libzscanner/": ["node/zone"],
    "jansson.h": ["node/cli", "node/route53", "node/gateway"],
    "libxml/": ["node/gateway"],
    "microhttpd.h": ["node/gateway"],
    "maxminddb.h": ["node/geo"],
    "curl/": ["node/health"],
    "ares": ["node/health", "node/resolve"],
    "cyaml/": ["node/config"],
    "xxhash.h": ["raft/io", "node/store"],
    "argp.h": ["node/cli", "node/gateway", "node/main"],
}


def room_of(path):
    """The room of a repository path such as node/zone/lookup.c or zone/lookup.h; None if none."""
    for prefix in ("", "node/"):
        full = prefix + path
        for room in sorted(ROOMS, key=len, reverse=True):
            if full.startswith((room + "/", room + "_")) or full in (room + ".c", room + ".h"):
                return room
    return None


def repository_root():
    """The folder named on the command line, else the current one."""
    names = [a for a in sys.argv[1:] if a != "--tap"]
    return pathlib.Path(names[0] if names else ".").resolve()


def verdict(check, breach_count, scope):
    """Print the closing line (TAP when asked) and return the exit status."""
    text = f"{check}: {breach_count} breaches in {scope}"
    if "--tap" in sys.argv:
        print(f"{'not ok' if breach_count else 'ok'} 1 - {text}")
    else:
        print(text)
    return 1 if breach_count else 0
