"""What deploy/regions prints about hosts and for registrars."""
from remote import RemoteError


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def host_row(host, state):
    """One line about a host: its role in the inventory, and what it is now."""
    if isinstance(state, RemoteError):
        return [host.name, host.region, host.role, "-", "-", "-", str(state).splitlines()[0]]
    node = state.node or {}
    is_member = state.phase == "member"
    now = state.phase or "-"
    if is_member and node["role"] == "leader":
        now = "leader"
    serves = f"serves {node['image_index']} of {node['commit_index']}" if is_member else "-"
    return [host.name, host.region, host.role, now, state.version or "not installed",
            f"{state.node_service}, gateway {state.gateway_service}", serves]


def hosts(inventory, states):
    table([["HOST", "REGION", "ROLE", "NOW", "PACKAGE", "SERVICE", "STATE"],
           *(host_row(host, states[host.name]) for host in inventory.hosts)])


def is_well(state):
    return (not isinstance(state, RemoteError) and state.phase == "member"
            and state.gateway_service == "active")


def kind(address):
    return "AAAA" if address.version == 6 else "A"


def delegation(inventory, nameservers):
    """What a registrar and the parent zone need: @nameservers of the cluster, absolute names."""
    domain = inventory.domain
    glue = [(f"{host.name}.{domain}.", kind(address), str(address)) for host in inventory.hosts
            if f"{host.name}.{domain}." in nameservers for address in host.addresses]
    print("\nGive these nameservers to the registrar of each domain that this cluster is to serve:\n")
    for name in nameservers:
        print(f"  {name.rstrip('.')}")
    print(f"\nand delegate {domain} to them, with glue, in the zone above it (at its registrar: as host "
          "objects):\n")
    for name in nameservers:
        print(f"  {domain}.  172800  NS  {name}")
    for name, record, address in glue:
        print(f"  {name}  172800  {record}  {address}")
