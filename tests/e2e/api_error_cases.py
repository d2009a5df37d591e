"""How test_api_errors.py provokes each error of api_errors.tsv, and why some cannot be.

A case is the operation, the code, the members that boto3 sends ({words} are names of its World), a
part of the message where clients read it, and a limit that is 1 meanwhile."""
import dataclasses
import typing

NONE = "Z00000000000000000000"
UUID = "00000000-0000-4000-8000-000000000000"
LONG = "Z" * 33
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/route53/%s"
KMS = "arn:aws:kms:us-east-1:123456789012:key/%s"
NO_ZONE = f"No hosted zone found with ID: {NONE}"
NULL = "failed to satisfy constraint"
BAD_VPC = "The VPC ID is invalid."


def vpc(name):
    return {"VPCRegion": "eu-west-1", "VPCId": name}


def record(name, value="192.0.2.1", action="CREATE", **more):
    return {"Changes": [{"Action": action, "ResourceRecordSet": {
        "Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}}]}


@dataclasses.dataclass
class Case:
    operation: str
    code: str
    words: typing.Dict[str, object]
    message: str = ""
    limit: str = ""


def zone_cases():
    """Hosted zones, delegation sets, limits."""
    create = {"Name": "new.example", "CallerReference": "new"}
    private = {"HostedZoneConfig": {"PrivateZone": True}}
    of_set = {"CallerReference": "s2", "HostedZoneId": "{zone}"}
    return [
        Case("CreateHostedZone", "InvalidDomainName", {**create, "Name": "a..b"}),
        Case("CreateHostedZone", "HostedZoneAlreadyExists",
             {**create, "CallerReference": "errors.example"},
             "A hosted zone has already been created with the specified caller reference."),
        Case("CreateHostedZone", "TooManyHostedZones", create, limit="MAX_HOSTED_ZONES_BY_OWNER"),
        Case("CreateHostedZone", "InvalidVPCId", {**create, **private, "VPC": vpc("no vpc")},
             BAD_VPC),
        Case("CreateHostedZone", "InvalidInput", {"CallerReference": "new"}, NULL),
        Case("CreateHostedZone", "ConflictingDomainExists",
             {**create, **private, "Name": "private.example", "VPC": vpc("vpc-1")},
             "A conflicting domain is already associated with the given VPC or Delegation Set."),
        Case("CreateHostedZone", "NoSuchDelegationSet",
             {**create, "DelegationSetId": "N" + NONE[1:]}),
        Case("DeleteHostedZone", "NoSuchHostedZone", {"Id": NONE}, NO_ZONE),
        Case("DeleteHostedZone", "HostedZoneNotEmpty", {"Id": "{zone}"},
             "The specified hosted zone contains non-required resource record sets  and so cannot "
             "be deleted."),
        Case("DeleteHostedZone", "InvalidInput", {"Id": LONG}, NULL),
        Case("GetHostedZone", "NoSuchHostedZone", {"Id": NONE}, NO_ZONE),
        Case("GetHostedZone", "InvalidInput", {"Id": LONG}, NULL),
        Case("GetHostedZoneLimit", "NoSuchHostedZone",
             {"HostedZoneId": NONE, "Type": "MAX_RRSETS_BY_ZONE"}, NO_ZONE),
        Case("GetHostedZoneLimit", "InvalidInput", {"HostedZoneId": "{zone}", "Type": "MAX"}, NULL),
        Case("GetHostedZoneLimit", "HostedZoneNotPrivate",
             {"HostedZoneId": "{zone}", "Type": "MAX_VPCS_ASSOCIATED_BY_ZONE"}),
        Case("GetAccountLimit", "InvalidInput", {"Type": "MAX"}, NULL),
        Case("ListHostedZones", "InvalidInput", {"MaxItems": "0"}, NULL),
        Case("ListHostedZones", "NoSuchDelegationSet", {"DelegationSetId": "N" + NONE[1:]}),
        Case("ListHostedZonesByName", "InvalidInput", {"MaxItems": "0"}, NULL),
        Case("ListHostedZonesByName", "InvalidDomainName", {"DNSName": "a..b"}),
        Case("ListHostedZonesByVPC", "InvalidInput", {"VPCId": "vpc-1"}, NULL),
        Case("ListHostedZonesByVPC", "InvalidPaginationToken",
             {"VPCId": "vpc-1", "VPCRegion": "eu-west-1", "NextToken": "none"}),
        Case("UpdateHostedZoneComment", "NoSuchHostedZone", {"Id": NONE}, NO_ZONE),
        Case("UpdateHostedZoneComment", "InvalidInput", {"Id": "{zone}", "Comment": "c" * 257},
             NULL),
        Case("UpdateHostedZoneFeatures", "NoSuchHostedZone", {"Id": NONE, "Flag": "true"}, NO_ZONE),
        Case("UpdateHostedZoneFeatures", "InvalidInput", {"Id": "{zone}", "Flag": "perhaps"}),
        Case("CreateReusableDelegationSet", "DelegationSetAlreadyCreated",
             {"CallerReference": "set"}),
        Case("CreateReusableDelegationSet", "LimitsExceeded", {"CallerReference": "s2"},
             limit="MAX_REUSABLE_DELEGATION_SETS_BY_OWNER"),
        Case("CreateReusableDelegationSet", "HostedZoneNotFound", {**of_set, "HostedZoneId": NONE}),
        Case("CreateReusableDelegationSet", "InvalidArgument",
             {**of_set, "HostedZoneId": "{private1}"}),
        Case("CreateReusableDelegationSet", "InvalidInput", {"CallerReference": "s" * 129}, NULL),
        Case("CreateReusableDelegationSet", "DelegationSetAlreadyReusable",
             {**of_set, "HostedZoneId": "{in_set}"}),
        Case("DeleteReusableDelegationSet", "NoSuchDelegationSet", {"Id": "N" + NONE[1:]}),
        Case("DeleteReusableDelegationSet", "DelegationSetInUse", {"Id": "{set}"}),
        Case("DeleteReusableDelegationSet", "InvalidInput", {"Id": "N" * 33}, NULL),
        Case("GetReusableDelegationSet", "NoSuchDelegationSet", {"Id": "N" + NONE[1:]}),
        Case("GetReusableDelegationSet", "InvalidInput", {"Id": "N" * 33}, NULL),
        Case("GetReusableDelegationSetLimit", "InvalidInput",
             {"DelegationSetId": "{set}", "Type": "MAX"}, NULL),
        Case("GetReusableDelegationSetLimit", "NoSuchDelegationSet",
             {"DelegationSetId": "N" + NONE[1:], "Type": "MAX_ZONES_BY_REUSABLE_DELEGATION_SET"}),
        Case("ListReusableDelegationSets", "InvalidInput", {"MaxItems": "0"}, NULL),
    ]


def vpc_cases():
    """VPCs and their authorizations."""
    gone = {"HostedZoneId": NONE, "VPC": vpc("vpc-3")}
    bad = {"HostedZoneId": "{private1}", "VPC": vpc("no vpc")}
    null = {"HostedZoneId": "{private1}"}
    calls = ("AssociateVPCWithHostedZone", "DisassociateVPCFromHostedZone",
             "CreateVPCAssociationAuthorization", "DeleteVPCAssociationAuthorization")
    cases = [Case(call, code, words, message) for call in calls for code, words, message in
             (("NoSuchHostedZone", gone, NO_ZONE), ("InvalidVPCId", bad, BAD_VPC),
              ("InvalidInput", null, NULL))]
    return cases + [
        Case("AssociateVPCWithHostedZone", "PublicZoneVPCAssociation",
             {"HostedZoneId": "{zone}", "VPC": vpc("vpc-3")}),
        Case("AssociateVPCWithHostedZone", "ConflictingDomainExists",
             {"HostedZoneId": "{private2}", "VPC": vpc("vpc-1")},
             "The VPC that you chose, vpc-1 in region eu-west-1, is already associated with "
             "another private hosted zone that has an overlapping name space, private.example.."),
        Case("AssociateVPCWithHostedZone", "LimitsExceeded",
             {"HostedZoneId": "{private1}", "VPC": vpc("vpc-3")},
             limit="MAX_VPCS_ASSOCIATED_BY_ZONE"),
        Case("DisassociateVPCFromHostedZone", "VPCAssociationNotFound",
             {"HostedZoneId": "{private1}", "VPC": vpc("vpc-3")}),
        Case("DisassociateVPCFromHostedZone", "LastVPCAssociation",
             {"HostedZoneId": "{private1}", "VPC": vpc("vpc-1")}),
        Case("DeleteVPCAssociationAuthorization", "VPCAssociationAuthorizationNotFound",
             {"HostedZoneId": "{private1}", "VPC": vpc("vpc-3")}),
        Case("ListVPCAssociationAuthorizations", "NoSuchHostedZone", {"HostedZoneId": NONE},
             NO_ZONE),
        Case("ListVPCAssociationAuthorizations", "InvalidInput",
             {"HostedZoneId": "{private1}", "MaxResults": "0"}, NULL),
        Case("ListVPCAssociationAuthorizations", "InvalidPaginationToken",
             {"HostedZoneId": "{private1}", "NextToken": "!"}),
    ]


def record_cases():
    """Record sets, changes, tests of answers, tags."""
    change = "ChangeResourceRecordSets"
    asked = {"RecordName": "there.errors.example", "RecordType": "A"}
    tags = {"AddTags": [{"Key": "k", "Value": "v"}]}
    cases = [
        Case(change, "NoSuchHostedZone", {"HostedZoneId": NONE, "ChangeBatch": record("a.example")},
             NO_ZONE),
        Case(change, "NoSuchHealthCheck",
             {"HostedZoneId": "{zone}", "ChangeBatch": record(
                 "new.errors.example", HealthCheckId=UUID, SetIdentifier="one", Weight=1)}),
        Case(change, "InvalidChangeBatch",
             {"HostedZoneId": "{zone}", "ChangeBatch": record("there.errors.example")},
             "Tried to create resource record set [name='there.errors.example.', type='A'] but it "
             "already exists"),
        Case(change, "InvalidInput", {"HostedZoneId": "{zone}", "ChangeBatch": record(
            "new.errors.example", Type="LOC")}, NULL),
        Case("ListResourceRecordSets", "NoSuchHostedZone", {"HostedZoneId": NONE}, NO_ZONE),
        Case("ListResourceRecordSets", "InvalidInput",
             {"HostedZoneId": "{zone}", "StartRecordType": "A"}),
        Case("GetChange", "NoSuchChange", {"Id": "C00000000000000000000"},
             "Could not find resource with ID: C00000000000000000000"),
        Case("GetChange", "InvalidInput", {"Id": "C" * 6501}, NULL),
        Case("TestDNSAnswer", "NoSuchHostedZone", {"HostedZoneId": NONE, **asked}, NO_ZONE),
        Case("TestDNSAnswer", "InvalidInput", {"HostedZoneId": "{zone}", **asked,
                                               "ResolverIP": "nowhere"}),
        Case("ChangeTagsForResource", "InvalidInput",
             {"ResourceType": "hostedzone", "ResourceId": "{zone}",
              "AddTags": [{"Key": "k" * 129, "Value": "v"}]}, NULL),
        Case("ListTagsForResource", "InvalidInput",
             {"ResourceType": "hostedzone", "ResourceId": "z" * 65}, NULL),
        Case("ListTagsForResources", "InvalidInput",
             {"ResourceType": "hostedzone", "ResourceIds": [NONE] * 11}, NULL),
    ]
    for kind, resource, code in (("hostedzone", NONE, "NoSuchHostedZone"),
                                 ("healthcheck", UUID, "NoSuchHealthCheck")):
        one = {"ResourceType": kind, "ResourceId": resource}
        cases += [Case("ChangeTagsForResource", code, {**one, **tags}),
                  Case("ListTagsForResource", code, one),
                  Case("ListTagsForResources", code,
                       {"ResourceType": kind, "ResourceIds": [resource]})]
    return cases


def health_cases():
    """Health checks, locations."""
    config = {"Type": "TCP", "IPAddress": "127.0.0.1", "Port": 9}
    cases = [Case(call, "NoSuchHealthCheck", {"HealthCheckId": UUID}) for call in
             ("GetHealthCheck", "DeleteHealthCheck", "UpdateHealthCheck", "GetHealthCheckStatus",
              "GetHealthCheckLastFailureReason")]
    cases += [Case(call, "InvalidInput", {"HealthCheckId": "h" * 65}, NULL) for call in
              ("GetHealthCheck", "DeleteHealthCheck", "UpdateHealthCheck", "GetHealthCheckStatus",
               "GetHealthCheckLastFailureReason")]
    return cases + [
        Case("CreateHealthCheck", "TooManyHealthChecks",
             {"CallerReference": "c2", "HealthCheckConfig": config},
             limit="MAX_HEALTH_CHECKS_BY_OWNER"),
        Case("CreateHealthCheck", "HealthCheckAlreadyExists",
             {"CallerReference": "check", "HealthCheckConfig": {**config, "Port": 10}}),
        Case("CreateHealthCheck", "InvalidInput",
             {"CallerReference": "c2", "HealthCheckConfig": {"Type": "TELEPATHY"}}, NULL),
        Case("UpdateHealthCheck", "HealthCheckVersionMismatch",
             {"HealthCheckId": "{check}", "HealthCheckVersion": 9}),
        Case("ListHealthChecks", "InvalidInput", {"MaxItems": "0"}, NULL),
        Case("GetGeoLocation", "NoSuchGeoLocation", {"CountryCode": "QQ"}),
        Case("GetGeoLocation", "InvalidInput", {"CountryCode": "QQQ"}, NULL),
        Case("ListGeoLocations", "InvalidInput", {"MaxItems": "0"}, NULL),
    ]


def cidr_cases():
    """CIDR collections."""
    put = {"LocationName": "there", "Action": "PUT", "CidrList": ["198.51.100.0/24"]}
    many = [{**put, "LocationName": f"l{i}"} for i in range(1001)]
    no_one = "NoSuchCidrCollectionException"
    return [

        Case("CreateCidrCollection", "InvalidInput", {"Name": "n" * 65, "CallerReference": "c"},
             NULL),
        Case("CreateCidrCollection", "CidrCollectionAlreadyExistsException",
             {"Name": "cidr", "CallerReference": "other"}),
        Case("ChangeCidrCollection", no_one, {"Id": UUID, "Changes": [put]}),
        Case("ChangeCidrCollection", "CidrCollectionVersionMismatchException",
             {"Id": "{cidr}", "CollectionVersion": 99, "Changes": [put]}),
        Case("ChangeCidrCollection", "InvalidInput", {"Id": "{cidr}", "Changes": many}, NULL),
        Case("ChangeCidrCollection", "LimitsExceeded", {"Id": "{cidr}", "Changes": [
            {**put, "CidrList": [f"10.{half}.{i}.0/24" for i in range(251)] * 2}
            for half in range(2)]}),
        Case("ChangeCidrCollection", "CidrBlockInUseException",
             {"Id": "{cidr}", "Changes": [{"LocationName": "here", "Action":
                                           "DELETE_IF_EXISTS", "CidrList": ["192.0.2.0/24"]}]}),
        Case("DeleteCidrCollection", no_one, {"Id": UUID}),
        Case("DeleteCidrCollection", "CidrCollectionInUseException", {"Id": "{cidr}"}),
        Case("DeleteCidrCollection", "InvalidInput", {"Id": "no uuid"}, NULL),
        Case("ListCidrBlocks", no_one, {"CollectionId": UUID}),
        Case("ListCidrBlocks", "NoSuchCidrLocationException",
             {"CollectionId": "{cidr}", "LocationName": "nowhere"}),
        Case("ListCidrBlocks", "InvalidInput", {"CollectionId": "{cidr}", "LocationName": "l" * 17},
             NULL),
        Case("ListCidrCollections", "InvalidInput", {"MaxResults": "0"}, NULL),
        Case("ListCidrLocations", no_one, {"CollectionId": UUID}),
        Case("ListCidrLocations", "InvalidInput", {"CollectionId": "no uuid"}, NULL),
    ]


def policy_cases():
    """Traffic policies."""
    no_one, one = {"Id": UUID}, {"Id": "{policy}"}
    first = {"Version": 1}
    bad = {"Document": "{}"}
    lists = [Case(call, "InvalidInput", {**more, "MaxItems": "0"}, NULL) for call, more in
             (("ListTrafficPolicies", {}), ("ListTrafficPolicyVersions", one))]
    return lists + [
        Case("CreateTrafficPolicy", "InvalidInput", {"Name": "n" * 513, "Document": "{document}"},
             NULL),
        Case("CreateTrafficPolicy", "TooManyTrafficPolicies",
             {"Name": "p2", "Document": "{document}"}, limit="MAX_TRAFFIC_POLICIES_BY_OWNER"),
        Case("CreateTrafficPolicy", "TrafficPolicyAlreadyExists",
             {"Name": "policy", "Document": "{document}"}),
        Case("CreateTrafficPolicy", "InvalidTrafficPolicyDocument", {"Name": "p2", **bad}),
        Case("CreateTrafficPolicyVersion", "NoSuchTrafficPolicy",
             {**no_one, "Document": "{document}"}),
        Case("CreateTrafficPolicyVersion", "InvalidInput",
             {**one, "Document": "{document}", "Comment": "c" * 1025}, NULL),
        Case("CreateTrafficPolicyVersion", "InvalidTrafficPolicyDocument", {**one, **bad}),
        Case("DeleteTrafficPolicy", "NoSuchTrafficPolicy", {**no_one, **first}),
        Case("DeleteTrafficPolicy", "InvalidInput", {"Id": "i" * 37, **first}, NULL),
        Case("DeleteTrafficPolicy", "TrafficPolicyInUse", {**one, **first}),
        Case("GetTrafficPolicy", "NoSuchTrafficPolicy", {**no_one, **first}),
        Case("GetTrafficPolicy", "InvalidInput", {**one, "Version": 1001}, NULL),
        Case("ListTrafficPolicyVersions", "NoSuchTrafficPolicy", no_one),
        Case("UpdateTrafficPolicyComment", "NoSuchTrafficPolicy",
             {**no_one, **first, "Comment": "c"}),
        Case("UpdateTrafficPolicyComment", "InvalidInput", {**one, **first, "Comment": "c" * 1025},
             NULL),
    ]


def instance_cases():
    """Traffic policy instances."""
    create = {"HostedZoneId": "{zone}", "Name": "more.errors.example", "TTL": 60,
              "TrafficPolicyId": "{policy}", "TrafficPolicyVersion": 1}
    update = {"Id": "{instance}", "TTL": 60, "TrafficPolicyId": "{policy}",
              "TrafficPolicyVersion": 1}
    gone = "NoSuchTrafficPolicyInstance"
    of_policy = {"TrafficPolicyId": "{policy}", "TrafficPolicyVersion": 1}
    return [
        Case("CreateTrafficPolicyInstance", "NoSuchHostedZone", {**create, "HostedZoneId": NONE},
             NO_ZONE),
        Case("CreateTrafficPolicyInstance", "InvalidInput", {**create, "TTL": -1}, NULL),
        Case("CreateTrafficPolicyInstance", "TooManyTrafficPolicyInstances", create,
             limit="MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER"),
        Case("CreateTrafficPolicyInstance", "NoSuchTrafficPolicy",
             {**create, "TrafficPolicyId": UUID}),
        Case("CreateTrafficPolicyInstance", "TrafficPolicyInstanceAlreadyExists",
             {**create, "Name": "made.errors.example"}),
        Case("DeleteTrafficPolicyInstance", gone, {"Id": UUID}),
        Case("DeleteTrafficPolicyInstance", "InvalidInput", {"Id": "i" * 37}, NULL),
        Case("GetTrafficPolicyInstance", gone, {"Id": UUID}),
        Case("GetTrafficPolicyInstance", "InvalidInput", {"Id": "i" * 37}, NULL),
        Case("UpdateTrafficPolicyInstance", "InvalidInput", {**update, "TTL": -1}, NULL),
        Case("UpdateTrafficPolicyInstance", "NoSuchTrafficPolicy",
             {**update, "TrafficPolicyId": UUID}),
        Case("UpdateTrafficPolicyInstance", gone, {**update, "Id": UUID}),
        Case("UpdateTrafficPolicyInstance", "ConflictingTypes",
             {**update, "TrafficPolicyId": "{policy6}"}),
        Case("ListTrafficPolicyInstances", "InvalidInput", {"MaxItems": "0"}, NULL),
        Case("ListTrafficPolicyInstancesByHostedZone", "InvalidInput",
             {"HostedZoneId": "{zone}", "MaxItems": "0"}, NULL),
        Case("ListTrafficPolicyInstancesByHostedZone", "NoSuchHostedZone", {"HostedZoneId": NONE},
             NO_ZONE),
        Case("ListTrafficPolicyInstancesByPolicy", "InvalidInput", {**of_policy, "MaxItems": "0"},
             NULL),
        Case("ListTrafficPolicyInstancesByPolicy", "NoSuchTrafficPolicy",
             {**of_policy, "TrafficPolicyId": UUID}),
    ]


def key_cases():
    """Key-signing keys, DNSSEC, logs of queries."""
    create = {"CallerReference": "k2", "HostedZoneId": "{zone}", "Name": "more",
              "KeyManagementServiceArn": KMS % "more", "Status": "ACTIVE"}
    elsewhere = {**create, "HostedZoneId": "{empty}"}
    gone = {"HostedZoneId": "{zone}", "Name": "nothing"}
    bad = {"HostedZoneId": LONG, "Name": "nothing"}
    private = "Operation is unsupported for private"
    cases = [Case(call, code, words, message) for call in
             ("ActivateKeySigningKey", "DeactivateKeySigningKey", "DeleteKeySigningKey")
             for code, words, message in (("NoSuchKeySigningKey", gone, ""),
                                          ("InvalidInput", bad, NULL))]
    for call in ("EnableHostedZoneDNSSEC", "DisableHostedZoneDNSSEC", "GetDNSSEC"):
        cases += [Case(call, "NoSuchHostedZone", {"HostedZoneId": NONE}, NO_ZONE),
                  Case(call, "InvalidArgument", {"HostedZoneId": "{private1}"}, private),
                  Case(call, "InvalidInput", {"HostedZoneId": LONG}, NULL)]
    return cases + [
        Case("CreateKeySigningKey", "NoSuchHostedZone", {**create, "HostedZoneId": NONE}, NO_ZONE),
        Case("CreateKeySigningKey", "InvalidArgument", {**create, "HostedZoneId": "{private1}"},
             private),
        Case("CreateKeySigningKey", "InvalidInput", {**create, "CallerReference": "c" * 129}, NULL),
        Case("CreateKeySigningKey", "InvalidKMSArn",
             {**elsewhere, "KeyManagementServiceArn": "arn:aws:s3:::no-key-at-all"}),
        Case("CreateKeySigningKey", "InvalidKeySigningKeyStatus", {**elsewhere, "Status": "TIRED"}),
        Case("CreateKeySigningKey", "InvalidKeySigningKeyName", {**elsewhere, "Name": "a b c"}),
        Case("CreateKeySigningKey", "KeySigningKeyAlreadyExists", {**create, "Name": "working"}),
        Case("CreateKeySigningKey", "TooManyKeySigningKeys", create),
        Case("DeleteKeySigningKey", "InvalidKeySigningKeyStatus",
             {"HostedZoneId": "{zone}", "Name": "working"}),
        Case("DisableHostedZoneDNSSEC", "DNSSECNotFound", {"HostedZoneId": "{unsigned}"}),
        Case("EnableHostedZoneDNSSEC", "KeySigningKeyWithActiveStatusNotFound",
             {"HostedZoneId": "{unsigned}"}),
        Case("CreateQueryLoggingConfig", "NoSuchHostedZone",
             {"HostedZoneId": NONE, "CloudWatchLogsLogGroupArn": GROUP % "two"}, NO_ZONE),
        Case("CreateQueryLoggingConfig", "InvalidInput",
             {"HostedZoneId": "{zone}", "CloudWatchLogsLogGroupArn": "arn:aws:logs:x"},
             "The ARN for the CloudWatch Logs log group is invalid"),
        Case("CreateQueryLoggingConfig", "QueryLoggingConfigAlreadyExists",
             {"HostedZoneId": "{zone}", "CloudWatchLogsLogGroupArn": GROUP % "two"}),
        Case("DeleteQueryLoggingConfig", "NoSuchQueryLoggingConfig", {"Id": UUID}),
        Case("DeleteQueryLoggingConfig", "InvalidInput", {"Id": "i" * 37}, NULL),
        Case("GetQueryLoggingConfig", "NoSuchQueryLoggingConfig", {"Id": UUID}),
        Case("GetQueryLoggingConfig", "InvalidInput", {"Id": "i" * 37}, NULL),
        Case("ListQueryLoggingConfigs", "InvalidInput", {"MaxResults": "0"}, NULL),
        Case("ListQueryLoggingConfigs", "InvalidPaginationToken", {"NextToken": "x" * 40}),
        Case("ListQueryLoggingConfigs", "NoSuchHostedZone", {"HostedZoneId": NONE}, NO_ZONE),
    ]


CASES = [*zone_cases(), *vpc_cases(), *record_cases(), *health_cases(), *cidr_cases(),
         *policy_cases(), *instance_cases(), *key_cases()]

MARKER = "a marker whose instance is gone stands for the next one"
UNSIGNED = "answers are not signed yet, so no zone is in a state of signing"
# By code, for every operation that lists it.
EXCUSED_EVERYWHERE = {
    "PriorRequestNotComplete": "a change is complete when it is acknowledged: none waits for another",
    "ConcurrentModification": "changes go through one log and are judged in its order",
    "ThrottlingException": "Route 53 tells of its rate by Throttling; the quota of a key does, too",
    "InvalidSigningStatus": UNSIGNED,
    "KeySigningKeyInParentDSRecord": UNSIGNED,
    "KeySigningKeyInUse": UNSIGNED,
    "HostedZonePartiallyDelegated": UNSIGNED,
    "InsufficientCloudWatchLogsResourcePolicy": "there is no CloudWatch that could refuse",
    "IncompatibleVersion": "all versions of a health check are of one form",
    "DelegationSetNotReusable": "the servers of a zone without a reusable set have no id",
}

# By operation and code.
EXCUSES = {
    ("ActivateKeySigningKey", "InvalidKMSArn"): "it was checked when the key was created",
    ("ActivateKeySigningKey", "InvalidKeySigningKeyStatus"): "every key that is there can be active",
    ("AssociateVPCWithHostedZone", "NotAuthorizedException"): "all VPCs are of one account",
    ("CreateCidrCollection", "LimitsExceeded"): "it takes 1,000 collections",
    ("CreateHostedZone", "DelegationSetNotAvailable"): "every set may serve every name",
    ("CreateQueryLoggingConfig", "NoSuchCloudWatchLogsLogGroup"): "a group is made by naming it",
    ("CreateReusableDelegationSet", "DelegationSetNotAvailable"): "every set may serve every name",
    ("CreateTrafficPolicyVersion", "TooManyTrafficPolicyVersionsForCurrentPolicy"):
        "it takes 1,000 versions",
    ("CreateVPCAssociationAuthorization", "TooManyVPCAssociationAuthorizations"):
        "it takes 1,000 authorizations",
    ("DeactivateKeySigningKey", "InvalidKeySigningKeyStatus"): "every key can be inactive",
    ("DeleteHealthCheck", "HealthCheckInUse"): "Route 53 deletes those in use as well",
    ("DeleteHostedZone", "InvalidDomainName"): "it takes no name",
    ("DeleteKeySigningKey", "InvalidKMSArn"): "it was checked when the key was created",
    ("DisableHostedZoneDNSSEC", "InvalidKMSArn"): "it was checked when the key was created",
    ("DisableHostedZoneDNSSEC", "InvalidKeySigningKeyStatus"): UNSIGNED,
    ("EnableHostedZoneDNSSEC", "DNSSECNotFound"): "KeySigningKeyWithActiveStatusNotFound says it",
    ("EnableHostedZoneDNSSEC", "InvalidKMSArn"): "it was checked when the key was created",
    ("EnableHostedZoneDNSSEC", "InvalidKeySigningKeyStatus"):
        "KeySigningKeyWithActiveStatusNotFound says it",
    ("GetHostedZoneCount", "InvalidInput"): "it takes no input",
    ("ListTrafficPolicyInstances", "NoSuchTrafficPolicyInstance"): MARKER,
    ("ListTrafficPolicyInstancesByHostedZone", "NoSuchTrafficPolicyInstance"): MARKER,
    ("ListTrafficPolicyInstancesByPolicy", "NoSuchTrafficPolicyInstance"): MARKER,
    ("UpdateHostedZoneFeatures", "LimitsExceeded"): "any number of zones may have the feature",
}
