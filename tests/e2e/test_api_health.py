#!/usr/bin/python3
"""Health checks by the Route 53 API, as boto3 asks for them: every operation, with true checks of
an endpoint by two nodes, and the errors that can be provoked."""
import http.server
import pathlib
import sys
import threading
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tap  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

NONE = "00000000-0000-4000-8000-000000000000"
TCP = {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80, "Disabled": True}


class Endpoint(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(Endpoint.status)
        self.end_headers()
        self.wfile.write(b"alive and well")

    def log_message(self, *args):
        pass


class TestApiHealth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.form()
        key = cls.cluster.credential()
        cls.clients = [cls.client(number, key) for number in (1, 2)]
        cls.api, cls.other = cls.clients

    @classmethod
    def client(cls, number, key):
        # botocore does not know that intervals may be shorter here, nor that there may be fewer
        # regions.
        config = botocore.config.Config(parameter_validation=False, retries={"max_attempts": 1})
        return boto3.client("route53", endpoint_url=cls.cluster.gateway(number).url,
                            region_name="us-east-1", aws_access_key_id=key[0],
                            aws_secret_access_key=key[1], config=config)

    def create(self, reference, **config):
        config = {key: value for key, value in {**TCP, **config}.items() if value is not None}
        return self.api.create_health_check(CallerReference=reference,
                                            HealthCheckConfig=config)["HealthCheck"]

    def fails(self, code, status, call, word="", **words):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**words)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]),
                         (code, status), answer["Error"])
        self.assertIn(word, answer["Error"]["Message"])
        return answer["Error"]["Message"]

    def test_defaults_are_filled_in_and_shown(self):
        answer = self.api.create_health_check(
            CallerReference="defaults-1",
            HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com",
                               "ResourcePath": "ready?a=b&c"})
        check = answer["HealthCheck"]
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(answer["Location"].endswith("/2013-04-01/healthcheck/" + check["Id"]))
        self.assertRegex(check["Id"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(check["HealthCheckVersion"], 1)
        self.assertEqual(check["CallerReference"], "defaults-1")
        self.assertEqual(check["HealthCheckConfig"], {
            "Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com", "Port": 443,
            "ResourcePath": "/ready?a=b&c", "RequestInterval": 30, "FailureThreshold": 3,
            "MeasureLatency": False, "Inverted": False, "Disabled": False, "EnableSNI": True})
        self.assertEqual(self.other.get_health_check(HealthCheckId=check["Id"])["HealthCheck"],
                         check)
        plain = self.create("defaults-2", Type="HTTP", Port=None, EnableSNI=False)
        self.assertEqual(plain["HealthCheckConfig"], {
            "Type": "HTTP", "IPAddress": "192.0.2.1", "Port": 80, "RequestInterval": 30,
            "FailureThreshold": 3, "MeasureLatency": False, "Inverted": False, "Disabled": True,
            "EnableSNI": False})
        above = self.api.create_health_check(
            CallerReference="defaults-3",
            HealthCheckConfig={"Type": "CALCULATED", "HealthThreshold": 1,
                               "ChildHealthChecks": [check["Id"], plain["Id"]]})["HealthCheck"]
        self.assertEqual(above["HealthCheckConfig"], {
            "Type": "CALCULATED", "HealthThreshold": 1, "Inverted": False, "Disabled": False,
            "ChildHealthChecks": [check["Id"], plain["Id"]]})
        self.fails("InvalidInput", 400, self.api.get_health_check_status, "child",
                   HealthCheckId=above["Id"])
        self.fails("HealthCheckInUse", 400, self.api.delete_health_check, above["Id"],
                   HealthCheckId=plain["Id"])

    def test_references_name_one_check(self):
        first = self.create("reference-1")
        self.assertEqual(self.create("reference-1"), first)
        self.fails("HealthCheckAlreadyExists", 409, self.api.create_health_check, first["Id"],
                   CallerReference="reference-1", HealthCheckConfig={**TCP, "Port": 81})
        self.api.delete_health_check(HealthCheckId=first["Id"])
        self.fails("NoSuchHealthCheck", 404, self.other.get_health_check, HealthCheckId=first["Id"])
        self.fails("HealthCheckAlreadyExists", 409, self.other.create_health_check, "deleted",
                   CallerReference="reference-1", HealthCheckConfig=TCP)

    def test_update_changes_what_is_given(self):
        check = self.create("update-1", Type="HTTP_STR_MATCH", SearchString="well",
                            ResourcePath="/a", FullyQualifiedDomainName="a.example.com",
                            Regions=["us-east-1", "eu-west-1", "sa-east-1"])
        before, name = check["HealthCheckConfig"], check["Id"]
        after = self.other.update_health_check(HealthCheckId=name, HealthCheckVersion=1, Port=8080,
                                               FailureThreshold=1, Inverted=True)["HealthCheck"]
        self.assertEqual(after["HealthCheckVersion"], 2)
        self.assertEqual(after["HealthCheckConfig"],
                         {**before, "Port": 8080, "FailureThreshold": 1, "Inverted": True})
        self.fails("HealthCheckVersionMismatch", 409, self.api.update_health_check, "version 2",
                   HealthCheckId=name, HealthCheckVersion=1, Port=80)
        after = self.api.update_health_check(
            HealthCheckId=name, Inverted=False,
            ResetElements=["Regions", "ResourcePath", "FullyQualifiedDomainName"])["HealthCheck"]
        self.assertEqual(after["HealthCheckVersion"], 3)
        for gone in ("Regions", "ResourcePath", "FullyQualifiedDomainName"):
            del before[gone]
        self.assertEqual(after["HealthCheckConfig"],
                         {**before, "Port": 8080, "FailureThreshold": 1})
        text = self.fails("InvalidInput", 400, self.api.update_health_check, HealthCheckId=name,
                          Port=0, FailureThreshold=11, ResetElements=["Port"])
        self.assertIn("3 validation errors detected: Value '0' at 'port' failed to satisfy "
                      "constraint: Member must have value greater than or equal to 1; ", text)
        self.assertIn("'resetElements'", text)

    def test_lists_go_in_pages(self):
        made = [self.create(f"list-{i}")["Id"] for i in range(7)]
        first = self.api.list_health_checks(MaxItems="3")
        self.assertEqual((first["IsTruncated"], first["MaxItems"], first["Marker"],
                          len(first["HealthChecks"])), (True, "3", "", 3))
        second = self.other.list_health_checks(MaxItems="2", Marker=first["NextMarker"])
        self.assertEqual(second["Marker"], first["NextMarker"])
        self.assertEqual(second["HealthChecks"][0]["Id"], first["NextMarker"])
        everything = [check["Id"] for page in
                      self.api.get_paginator("list_health_checks").paginate(
                          PaginationConfig={"PageSize": 3}) for check in page["HealthChecks"]]
        self.assertEqual(everything, sorted(everything))
        self.assertEqual(set(made) - set(everything), set())
        self.assertEqual(len(set(everything)), len(everything))
        last = self.api.list_health_checks()
        self.assertEqual((last["IsTruncated"], last["MaxItems"]), (False, "100"))
        self.assertNotIn("NextMarker", last)
        self.assertEqual([check["Id"] for check in last["HealthChecks"]], everything)
        self.assertEqual(self.api.get_health_check_count()["HealthCheckCount"], len(everything))
        self.fails("InvalidInput", 400, self.api.list_health_checks, MaxItems="many")
        self.fails("InvalidInput", 400, self.api.list_health_checks, MaxItems="0")

    def test_what_checkers_found_is_told(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        name = self.create("status-1", Type="HTTP_STR_MATCH", IPAddress="127.0.0.1",
                           Port=server.server_port, SearchString="well", RequestInterval=1,
                           FailureThreshold=1, Disabled=False)["Id"]

        def observations(call):
            return {seen["IPAddress"]: seen["StatusReport"]
                    for seen in call(HealthCheckId=name)["HealthCheckObservations"]}

        nodes = {node.address for node in self.cluster.nodes}

        def all_say(call, text):
            found = observations(call)
            return set(found) == nodes and all(text in report["Status"]
                                               for report in found.values()) and found

        found = wait_until(lambda: all_say(self.api.get_health_check_status,
                                           "Success: HTTP Status Code 200, OK"), 20,
                           "both nodes see the endpoint")
        self.assertEqual({type(report["CheckedTime"]).__name__ for report in found.values()},
                         {"datetime"})
        self.assertEqual(observations(self.other.get_health_check_last_failure_reason), {})
        Endpoint.status = 503
        wait_until(lambda: all_say(self.other.get_health_check_status,
                                   "Failure: HTTP Status Code 503"), 20, "both nodes see it fail")
        Endpoint.status = 200
        wait_until(lambda: all_say(self.api.get_health_check_status, "Success"), 20,
                   "both nodes see it again")
        self.assertTrue(all_say(self.api.get_health_check_last_failure_reason,
                                "Failure: HTTP Status Code 503"))
        self.assertEqual(sorted(self.api.get_checker_ip_ranges()["CheckerIpRanges"]),
                         sorted(f"{address}/32" for address in nodes))

    def test_a_check_in_use_stays(self):
        check = self.create("used-1")["Id"]
        node = self.cluster.node(1)
        node.quartet("zone", "create", "used.example")
        node.quartet("record", "set", "used.example", "www", "A", "192.0.2.1", "--weight", "1",
                     "--set-id", "one", "--health-check", check)
        self.fails("HealthCheckInUse", 400, self.other.delete_health_check, "www.used.example.",
                   HealthCheckId=check)

    def test_mistakes_are_told(self):
        create = self.api.create_health_check
        text = self.fails("InvalidInput", 400, create, CallerReference="",
                          HealthCheckConfig={"Type": "ICMP"})
        self.assertTrue(text.startswith("2 validation errors detected: Value '' at "
                                        "'callerReference' failed"), text)
        self.assertIn("Value 'ICMP' at 'healthCheckConfig.type' failed to satisfy constraint: "
                      "Member must satisfy enum value set: [HTTP, ", text)
        self.fails("InvalidInput", 400, create, "'healthCheckConfig.port'",
                   CallerReference="mistake", HealthCheckConfig={**TCP, "Port": 65536})
        self.fails("InvalidInput", 400, create, "less than or equal to 255",
                   CallerReference="mistake", HealthCheckConfig={**TCP, "ResourcePath": "/" * 256})
        self.fails("InvalidInput", 400, create, "CloudWatch", CallerReference="mistake",
                   HealthCheckConfig={"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {
                       "Region": "us-east-1", "Name": "a"}})
        self.fails("InvalidInput", 400, create, "Recovery", CallerReference="mistake",
                   HealthCheckConfig={"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:x"})
        self.fails("InvalidInput", 400, create, "needs an IP address", CallerReference="mistake",
                   HealthCheckConfig={"Type": "HTTP"})
        self.fails("InvalidInput", 400, create, "is not an IPv4", CallerReference="mistake",
                   HealthCheckConfig={**TCP, "IPAddress": "192.0.2"})
        for call, words in ((self.api.get_health_check, {}), (self.api.delete_health_check, {}),
                            (self.api.update_health_check, {"Port": 81}),
                            (self.api.get_health_check_status, {}),
                            (self.api.get_health_check_last_failure_reason, {})):
            self.assertEqual(self.fails("NoSuchHealthCheck", 404, call, HealthCheckId=NONE,
                                        **words),
                             f"A health check with id {NONE} does not exist.")
        self.create("mistake-1")
        self.fails("NoSuchHealthCheck", 404, self.api.get_health_check, HealthCheckId="mistake-1")
        self.fails("InvalidInput", 400, self.api.get_health_check, "healthCheckId",
                   HealthCheckId="a" * 65)


if __name__ == "__main__":
    tap.main()
