#!/usr/bin/python3
"""deploy/container without a container runtime: what its files name is what the package has, in users,
programs, paths, ports and limits."""
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import tap  # noqa: E402

HERE = ROOT / "deploy/container"
SERVICES = ("quartetd", "quartet-gateway")
UNITS = {"G": 1 << 30, "g": 1 << 30, "M": 1 << 20, "m": 1 << 20, "": 1}


def instructions(path):
    """(word, rest) of a Containerfile; continued lines are joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def unit(name):
    """The settings of a service's unit file."""
    text = (ROOT / f"deploy/systemd/{name}.service").read_text()
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", text, re.M))


def size(text):
    number, word = re.fullmatch(r"(\d+)([GgMm]?)", text).groups()
    return int(number) * UNITS[word]


class TestContainer(unittest.TestCase):
    def setUp(self):
        self.compose = yaml.safe_load((HERE / "compose.yaml").read_text())
        self.file = instructions(HERE / "Containerfile")
        self.services = {name: self.compose["services"][name] for name in SERVICES}

    def of(self, word):
        return [rest for name, rest in self.file if name == word]

    def targets(self, name):
        """Where a service's volumes are mounted: {path: source}."""
        mounted = (volume.split(":") for volume in self.services[name]["volumes"])
        return {words[1]: words[0] for words in mounted}

    def test_the_programs_and_users_are_those_of_the_services(self):
        self.assertEqual(set(self.compose["services"]), set(SERVICES))
        commands = {"quartetd": yaml.safe_load(self.of("CMD")[-1]),
                    "quartet-gateway": self.services["quartet-gateway"]["command"]}
        users = re.findall(r'--gecos "[^"]*" ([a-z-]+)', (ROOT / "deploy/debian/postinst").read_text())
        for name, service in self.services.items():
            self.assertEqual(" ".join(commands[name]), unit(name)["ExecStart"])
            self.assertEqual(service["user"], unit(name)["User"])
            self.assertIn(service["user"], users)
            self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertEqual(self.of("USER"), [self.services["quartetd"]["user"]])
        self.assertEqual(self.services["quartetd"]["group_add"], [unit("quartetd")["SupplementaryGroups"]])

    def test_port_53_is_a_right_of_the_program_and_of_its_container(self):
        self.assertEqual(self.services["quartetd"]["cap_add"], ["NET_BIND_SERVICE"])
        program = unit("quartetd")["ExecStart"].split()[0]
        self.assertIn(f"setcap cap_net_bind_service=+ep {program} ", self.of("RUN")[-1])
        self.assertIn(" libcap2-bin ", self.of("RUN")[-1], "which has setcap")

    def test_the_volumes_are_where_the_package_keeps_its_files(self):
        node, gateway = self.targets("quartetd"), self.targets("quartet-gateway")
        data = f"/var/lib/{unit('quartetd')['StateDirectory']}"
        self.assertEqual(self.of("VOLUME"), [data])
        self.assertIn(data, node)
        self.assertNotIn(data, gateway, "keys are the node's")
        config = unit("quartetd")["ExecStart"].split()[-1]
        self.assertEqual(node[config], gateway[config])
        # The image makes the folder of the socket, the package's service would; both programs see it.
        run = f"/run/{unit('quartetd')['RuntimeDirectory']}"
        self.assertRegex(self.of("RUN")[-1], rf"install -d -m 0755 -o quartet -g quartet {run}$")
        self.assertEqual(node[run], gateway[run])
        sample = (ROOT / "deploy/quartet.yaml").read_text()
        socket = re.search(r"^#gateway_socket: (\S+)", sample, re.M)[1]
        self.assertEqual(str(pathlib.PurePath(socket).parent), run)
        head = (HERE / "compose.yaml").read_text().partition("\nname:")[0]
        self.assertIn(f"gateway_socket: {socket}", head)
        named = {source for paths in (node, gateway) for source in paths.values() if "/" not in source}
        self.assertEqual(set(self.compose["volumes"]), named)

    def test_the_ports_are_the_programs_own(self):
        source = (ROOT / "node/config.h").read_text()
        peer = int(re.search(r"#define CONFIG_PEER_PORT (\d+)", source)[1])
        self.assertEqual(set(self.of("EXPOSE")[0].split()),
                         {"53/udp", "53/tcp", *(f"{peer + more}/tcp" for more in range(3))})
        listen = re.search(r'LISTEN_STANDARD "([^"]+)"', (ROOT / "node/gateway/main.c").read_text())[1]
        self.assertIn(f"http://{listen}/ping", self.services["quartet-gateway"]["healthcheck"]["test"])
        self.assertIn(" curl ", self.of("RUN")[-1])
        self.assertEqual({service["network_mode"] for service in self.services.values()}, {"host"})

    def test_the_limits_are_those_of_the_services(self):
        for name, service in self.services.items():
            self.assertEqual(str(service["ulimits"]["nofile"]), unit(name)["LimitNOFILE"])
            self.assertEqual(service["stop_grace_period"], unit(name)["TimeoutStopSec"])
            self.assertTrue(service["read_only"])
        gateway = self.services["quartet-gateway"]
        self.assertEqual(size(gateway["mem_limit"]), size(unit("quartet-gateway")["MemoryMax"]))

    def test_the_image_is_built_from_what_is_in_the_repository(self):
        build = self.services["quartetd"]["build"]
        self.assertEqual((HERE / build["context"]).resolve(), ROOT)
        self.assertEqual((ROOT / build["dockerfile"]).resolve(), HERE / "Containerfile")
        self.assertEqual({service["image"] for service in self.services.values()}, {"quartet"})
        ignored = (ROOT / ".dockerignore").read_text().split()
        self.assertTrue({".git", "build*"} <= set(ignored), "another machine's build folder")
        made, = re.findall(r"(deploy/package --output /out)\b", self.of("RUN")[0])
        done = subprocess.run([ROOT / made.split()[0], "--help"], capture_output=True, text=True, check=True)
        self.assertIn("--output FOLDER", done.stdout)
        self.assertEqual(self.of("COPY")[-1], "--from=build /out/*.deb /tmp/")
        self.assertIn(" /tmp/quartet_*.deb ", self.of("RUN")[-1])


if __name__ == "__main__":
    tap.main()
