#!/usr/bin/python3
"""/metrics, /livez and /readyz of the gateways of a small cluster, as Prometheus and probes read
them; then Debian's Prometheus itself scrapes them, and what its rules and the dashboard of
deploy/prometheus name is held against what the nodes show."""
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import ROOT, Cluster, wait_until  # noqa: E402

ZONE = "metrics.example"
DEPLOYED = ROOT / "deploy" / "prometheus"
PROMETHEUS_PORT = 9190
SAMPLE = re.compile(r'^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
NAME = re.compile(r'\bquartet_[a-z0-9_]+')
SUFFIXES = ("_bucket", "_sum", "_count")


def get(address, path, method="GET", body=None):
    """Status, headers and text of a request to a listener for operators."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


class Figures(dict):
    """What /metrics shows: {name: {labels as a frozenset: value}}, with the types apart."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                assert name not in self.types, f"{name} comes twice"
                self.types[name] = kind
            elif not line.startswith("#"):
                match = SAMPLE.match(line)
                assert match, f"no sample: {line}"
                labels = frozenset(LABEL.findall(match[2] or ""))
                series = self.setdefault(match[1], {})
                assert labels not in series, f"twice: {line}"
                series[labels] = float(match[3])

    def sum(self, name, **labels):
        return sum(value for found, value in self.get(name, {}).items()
                   if set(labels.items()) <= found)


def figures_of(gateway):
    status, headers, text = get(gateway.metrics_address, "/metrics")
    assert status == 200, text
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
    return Figures(text)


def promtool(*words, text=None):
    done = subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """Debian's, with our rules, scraping @targets every second."""

    def __init__(self, folder, address, targets):
        config = (DEPLOYED / "prometheus.yml").read_text()
        config = config.replace("15s", "1s").replace("quartet.rules.yml",
                                                     str(DEPLOYED / "quartet.rules.yml"))
        config = re.sub(r"( +- 192\.0\.2\.\d+:5381\n)+",
                        "".join(f"          - {target}\n" for target in targets), config)
        (folder / "prometheus.yml").write_text(config)
        self.url = f"http://{address}:{PROMETHEUS_PORT}"
        self.log = open(folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/tsdb",
             f"--web.listen-address={address}:{PROMETHEUS_PORT}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def query(self, expression):
        """The samples of an instant query: [(labels, value)]."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return []
        return [(sample["metric"], float(sample["value"][1])) for sample in result]


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        # Nobody listens there; it is shown where it is configured.
        cls.cluster.form({"dnstap": f"{{socket: {cls.cluster.folder}/dnstap.sock}}"})
        cls.leader = cls.cluster.leader()
        cls.gateways = [cls.cluster.gateway(number) for number in (1, 2, 3)]
        node = cls.cluster.node(1)
        node.quartet("zone", "create", ZONE)
        node.quartet("record", "set", ZONE, "www", "A", "192.0.2.1", "--wait")
        node.quartet("record", "set", ZONE, "w", "A", "192.0.2.2", "--set-identifier", "a",
                     "--weight", "1", "--wait")

    def test_queries_are_counted_by_transport_type_rcode_zone_and_policy(self):
        gateway, node = self.gateways[0], self.cluster.node(1)
        before = figures_of(gateway)
        for _ in range(3):
            node.dig("+norec", f"www.{ZONE}", "A")
        node.dig(f"www.{ZONE}", "AAAA")
        node.dig(f"none.{ZONE}", "TXT")
        node.dig("+tcp", f"www.{ZONE}", "TYPE999")
        node.dig(f"w.{ZONE}", "A")
        node.dig("elsewhere.invalid", "MX")
        after = figures_of(gateway)

        def grown(name, **labels):
            return after.sum(name, **labels) - before.sum(name, **labels)

        self.assertEqual(grown("quartet_dns_queries_total", transport="udp", type="A"), 4)
        self.assertEqual(grown("quartet_dns_queries_total", transport="tcp", type="other"), 1)
        self.assertEqual(grown("quartet_dns_queries_total"), 8)
        self.assertEqual(grown("quartet_dns_responses_total", rcode="NXDOMAIN"), 1)
        self.assertEqual(grown("quartet_dns_responses_total", rcode="REFUSED"), 1)
        self.assertEqual(grown("quartet_dns_responses_total", transport="tcp"), 1)
        self.assertEqual(grown("quartet_dns_zone_queries_total", zone=ZONE + "."), 7)
        self.assertEqual(
            grown("quartet_dns_zone_queries_total", zone=ZONE + ".", result="nxdomain"), 1)
        self.assertEqual(grown("quartet_dns_routed_total", policy="weighted", result="healthy"), 1)
        self.assertEqual(grown("quartet_dns_tcp_accepted_total"), 1)

    def test_a_zone_that_goes_takes_its_series_along(self):
        gateway, node = self.gateways[0], self.cluster.node(1)
        node.quartet("zone", "create", "gone.example")
        wait_until(lambda: "NOERROR" in node.dig("gone.example", "SOA"), 10, "it is served")
        self.assertGreater(
            figures_of(gateway).sum("quartet_dns_zone_queries_total", zone="gone.example."), 0)
        node.quartet("zone", "delete", "gone.example", "--with-contents")
        wait_until(lambda: "gone.example." not in figures_of(gateway).text, 10, "it is not shown")

    def test_all_nodes_say_who_leads_and_the_leader_how_its_peers_are(self):
        all_figures = [figures_of(gateway) for gateway in self.gateways]
        roles = [figures.sum("quartet_raft_role", role="leader") for figures in all_figures]
        self.assertEqual(sum(roles), 1)
        for figures in all_figures:
            self.assertEqual(figures.sum("quartet_up"), 1)
            self.assertEqual(figures.sum("quartet_raft_has_leader"), 1)
            self.assertEqual(figures.sum("quartet_cluster_voters"), 3)
            self.assertGreater(figures.sum("quartet_raft_fsync_duration_seconds_count"), 0)
            self.assertGreater(figures.sum("quartet_raft_apply_duration_seconds_count"), 0)
            self.assertGreater(figures.sum("quartet_disk_free_bytes"), 0)
        leader = all_figures[roles.index(1)]
        self.assertEqual(len(leader["quartet_raft_peer_lag_entries"]), 2)
        self.assertEqual(leader.sum("quartet_cluster_failures_tolerated"), 1)
        self.assertGreater(leader.sum("quartet_raft_commit_duration_seconds_count"), 0)

    def test_api_requests_are_counted_by_operation_and_status(self):
        gateway = self.gateways[0]
        before = figures_of(gateway)
        url = f"{gateway.url}/2013-04-01/hostedzone"
        for path in (url, gateway.url + "/nothing/of/ours"):
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(path, timeout=10)

        def grown():
            after = figures_of(gateway)
            return [after.sum("quartet_gateway_requests_total", operation=name) -
                    before.sum("quartet_gateway_requests_total", operation=name)
                    for name in ("ListHostedZones", "other")]

        wait_until(lambda: grown() == [1, 1], 5, "both are counted")
        after = figures_of(gateway)
        self.assertEqual(after.sum("quartet_gateway_request_duration_seconds_count",
                                   operation="ListHostedZones"),
                         after.sum("quartet_gateway_requests_total", operation="ListHostedZones"))

    def test_only_get_and_head_and_three_paths(self):
        address = self.gateways[0].metrics_address
        for path in ("/metrics", "/livez", "/readyz"):
            status, headers, text = get(address, path, "HEAD")
            self.assertEqual((status, text), (200, ""))
            self.assertGreater(int(headers["Content-Length"]), 0)
            self.assertEqual(get(address, path, "POST", "x")[0], 405)
        self.assertEqual(get(address, "/")[0], 404)
        self.assertEqual(get(address, "/metricsx")[0], 404)
        self.assertEqual(get(address, "/2013-04-01/hostedzone")[0], 404)
        with self.assertRaises(urllib.error.HTTPError):  # nor is any of it on the API's port
            urllib.request.urlopen(self.gateways[0].url + "/metrics", timeout=10)

    def test_probes_say_check_by_check_how_the_node_is(self):
        gateway = self.gateways[1]
        node = gateway.node
        self.assertEqual(get(gateway.metrics_address, "/readyz")[::2], (200, "ok\n"))
        status, _, text = get(gateway.metrics_address, "/readyz?verbose")
        self.assertEqual(status, 200)
        self.assertEqual(re.findall(r"^\[\+\](\w+) ok", text, re.M),
                         ["node", "member", "state", "image", "drain", "dns"])
        self.assertIn("readyz check passed\n", text)
        node.quartet("node", "drain")
        wait_until(lambda: "[-]drain failed: is drained" in
                   get(gateway.metrics_address, "/readyz")[2], 10, "drained, and not ready")
        self.assertEqual(figures_of(gateway).sum("quartet_node_drained"), 1)
        node.quartet("node", "undrain")
        wait_until(lambda: get(gateway.metrics_address, "/readyz")[0] == 200, 10, "ready again")
        node.stop()
        status, _, text = get(gateway.metrics_address, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("[-]node failed", text)
        self.assertEqual(get(gateway.metrics_address, "/livez")[::2], (200, "ok\n"))
        self.assertEqual(figures_of(gateway).sum("quartet_up"), 0)
        node.start()
        wait_until(lambda: get(gateway.metrics_address, "/readyz")[0] == 200, 20, "ready again")

    def test_a_node_without_cluster_is_not_ready(self):
        with Cluster(1) as other:
            other.node(1).start()
            gateway = other.gateway(1)
            wait_until(lambda: figures_of(gateway).sum("quartet_up") == 1, 10, "it is asked")
            status, _, text = get(gateway.metrics_address, "/readyz")
            self.assertEqual(status, 503)
            self.assertIn("[-]member failed: has not joined a cluster\n", text)
            self.assertIn("[+]dns ok", text)
            self.assertEqual(figures_of(gateway).sum("quartet_node_phase", phase="unjoined"), 1)

    def test_promtool_accepts_the_format_and_the_rules(self):
        promtool("check", "metrics", text=figures_of(self.gateways[0]).text)
        self.assertIn("SUCCESS", promtool("check", "rules", DEPLOYED / "quartet.rules.yml"))
        promtool("test", "rules", DEPLOYED / "quartet.rules.test.yml")

    def test_rules_and_dashboard_name_what_is_shown(self):
        shown = set()
        for gateway in self.gateways:
            shown |= set(figures_of(gateway).types)
        named = set(NAME.findall((DEPLOYED / "quartet.rules.yml").read_text()))
        dashboard = json.loads((DEPLOYED / "quartet.dashboard.json").read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                named |= set(NAME.findall(target["expr"]))
        self.assertGreater(len(named), 50)
        for name in sorted(named):
            family = next((name[:-len(s)] for s in SUFFIXES if name.endswith(s)
                           and name[:-len(s)] in shown), name)
            self.assertIn(family, shown)

    def test_prometheus_scrapes_the_gateways(self):
        targets = [gateway.metrics_address for gateway in self.gateways]
        with tempfile.TemporaryDirectory(prefix="quartet-prometheus-") as folder, \
                Prometheus(pathlib.Path(folder), self.cluster.address_of(1), targets) as prometheus:
            wait_until(lambda: [v for _, v in prometheus.query("sum(quartet_up)")] == [3], 60,
                       "all three are scraped", 0.2)
            self.assertEqual([v for _, v in prometheus.query('sum(up{job="quartet"})')], [3])
            zones = prometheus.query(f'quartet_dns_zone_queries_total{{zone="{ZONE}."}}')
            self.assertEqual({labels["instance"] for labels, _ in zones}, set(targets))
            # Nothing pages in a cluster that is well.
            self.assertEqual(prometheus.query('ALERTS{severity="page"}'), [])


if __name__ == "__main__":
    tap.main()
