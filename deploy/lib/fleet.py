"""All hosts of an inventory, and the one cluster that they are."""
import json
import sys
import time

import dns_probe
import machine
from remote import RemoteError, Unreachable

IN_SYNC_WITHIN_S = 600  # a new node is sent all zones
POLL_S = 0.3


class Problem(Exception):
    """Where deploy/regions stops: what is wrong, and the command that goes on."""

    def __init__(self, text, then):
        super().__init__(text)
        self.then = then


class Fleet:
    """What the commands share. In a dry run, do() only says what it would do."""

    def __init__(self, inventory, remote, is_dry=False):
        self.inventory, self.remote, self.is_dry = inventory, remote, is_dry
        self.began = time.monotonic()

    def say(self, host, text):
        name = host.name if host else "-"
        print(f"[{time.monotonic() - self.began:6.1f} s] {name:<8} {text}", flush=True)

    def do(self, host, what, step, *words):
        """One change: says so, then makes it; its result. Nothing in a dry run."""
        if self.is_dry:
            self.say(host, f"would {what}")
            return None
        self.say(host, what)
        return step(self.remote, host, *words)

    def survey(self):
        """The state of every host, by name; for one that cannot be asked, the error."""
        states = {}
        for host in self.inventory.hosts:
            try:
                states[host.name] = machine.survey(self.remote, host)
            except RemoteError as wrong:
                states[host.name] = wrong
        return states

    def survey_whole(self):
        """The same where every host is needed: raises the first error."""
        states = self.survey()
        for state in states.values():
            if isinstance(state, RemoteError):
                raise state
        return states

    def quartet(self, host, *words, timeout_s=120):
        return machine.quartet(self.remote, host, *words, timeout_s=timeout_s)

    def speaker(self, besides=None):
        """A host whose node is a member and reaches the leader, to ask and command the cluster by.
        Raises Problem when there is none."""
        for host in self.inventory.founding_order():
            if host is besides:
                continue
            try:
                command = "quartet --timeout 5s cluster status --json"
                done = self.remote.try_run(host, command)
            except Unreachable:
                continue
            if done.status == 0 and json.loads(done.output)["leader"]:
                return host
        raise Problem("no node that can be reached has a leader: no change can be made, DNS is answered "
                      "by the nodes that run", "quartet cluster status    # on any host")

    def members(self, host):
        """The members of the cluster as the node of @host knows them, by name."""
        status = json.loads(self.quartet(host, "cluster", "status", "--json"))
        return {member["name"]: member for member in status["members"]}, status

    def wait_in_sync(self, host, within_s=IN_SYNC_WITHIN_S):
        """Until the node of @host is a member that serves all that the cluster had agreed on at this
        moment, and the leader says so, too."""
        end, seen, committed = time.monotonic() + within_s, "no answer yet", None
        while time.monotonic() < end:
            try:
                members, status = self.members(host)
                member = members.get(host.name, {})
                committed = status["commit_index"] if committed is None else committed
                seen = f"{status['health']}; {member.get('condition', 'not a member')}"
                if member.get("condition") == "in sync" and member["image_index"] >= committed:
                    return
            except RemoteError as wrong:
                seen = str(wrong)
            time.sleep(POLL_S)
        raise Problem(f"{host.name} is not in sync within {within_s} s: {seen}",
                      f"{self.command('status')}    # then the same command again: it goes on from here")

    def check_dns(self, host):
        """The world can ask @host. Raises Problem."""
        for address in host.addresses:
            wrong = dns_probe.problem(address, self.inventory.domain)
            if wrong:
                raise Problem(f"{host.name}: {wrong}. Does a firewall let in port 53, UDP and TCP?",
                              f"dig @{address} {self.inventory.domain} SOA")

    def command(self, *words):
        """This tool's command line, to be shown."""
        return " ".join([sys.argv[0], self.inventory.path, *words])
