#!/usr/bin/python3
"""What the package is made of: installed files, services, configuration, man pages, completion, rules.

The package itself is built and installed by the tests of hosts; here its parts are looked at."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
import netns  # noqa: E402
from cluster import BUILD, ROOT  # noqa: E402

UNITS = ("quartetd.service", "quartet-gateway.service")
EXPOSURE_MAX = 2.0
LEAST = "name: ns1\npeer_address: 192.0.2.1\n"


def run(*words, **options):
    return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False, **options)


def uncommented(sample):
    """The sample's settings as somebody would turn them all on."""
    lines = [line[1:] for line in sample.splitlines() if re.match(r"#([a-z_]+:|  [a-z#])", line)]
    return "\n".join(lines) + "\n"


class TestPackage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quartet-package-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_install_puts_files_where_the_services_look(self):
        done = run("ninja", "-C", BUILD, "package_files")
        self.assertEqual(done.returncode, 0, done.stdout)
        done = run("cmake", "--install", BUILD, "--prefix", "/usr",
                   env={"DESTDIR": str(self.folder), "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, 0, done.stderr)
        for path in ("usr/sbin/quartetd", "usr/sbin/quartet-gateway", "usr/bin/quartet",
                     "etc/quartet/quartet.yaml", "usr/lib/sysctl.d/60-quartet.conf",
                     "usr/share/bash-completion/completions/quartet",
                     "usr/share/man/man8/quartetd.8.gz", "usr/share/man/man8/quartet-gateway.8.gz",
                     "usr/share/man/man1/quartet.1.gz", "usr/share/man/man5/quartet.yaml.5.gz",
                     *(f"lib/systemd/system/{unit}" for unit in UNITS)):
            self.assertTrue((self.folder / path).is_file(), path)
        for unit in UNITS:
            text = (self.folder / "lib/systemd/system" / unit).read_text()
            program = re.search(r"^ExecStart=/(\S+)", text, re.M)[1]
            self.assertTrue((self.folder / program).is_file(), program)

    def test_services_can_do_little(self):
        for unit in UNITS:
            done = run("systemd-analyze", "security", "--offline=true", "--no-pager",
                       ROOT / "deploy/systemd" / unit)
            exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
            self.assertIsNotNone(exposure, done.stdout + done.stderr)
            print(f"# {unit}: exposure {exposure[1]}")
            self.assertLessEqual(float(exposure[1]), EXPOSURE_MAX)

    def test_an_untouched_sample_keeps_the_services_quiet(self):
        sample = ROOT / "deploy/quartet.yaml"
        for unit in UNITS:
            text = (ROOT / "deploy/systemd" / unit).read_text()
            words = re.search(r'^ExecCondition=(\S+) (\S+) "(.*)" \S+$', text, re.M)
            command = [words[1], words[2], words[3]]
            self.assertEqual(run(*command, sample).returncode, 1)
            self.assertEqual(run(*command, self.folder / "none").returncode, 2)
            (self.folder / "set").write_text("# a remark\n\nname: ns1\n")
            self.assertEqual(run(*command, self.folder / "set").returncode, 0)

    def test_the_sample_is_right_once_its_settings_are_on(self):
        path = self.folder / "quartet.yaml"
        path.write_text(uncommented((ROOT / "deploy/quartet.yaml").read_text()))
        done = run(BUILD / "quartetd", "--check", "--config", path)
        self.assertEqual(done.returncode, 0, done.stderr + path.read_text())

    def test_every_key_has_its_words_in_the_man_page(self):
        page = (ROOT / "deploy/man/quartet.yaml.5").read_text()
        source = (ROOT / "node/config.c").read_text()
        keys = re.findall(r'CYAML_FIELD_[A-Z_]+\(\s*"([a-z_]+)"', source)
        keys += re.findall(r"^ +[A-Z]+_(?:TEXT|UINT|BOOL)\(([a-z_]+)\),", source, re.M)
        self.assertGreater(len(keys), 50)
        missing = [key for key in set(keys) if not re.search(rf"\b{key}\b", page)]
        self.assertEqual(missing, [])

    def test_the_gateway_takes_the_file_and_options_come_before_it(self):
        path = self.folder / "quartet.yaml"
        path.write_text(LEAST + "gateway: {listen: 192.0.2.77:1, log_level: info}\n")
        done = run(BUILD / "quartet-gateway", "--config", path, timeout=20)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("192.0.2.77:1", done.stderr)
        done = run(BUILD / "quartet-gateway", "--config", path, "--listen", "192.0.2.78:2",
                   timeout=20)
        self.assertIn("192.0.2.78:2", done.stderr)
        path.write_text(LEAST + "gateway: {listen_tls: 127.0.0.1:1}\n")
        for program in ("quartet-gateway", "quartetd"):
            done = run(BUILD / program, "--config", path,
                       *(["--check"] if program == "quartetd" else []), timeout=20)
            self.assertEqual(done.returncode, 78)
            self.assertIn("gateway: listen_tls needs certificate and key", done.stderr)

    def test_completion_knows_each_command_of_the_help(self):
        lines = run(BUILD / "quartet", "--help").stdout.splitlines()
        commands = [line[2:].split() for line in lines if re.match(r"  [a-z]", line)]
        self.assertGreater(len(commands), 60)
        first = run(BUILD / "quartet", "complete").stdout.split()
        after = {group: run(BUILD / "quartet", "complete", group).stdout.split()
                 for group in {words[0] for words in commands}}
        for words in commands:
            self.assertIn(words[0], first)
            self.assertTrue(words[1:2] == [] or words[1] in after[words[0]] or
                            "--json" in after[words[0]], words)
        script = (f'PATH={BUILD}:$PATH; . {ROOT}/deploy/completion/quartet; '
                  'COMP_WORDS=(quartet zone cr); COMP_CWORD=2; _quartet; echo "${COMPREPLY[@]}"')
        self.assertEqual(run("bash", "-c", script).stdout, "create\n")

    def test_firewall_rules_are_what_nft_takes(self):
        why = netns.why_not()
        if why:
            self.skipTest(why)
        path, rules = self.folder / "quartet.yaml", self.folder / "rules.nft"
        path.write_text(LEAST + 'dns_listen: ["[::]:5353"]\npeer_listen: 0.0.0.0:6301\n'
                                "gateway: {listen: 0.0.0.0:8080}\n")
        for roles in (["node"], ["replica"], ["gateway"], ["node", "gateway"]):
            done = run(ROOT / "deploy/firewall", "--config", path, "--peer", "192.0.2.2", "--peer",
                       "2001:db8::/64", "--client", "192.0.2.0/24", "--client", "192.0.2.2",
                       *(word for role in roles for word in ("--role", role)))
            self.assertEqual(done.returncode, 0, done.stderr)
            rules.write_text(done.stdout)
            # Twice: the table replaces itself.
            checked = run("unshare", "--net", "sh", "-c",
                          f"nft -c -f {rules} && nft -f {rules} && nft -f {rules}")
            self.assertEqual(checked.returncode, 0, checked.stderr)
            self.assertEqual("5353" in done.stdout and "{ 6301, 6302, 6303 }" in done.stdout,
                             roles != ["gateway"])
            self.assertEqual("8080" in done.stdout, "gateway" in roles)
        self.assertEqual(run(ROOT / "deploy/firewall", "--role", "king").returncode, 2)


if __name__ == "__main__":
    tap.main()
