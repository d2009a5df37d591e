"""Real Route 53 tools against a cluster: gateways, an access key, and what tools find both by."""
import os
import pathlib
import subprocess

from cluster import Cluster, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TLS_PORT = 5343
REGION = "eu-west-1"  # none of the API's own: clients sign with the region that they are in


def make_certificate(folder, address):
    """A certificate of its own for an IP address: the paths of it and of its key."""
    folder.mkdir()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:TRUE",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class ToolCluster:
    """A cluster whose nodes all have gateways (the first one with TLS too), and a key for all."""

    def __init__(self, count):
        self.cluster = Cluster(count)
        try:
            self.cluster.form()
            self.access_key, self.secret = self.cluster.credential()
            first = self.cluster.node(1)
            self.certificate, key = make_certificate(self.cluster.folder / "tls", first.address)
            self.cluster.gateway(1, "--listen-tls", f"{first.address}:{TLS_PORT}", "--certificate",
                                 self.certificate, "--key", key)
            for node in self.cluster.nodes[1:]:
                self.cluster.gateway(node.number)
        except BaseException:
            self.cluster.__exit__(RuntimeError, None, None)
            raise

    def close(self):
        self.cluster.__exit__(None, None, None)

    def url(self, number):
        return self.cluster.gateway(number).url

    def tls_address(self, number):
        return self.cluster.node(number).address, TLS_PORT

    def credential(self, policy, name):
        """A key that may do what the IAM policy document says: its id and secret."""
        path = self.cluster.folder / f"{name}.json"
        path.write_text(policy)
        return self.cluster.credential(name, "--policy", path)

    def environment(self, number, credential=None):
        """What makes a tool ask node @number's gateway, by the key of all or by @credential. Tools
        that know no AWS_ENDPOINT_URL_ROUTE_53 find it by AWS_DATA_PATH."""
        folder = self.cluster.folder / f"rules-{number}"
        subprocess.run([ROOT / "deploy/tools/endpoint-rules", self.url(number), folder], check=True)
        access_key, secret = credential or (self.access_key, self.secret)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**kept, "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_DATA_PATH": str(folder),
                "AWS_ENDPOINT_URL_ROUTE_53": self.url(number), "AWS_PAGER": "",
                "HOME": str(self.cluster.folder)}

    def boto3(self, number):
        """A boto3 client of node @number's gateway."""
        import boto3  # pylint: disable=import-outside-toplevel
        import botocore.config  # pylint: disable=import-outside-toplevel
        return boto3.client("route53", endpoint_url=self.url(number), region_name=REGION,
                            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret,
                            config=botocore.config.Config(retries={"max_attempts": 2}))

    def wait_answer(self, node, name, kind, wanted):
        """Until @node answers with exactly these."""
        wait_until(lambda: sorted(node.dig("+short", name, kind).split("\n")) == sorted(["", *wanted])
                   or (not wanted and not node.dig("+short", name, kind)), 20,
                   f"{node.name} answers {name} {kind} with {wanted}")
