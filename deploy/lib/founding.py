"""deploy/regions up: from bare hosts, or from wherever the last 'up' stopped, to one cluster in sync."""
import json
import pathlib
import subprocess

import machine
import report
import upkeep
from fleet import Problem

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN_TTL = "15m"


def build_package():
    """Make the package of this tree; its path."""
    done = subprocess.run([ROOT / "deploy/package"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Problem("the package could not be built", "deploy/package")
    return done.stdout.splitlines()[0]


def check(fleet, states, version):
    """Refuse what 'up' must not mend by itself."""
    for host in fleet.inventory.hosts:
        state = states[host.name]
        if version and state.version not in ("", version):
            raise Problem(f"{host.name} has version {state.version}; the package is {version}",
                          fleet.command("upgrade", "--package", "FILE"))
        if state.phase == "removed":
            raise Problem(f"{host.name} was removed from its cluster, and its data is worthless",
                          f"ssh {host.ssh} rm -r {machine.DATA}/*    # after 'systemctl stop quartetd'; "
                          "then the same command again")
        if state.phase == "member" and state.node["domain"].rstrip(".") != fleet.inventory.domain:
            raise Problem(f"{host.name} is a member of another cluster, {state.node['domain']}",
                          f"edit {fleet.inventory.path}")
        if state.phase == "member" and state.node["name"] != host.name:
            raise Problem(f"the node on {host.ssh} is {state.node['name']}, not {host.name}",
                          f"edit {fleet.inventory.path}")


def up(fleet, package):
    """Bring every host into the cluster, one after the other."""
    states = fleet.survey_whole()
    if not package and not all(state.version for state in states.values()) and not fleet.is_dry:
        fleet.say(None, "building the package (deploy/package; --package FILE takes one that is there)")
        package = build_package()
    check(fleet, states, machine.package_version(package) if package else None)
    wake(fleet, states)
    is_founded = any(state.phase == "member" for state in states.values())
    for host in fleet.inventory.founding_order():
        bring(fleet, host, states[host.name], package, is_founded)
        is_founded = True
    if not fleet.is_dry:
        set_roles(fleet)
        finish(fleet)


def wake(fleet, states):
    """First the nodes that were set up before and are silent: without a quorum none comes in sync, and
    a cluster that sleeps must not be founded a second time."""
    for host in fleet.inventory.hosts:
        state = states[host.name]
        if state.version and machine.END in state.config and not state.node:
            states[host.name] = run_node(fleet, host, state)


def run_node(fleet, host, state):
    """As the inventory has it; the state then."""
    wanted = machine.wanted_config(host, state.config)
    is_changed = state.config != wanted
    if is_changed:
        fleet.do(host, f"write {machine.CONFIG}", machine.configure, wanted)
    if is_changed and state.node:
        if state.node["role"] == "leader" and not fleet.is_dry:
            upkeep.leave_lead(fleet, host)
        fleet.do(host, "restart with its new configuration", machine.restart)
    elif not state.node or state.gateway_service != "active":
        fleet.do(host, "start quartetd and quartet-gateway", machine.start)
    return state if fleet.is_dry else machine.wait_answers(fleet.remote, host)


def bring(fleet, host, state, package, is_founded):
    """All that is missing on one host."""
    if not state.version:
        fleet.do(host, f"install {package or 'the package'}", machine.install, package)
        if not fleet.is_dry:
            state = machine.survey(fleet.remote, host)
            fleet.say(host, f"installed, version {state.version}")
    state = run_node(fleet, host, state)
    if state.phase != "member":
        enter(fleet, host, is_founded)
    if not fleet.is_dry:
        settle(fleet, host)


def enter(fleet, host, is_founded):
    """Make a cluster of the node, or let it join the one that is there."""
    domain = fleet.inventory.domain
    if not is_founded:
        fleet.do(host, f"make the cluster {domain}", machine.quartet, "cluster", "init", "--domain", domain)
        voters = str(len(fleet.inventory.voters()))
        fleet.do(host, f"set {voters} voters", machine.quartet, "cluster", "settings", "--voters", voters)
    elif fleet.is_dry:
        fleet.say(host, f"would join the cluster {domain}")
    else:
        by = fleet.speaker(besides=host)
        fleet.say(host, f"join the cluster {domain} by {by.name}")
        token = fleet.quartet(by, "token", "create", "--bare", "--ttl", TOKEN_TTL).strip()
        machine.join(fleet.remote, host, machine.admin_address(by), token)


def settle(fleet, host):
    fleet.wait_in_sync(host)
    state = machine.survey(fleet.remote, host)
    if state.gateway_service != "active":
        raise Problem(f"{host.name}: its gateway is {state.gateway_service}",
                      f"ssh {host.ssh} journalctl -u quartet-gateway -n 30")
    fleet.check_dns(host)
    fleet.say(host, "in sync, answers DNS")


def misplaced(fleet, members, is_voter):
    """Members that have a vote, or have none, although the inventory wants the opposite."""
    return [host for host in fleet.inventory.hosts if host.name in members
            and (members[host.name]["role"] == "voter") == is_voter != (host.role == "voter")]


def set_roles(fleet):
    """Votes as the inventory wants them. The autopilot, which would mend in between, rests meanwhile."""
    by = fleet.speaker()
    members, _ = fleet.members(by)
    wrong = misplaced(fleet, members, True), misplaced(fleet, members, False)
    settings = json.loads(fleet.quartet(by, "cluster", "settings", "--json"))
    wanted = len(fleet.inventory.voters())
    if settings["voters_max"] == wanted and settings["autopilot"] and not any(wrong):
        return
    fleet.quartet(by, "cluster", "settings", "--autopilot", "off", "--voters", str(wanted))
    for host in wrong[1]:
        fleet.do(host, "give it a vote", lambda *_: fleet.quartet(by, "member", "promote", host.name))
    for host in wrong[0]:
        fleet.do(host, "make it a replica", lambda *_: fleet.quartet(by, "member", "demote", host.name))
    fleet.quartet(by, "cluster", "settings", "--autopilot", "on")


def finish(fleet):
    """The whole cluster is healthy; print what makes it known to the world."""
    by = fleet.speaker()
    fleet.quartet(by, "cluster", "wait", "--timeout", "2m", timeout_s=150)
    zone = json.loads(fleet.quartet(by, "zone", "show", fleet.inventory.domain, "--json"))
    fleet.say(None, f"{len(fleet.inventory.hosts)} hosts in sync")
    report.delegation(fleet.inventory, zone["name_servers"])
