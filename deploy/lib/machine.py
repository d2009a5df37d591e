"""One host: what is there, and the steps that change it. Each step is harmless when repeated."""
import base64
import dataclasses
import json
import pathlib
import shlex
import subprocess
import time

from remote import RemoteError

PACKAGE = "quartet"
SERVICES = "quartetd.service quartet-gateway.service"
CONFIG = "/etc/quartet/quartet.yaml"
DATA = "/var/lib/quartet"
UPLOAD = "/var/cache/quartet.deb"
PEER_PORT, ADMIN_PORT = 5301, 5302
INSTALL_TIMEOUT_S = 900
START_WITHIN_S = 60
POLL_S = 0.3
BEGIN = "# deploy/regions: begin. Its next 'up' writes these lines anew; all below 'end' is yours.\n"
END = "# deploy/regions: end\n"

SURVEY = f"""
. /etc/os-release; echo "system $ID $VERSION_ID"
echo "package $(dpkg-query -W -f '${{db:Status-Status}} ${{Version}}' {PACKAGE} 2>/dev/null)"
echo "node_service $(systemctl is-active quartetd.service)"
echo "gateway_service $(systemctl is-active quartet-gateway.service)"
echo "config $(base64 -w0 {CONFIG} 2>/dev/null)"
echo "node $(quartet --timeout 3s node status --json 2>/dev/null | base64 -w0)"
"""


@dataclasses.dataclass
class State:
    """What a host said about itself."""
    system: str  # "debian 12"
    version: str  # of the package; "": not installed
    node_service: str  # active, inactive, failed, …
    gateway_service: str
    config: str  # text of the file; "": none
    node: dict  # as 'quartet node status --json' tells; None: no node answers

    @property
    def phase(self):
        """unjoined, joining, member, removed; "": no node answers."""
        return self.node["phase"] if self.node else ""


def parse_survey(text):
    said = dict(line.partition(" ")[::2] for line in text.splitlines())
    status, _, version = said["package"].partition(" ")
    node = json.loads(base64.b64decode(said["node"]) or "{}")
    return State(said["system"], version if status == "installed" else "", said["node_service"],
                 said["gateway_service"], base64.b64decode(said["config"]).decode(errors="replace"),
                 node if "phase" in node else None)


def survey(remote, host):
    """Look, and change nothing. Raises RemoteError, also for a system that is not Debian 12."""
    state = parse_survey(remote.run(host, SURVEY))
    if state.system != "debian 12":
        raise RemoteError(f"{host.name} runs {state.system}; the package is for Debian 12")
    return state


def wanted_config(host, now):
    """The configuration file that @host should have, when it has the text @now."""
    addresses = ", ".join(f'"{address}"' for address in host.addresses)
    everywhere, peer = ("[::]", f"[{host.peer}]") if host.peer.version == 6 else ("0.0.0.0", host.peer)
    ours = (f"{BEGIN}name: {host.name}\nregion: {host.region}\n"
            f'peer_listen: "{everywhere}:{PEER_PORT}"\npeer_address: "{peer}:{PEER_PORT}"\n'
            f"public_addresses: [{addresses}]\ngateway_socket: /run/quartet/gateway.sock\n"
            f"gateway_group: quartet-gateway\n{END}")
    before, found, theirs = now.partition(END)
    return ours + (theirs if found and BEGIN in before else "")


def admin_address(host):
    """Where other nodes join by this one."""
    return f"[{host.peer}]:{ADMIN_PORT}" if host.peer.version == 6 else f"{host.peer}:{ADMIN_PORT}"


def package_version(package):
    """The version of a .deb of Quartet. Raises RemoteError for another file."""
    done = subprocess.run(["dpkg-deb", "--show", "--showformat=${Package} ${Version}", package],
                          capture_output=True, text=True, check=False)
    name, _, version = done.stdout.partition(" ")
    if done.returncode != 0 or name != PACKAGE:
        raise RemoteError(f"{package} is no package of Quartet: {done.stderr.strip() or name}")
    return version


def install(remote, host, package):
    """Install or replace Quartet's package, and what it needs. Running services go on as they were."""
    remote.run(host, f"cat >{UPLOAD}", pathlib.Path(package).read_bytes(), INSTALL_TIMEOUT_S)
    remote.run(host, "export DEBIAN_FRONTEND=noninteractive; apt-get -q update && "
               "apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "
               f"--allow-downgrades install {UPLOAD} && rm {UPLOAD}", timeout_s=INSTALL_TIMEOUT_S)


def configure(remote, host, text):
    """Write the configuration, once quartetd has found nothing wrong in it. What was there and does not
    have both marks is kept beside it."""
    new = f"{CONFIG}.new"
    remote.run(host, f"cat >{new} && chmod 644 {new}", text.encode())
    remote.run(host, f"quartetd --check --config {new}")
    marks = " && ".join(f"grep -qxF {shlex.quote(mark.strip())} {CONFIG}" for mark in (BEGIN, END))
    remote.run(host, f"if [ -e {CONFIG} ] && ! {{ {marks}; }}; then cp -p {CONFIG} {CONFIG}.before; fi; "
               f"mv {new} {CONFIG}")


# Without it systemd refuses to start what has failed too often.
FORGIVE = f"systemctl reset-failed {SERVICES} 2>/dev/null; "


def start(remote, host):
    remote.run(host, FORGIVE + f"systemctl enable --now --quiet {SERVICES}",
               timeout_s=INSTALL_TIMEOUT_S)


def restart(remote, host):
    remote.run(host, FORGIVE + f"systemctl restart {SERVICES}", timeout_s=INSTALL_TIMEOUT_S)


def stop(remote, host):
    remote.run(host, f"systemctl disable --now --quiet {SERVICES}")


def wipe(remote, host):
    """Nothing of Quartet is left."""
    # apt knows no package of this name any more once it is purged.
    remote.run(host, f"systemctl disable --now --quiet {SERVICES} 2>/dev/null; "
               f"{{ ! dpkg-query -W {PACKAGE} >/dev/null 2>&1 || "
               f"DEBIAN_FRONTEND=noninteractive apt-get -q -y purge {PACKAGE}; }} && "
               f"rm -rf {DATA} {pathlib.PurePath(CONFIG).parent} {UPLOAD}",
               timeout_s=INSTALL_TIMEOUT_S)


def quartet(remote, host, *words, timeout_s=120):
    """A quartet command on the host; its standard output."""
    return remote.run(host, shlex.join(["quartet", *words]), timeout_s=timeout_s)


def join(remote, host, address, token):
    """The token is input: command lines are in the log of sudo, and in what is told of a failure."""
    remote.run(host, f'read -r token && exec quartet join {shlex.quote(address)} --token "$token"',
               f"{token}\n".encode(), 120)


def wait_answers(remote, host):
    """Until the node of @host answers its control socket; the state then. Raises RemoteError."""
    end = time.monotonic() + START_WITHIN_S
    while True:
        state = survey(remote, host)
        if state.node:
            return state
        if time.monotonic() > end:
            log = remote.try_run(host, "journalctl -u quartetd.service -n 15 --no-pager -o cat").output
            raise RemoteError(f"{host.name}: quartetd does not answer within {START_WITHIN_S} s "
                              f"(service {state.node_service}); its log ends:\n{log}")
        time.sleep(POLL_S)
