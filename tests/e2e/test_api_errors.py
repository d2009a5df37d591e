#!/usr/bin/python3
"""Each error that an operation of the Route 53 API is documented to answer with (api_errors.tsv),
provoked through a gateway by boto3 and parsed by its model: code, HTTP status, and the message
where clients are known to read it. What cannot be provoked is excused, with the reason."""
import pathlib
import re
import sys
import unittest
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from api_error_cases import CASES, EXCUSES, EXCUSED_EVERYWHERE, GROUP, KMS  # noqa: E402
from cluster import Cluster  # noqa: E402

SPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
TABLE = pathlib.Path(__file__).with_name("api_errors.tsv")
DOCUMENT = ('{"AWSPolicyFormatVersion": "2015-10-01", "RecordType": "A", "StartEndpoint": "one", '
            '"Endpoints": {"one": {"Type": "value", "Value": "192.0.2.1"}}}')


def documented():
    """{operation: {code: HTTP status}} of the table."""
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if line[0] != "#"]
    return {name: {code: int(status) for code, status in
                   (each.split(":") for each in errors.split())} for name, errors in lines}


def method_of(operation):
    """CreateVPCAssociationAuthorization: create_vpc_association_authorization."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", operation)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()


class World:
    """A cluster with one of each thing, and the names that the cases' {words} stand for."""

    def __init__(self, cluster):
        cluster.form()
        self.key = access_key, secret = cluster.credential()
        self.node = cluster.node(1)
        self.api = boto3.client(
            "route53", endpoint_url=cluster.gateway(1).url, region_name="eu-west-1",
            aws_access_key_id=access_key, aws_secret_access_key=secret,
            config=botocore.config.Config(retries={"total_max_attempts": 1},
                                          parameter_validation=False))
        self.names = {"document": DOCUMENT}
        self.make_zones()
        self.make_things()
        self.make_keys()

    def make_zones(self):
        api, names = self.api, self.names
        made = api.create_reusable_delegation_set(CallerReference="set")["DelegationSet"]
        names["set"] = made["Id"].removeprefix("/delegationset/")
        for name, word in (("errors.example", "zone"), ("empty.example", "empty"),
                           ("unsigned.example", "unsigned")):
            made = api.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]
            names[word] = made["Id"].removeprefix("/hostedzone/")
        made = api.create_hosted_zone(Name="set.example", CallerReference="set.example",
                                      DelegationSetId=names["set"])["HostedZone"]
        names["in_set"] = made["Id"].removeprefix("/hostedzone/")
        for number in (1, 2):
            made = api.create_hosted_zone(
                Name="private.example", CallerReference=f"private-{number}",
                HostedZoneConfig={"PrivateZone": True},
                VPC={"VPCRegion": "eu-west-1", "VPCId": f"vpc-{number}"})["HostedZone"]
            names[f"private{number}"] = made["Id"].removeprefix("/hostedzone/")

    def make_things(self):
        api, names = self.api, self.names
        names["check"] = api.create_health_check(CallerReference="check", HealthCheckConfig={
            "Type": "TCP", "IPAddress": "127.0.0.1", "Port": 9})["HealthCheck"]["Id"]
        names["cidr"] = api.create_cidr_collection(
            Name="cidr", CallerReference="cidr")["Collection"]["Id"]
        api.change_cidr_collection(Id=names["cidr"], Changes=[
            {"LocationName": "here", "Action": "PUT", "CidrList": ["192.0.2.0/24"]}])
        api.change_resource_record_sets(HostedZoneId=names["zone"], ChangeBatch={"Changes": [
            {"Action": "CREATE", "ResourceRecordSet": {
                "Name": "by-address.errors.example", "Type": "A", "TTL": 60, "SetIdentifier": "one",
                "CidrRoutingConfig": {"CollectionId": names["cidr"], "LocationName": "here"},
                "ResourceRecords": [{"Value": "192.0.2.1"}]}},
            {"Action": "CREATE", "ResourceRecordSet": {
                "Name": "there.errors.example", "Type": "A", "TTL": 60,
                "ResourceRecords": [{"Value": "192.0.2.1"}]}}]})
        for word, record_type in (("policy", "A"), ("policy6", "AAAA")):
            document = DOCUMENT if word == "policy" else (
                DOCUMENT.replace('"A"', '"AAAA"').replace("192.0.2.1", "2001:db8::1"))
            names[word] = api.create_traffic_policy(Name=word, Document=document)[
                "TrafficPolicy"]["Id"]
        names["instance"] = api.create_traffic_policy_instance(
            HostedZoneId=names["zone"], Name="made.errors.example", TTL=60,
            TrafficPolicyId=names["policy"], TrafficPolicyVersion=1)["TrafficPolicyInstance"]["Id"]

    def make_keys(self):
        api, names = self.api, self.names
        for name, status in (("resting", "INACTIVE"), ("working", "ACTIVE")):
            api.create_key_signing_key(
                CallerReference=name, HostedZoneId=names["zone"], Name=name, Status=status,
                KeyManagementServiceArn=KMS % name)
        names["logging"] = api.create_query_logging_config(
            HostedZoneId=names["zone"], CloudWatchLogsLogGroupArn=GROUP % "one")[
                "QueryLoggingConfig"]["Id"]

    def update_hosted_zone_features(self, Id, Flag):  # pylint: disable=invalid-name
        """What Debian's botocore has no model for."""
        body = (f'<UpdateHostedZoneFeaturesRequest xmlns="{SPACE}"><EnableAcceleratedRecovery>{Flag}'
                "</EnableAcceleratedRecovery></UpdateHostedZoneFeaturesRequest>")
        request = botocore.awsrequest.AWSRequest(
            "POST", f"{self.api.meta.endpoint_url}/2013-04-01/hostedzone/{Id}/features", data=body)
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(*self.key), "route53",
                                "eu-west-1").add_auth(request)
        try:
            urllib.request.urlopen(urllib.request.Request(
                request.url, data=body.encode(), headers=dict(request.headers)), timeout=20).close()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            found = {name: re.search(f"<{name}>(.*?)</{name}>", text)[1] for name in
                     ("Code", "Message")}
            raise botocore.exceptions.ClientError(
                {"Error": found, "ResponseMetadata": {"HTTPStatusCode": error.code}},
                "UpdateHostedZoneFeatures") from None

    def call(self, operation, words):
        name = method_of(operation)
        return getattr(self if hasattr(self, name) else self.api, name)(**words)

    def fill(self, value):
        """@value with its {words} replaced."""
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, str):
            return re.sub(r"\{([a-z_0-9]+)\}", lambda word: self.names[word[1]], value)
        return value


class TestApiErrors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(cls.enterClassContext(Cluster(1)))

    def provoke(self, case, status):
        """What @case answers with in place of what it should; None: as it should."""
        node, words = self.world.node, self.world.fill(case.words)
        if case.limit:
            node.quartet("limits", case.limit, "1")
        try:
            self.world.call(case.operation, words)
            return "it worked"
        except botocore.exceptions.ClientError as error:
            answer = error.response
        finally:
            if case.limit:
                node.quartet("limits", case.limit, "usual")
        got = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
        message = answer["Error"]["Message"]
        if got != (case.code, status):
            return f"{got[0]} {got[1]}: {message}"
        if not message or (case.message and self.world.fill(case.message) not in message):
            return f"the message is {message!r}"
        return None

    def test_each_documented_error_is_provoked(self):
        table = documented()
        failures = []
        for case in CASES:
            status = table[case.operation].get(case.code)
            self.assertIsNotNone(status, f"{case.operation} is not documented to tell {case.code}")
            found = self.provoke(case, status)
            if found:
                failures.append(f"{case.operation} {case.code}: {found}")
        self.assertEqual(failures, [], "\n" + "\n".join(failures))

    def test_each_documented_error_is_provoked_or_excused(self):
        provoked = {(case.operation, case.code) for case in CASES}
        listed = {(name, code) for name, codes in documented().items() for code in codes}
        excused = {pair for pair in listed
                   if pair in EXCUSES or pair[1] in EXCUSED_EVERYWHERE}
        self.assertEqual(len(documented()), 71)
        self.assertEqual(sorted(listed - provoked - excused), [], "neither provoked nor excused")
        self.assertEqual(sorted(provoked & excused), [], "excused, but can be provoked")
        self.assertEqual(sorted(set(EXCUSES) - listed), [], "excused, but not documented")
        self.assertTrue(all([*EXCUSES.values(), *EXCUSED_EVERYWHERE.values()]))


if __name__ == "__main__":
    tap.main()
