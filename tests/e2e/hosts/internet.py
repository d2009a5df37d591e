"""A small Internet for the hosts lab, in the office's namespace: a root server and one of com. (two NSD),
a resolver that walks down from there (unbound), and a web server (nginx).
"""
import re
import subprocess

from cluster import wait_until

ROOT, COM, RESOLVER, WEB = 2, 3, 4, 5  # station numbers of the office
SOA = "SOA a.invalid. b.invalid. 1 3600 600 86400 60"
PAGE = "answered by nginx, found through four nameservers\n"
NSD = """server:
  ip-address: {address}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/{name}.pid"
  xfrdfile: "{folder}/{name}.xfrd"
  zonelistfile: "{folder}/{name}.list"
  logfile: "{folder}/{name}.log"
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "{name}.zone"
"""
UNBOUND = """server:
  interface: {address}
  access-control: 10.0.0.0/8 allow
  do-ip6: no
  module-config: "iterator"
  root-hints: "{folder}/hints"
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/unbound.pid"
  logfile: "{folder}/unbound.log"
  use-syslog: no
  qname-minimisation: no
  verbosity: 3
remote-control:
  control-enable: no
"""
NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {address}:80;
    location / {{ return 200 "{page}"; }}
  }}
}}
"""


class Internet:
    """Servers run by the command words @prefix at @address(station); use as a context manager."""

    def __init__(self, folder, prefix, address):
        self.folder, self.prefix, self.address = folder, prefix, address
        self.running = []
        folder.mkdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def write(self, file, text, **values):
        path = self.folder / file
        path.write_text(text.format(folder=self.folder, **values) if values else text)
        return path

    def start(self, *words):
        self.running.append(subprocess.Popen([*self.prefix, *words], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def serve(self, name, zone, station, text):
        self.write(f"{name}.zone", f"$ORIGIN {zone}\n$TTL 3600\n@ {SOA}\n{text}")
        config = self.write(f"{name}.conf", NSD, address=self.address(station), name=name, zone=zone)
        self.start("nsd", "-d", "-c", config)

    def open(self, com_lines):
        """Start all of it; @com_lines are what com. says beside its own."""
        self.serve("root", ".", ROOT, "@ NS a.root.\na.root. A " + self.address(ROOT) +
                   "\ncom. NS a.tld.com.\na.tld.com. A " + self.address(COM) + "\n")
        self.serve("com", "com.", COM, "@ NS a.tld.com.\na.tld.com. A " + self.address(COM) + "\n" +
                   com_lines)
        self.write("hints", f". 3600 NS a.root.\na.root. 3600 A {self.address(ROOT)}\n")
        self.start("unbound", "-d", "-c", self.write("unbound.conf", UNBOUND,
                                                     address=self.address(RESOLVER)))
        self.start("nginx", "-e", self.folder / "nginx.log", "-c",
                   self.write("nginx.conf", NGINX, address=self.address(WEB), page=PAGE.strip()))
        # The resolver has not asked anybody before the test does.
        for station, *question in ((ROOT, "com.", "NS", "+norecurse"), (COM, "com.", "SOA"),
                                   (RESOLVER, "version.bind", "TXT", "CH")):
            wait_until(lambda s=station, q=question: self.speaks(s, *q), 30, f"{question} is answered",
                       step_s=0.3)
        wait_until(lambda: PAGE.strip() in self.curl(f"http://{self.address(WEB)}/"), 30, "nginx answers",
                   step_s=0.3)

    def speaks(self, station, *words):
        """Does a server there answer a question well?"""
        done = subprocess.run([*self.prefix, "dig", f"@{self.address(station)}", "+time=3", "+tries=1",
                               *words], capture_output=True, text=True, check=False)
        return "status: NOERROR" in done.stdout

    def curl(self, url):
        """What a machine that has our resolver gets from @url."""
        self.write("resolv.conf", f"nameserver {self.address(RESOLVER)}\n")
        return subprocess.run([*self.prefix, "unshare", "--mount", "sh", "-c",
                               'mount --bind "$1" /etc/resolv.conf && exec curl -sS --max-time 20 "$2"',
                               "sh", self.folder / "resolv.conf", url],
                              capture_output=True, text=True, check=False).stdout

    def asked(self):
        """What the resolver has asked so far, in order: (question, server's address)."""
        steps, question = [], ""
        for line in (self.folder / "unbound.log").read_text().splitlines():
            if match := re.search(r"sending query: (\S+) (\S+) IN", line):
                question = f"{match[1]} {match[2]}"
            elif match := re.search(r"sending to target: <\S+> (\S+)#53", line):
                steps.append((question, match[1]))
        return steps
