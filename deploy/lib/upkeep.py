"""deploy/regions status, restart, upgrade, remove and destroy."""
import json

import machine
import report
from fleet import Problem
from remote import RemoteError, Unreachable


def status(fleet):
    """Print all hosts and the cluster; is all well?"""
    states = fleet.survey()
    report.hosts(fleet.inventory, states)
    try:
        by = fleet.speaker()
    except Problem as problem:
        print(f"\n{problem}")
        return False
    print()
    print(fleet.quartet(by, "cluster", "status"), end="")
    _, cluster = fleet.members(by)
    return cluster["health"] == "healthy" and all(map(report.is_well, states.values()))


def rolling_order(fleet, is_needed):
    """Replicas, then voters, the leader last: leadership moves once. Before them a single host that is
    not in sync, if it is to be changed: that may be what it needs, such as another version."""
    members, _ = fleet.members(fleet.speaker())
    lame = [host for host in fleet.inventory.hosts
            if members.get(host.name, {}).get("condition") != "in sync"]
    if len(lame) > 1 or any(host.name not in members or not is_needed(host) for host in lame):
        condition = members.get(lame[0].name, {}).get("condition", "not a member")
        raise Problem(f"{lame[0].name} is {condition}; no node is taken away before all are in sync",
                      fleet.command("up"))

    def rank(host):
        return (host not in lame, members[host.name]["is_leader"],
                members[host.name]["role"] == "voter")
    return sorted(fleet.inventory.hosts, key=rank)


def leave_lead(fleet, host):
    """Leadership goes elsewhere before the node does, so that changes do not wait for an election."""
    members, _ = fleet.members(fleet.speaker())
    voters = sum(member["role"] == "voter" for member in members.values())
    if members[host.name]["is_leader"] and voters > 1:
        fleet.say(host, "hand leadership over")
        fleet.quartet(host, "member", "transfer")


def roll(fleet, what, step, is_needed):
    """@step on each host in turn; the next one only when the last is in sync again."""
    for host in rolling_order(fleet, is_needed):
        if not is_needed(host):
            fleet.say(host, f"nothing to do: {what} was done before")
            continue
        if not fleet.is_dry:
            leave_lead(fleet, host)
        fleet.do(host, what, step)
        if fleet.is_dry:
            continue
        state = machine.wait_answers(fleet.remote, host)
        fleet.wait_in_sync(host)
        fleet.check_dns(host)
        fleet.say(host, f"in sync, answers DNS, version {state.version}")
    fleet.say(None, "done" if not fleet.is_dry else "nothing was changed")


def restart(fleet):
    fleet.survey_whole()
    roll(fleet, "restart", machine.restart, lambda host: True)


def upgrade(fleet, package):
    """Every host to the version of @package; the package's scripts restart the services."""
    version = machine.package_version(package)
    states = fleet.survey_whole()
    roll(fleet, f"install version {version}",
         lambda remote, host: machine.install(remote, host, package),
         lambda host: states[host.name].version != version)
    if not fleet.is_dry:
        tell_what_is_left(fleet, fleet.speaker())


def tell_what_is_left(fleet, by):
    """Once every host runs the new version: is there something to finalize? That is the operator's."""
    print("\n" + fleet.quartet(by, "upgrade", "status"), end="")
    status = json.loads(fleet.quartet(by, "upgrade", "status", "--json"))
    known = [member["feature_level"] for member in status["members"]]
    if min(known) > status["feature_level"]:
        then = (f"ssh {by.ssh} quartet upgrade finalize    # once you are content with it: after it there "
                "is no way back")
    elif max(known) > status["feature_level"]:
        then = f"ssh {by.ssh} quartet upgrade plan    # nodes that this inventory does not have"
    else:
        then = "nothing; the new version brings no feature level, so there is nothing to finalize"
    print(f"\nnext: {then}\nback: {fleet.command('upgrade', '--package', 'OLD')}")


def remove(fleet, host):
    """Take a host out of the cluster, then stop it. It may be dead."""
    by = fleet.speaker(besides=host)
    members, _ = fleet.members(by)
    if host.name in members:
        if members[host.name]["is_leader"] and not fleet.is_dry:
            leave_lead(fleet, host)
        fleet.do(host, f"remove it from the cluster, by {by.name}",
                 lambda *_: fleet.quartet(by, "member", "remove", host.name))
    else:
        fleet.say(host, "is no member of the cluster")
    try:
        fleet.do(host, "stop quartetd and quartet-gateway", machine.stop)
    except Unreachable as gone:
        fleet.say(host, f"cannot be reached, so nothing is stopped there: {gone}")
    if not fleet.is_dry:
        fleet.say(host, f"is out; take its line out of {fleet.inventory.path}. Its data is still in "
                  f"{machine.DATA}, and of no use to a cluster")


def destroy(fleet):
    """Every host as it was before 'up': no service, no package, no data."""
    failed = []
    for host in fleet.inventory.hosts:
        try:
            fleet.do(host, "stop, purge the package, delete all data", machine.wipe)
        except RemoteError as wrong:
            fleet.say(host, f"failed: {wrong}")
            failed.append(host.name)
    if failed:
        raise Problem(f"not destroyed: {', '.join(failed)}", fleet.command("destroy", "--yes"))
