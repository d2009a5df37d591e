/* node/route53/iam.h: policy documents in IAM's words: who may do what to which resource, and under
 * which conditions. A document is checked whole when it is read: what this program would not act
 * upon (an operator, a condition key, a variable) is refused and never skipped. Pure; one thread at
 * a time per policy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define IAM_POLICY_LEN_MAX 20480u
#define IAM_PROBLEM_SIZE 400u
#define IAM_STATEMENTS_MAX 100u

/* Condition keys. Those of a change have a value for each record set in it. */
#define IAM_KEY_RECORD_NAMES "route53:ChangeResourceRecordSetsNormalizedRecordNames"
#define IAM_KEY_RECORD_TYPES "route53:ChangeResourceRecordSetsRecordTypes"
#define IAM_KEY_ACTIONS "route53:ChangeResourceRecordSetsActions"
#define IAM_KEY_VPCS "route53:VPCs"
#define IAM_KEY_SOURCE_IP "aws:SourceIp"
#define IAM_KEY_USER_NAME "aws:username"
#define IAM_KEY_SECURE_TRANSPORT "aws:SecureTransport"

struct iam_policy; /* opaque, immutable */

/* Read and check a document. On 0 the caller owns *@out. ERR_INVALID and ERR_LIMIT, with @problem
 * saying what is wrong and where; ERR_NOMEM. */
int iam_policy_parse(const char *text, struct iam_policy **out, char problem[IAM_PROBLEM_SIZE]);
void iam_policy_free(struct iam_policy *policy); /* accepts NULL */

struct iam_values { /* of one condition key, in one request; all borrowed */
    const char *key;
    const char *const *values;
    size_t count; /* 0: as if the key was not there */
};
struct iam_request {
    const char *action;   /* "route53:GetHostedZone" */
    const char *resource; /* "arn:aws:route53:::hostedzone/Z1"; "*": it is about no resource */
    const struct iam_values *values;
    size_t value_count;
};
enum iam_verdict {
    IAM_ALLOWED,
    IAM_NOT_ALLOWED, /* nothing allows it */
    IAM_DENIED,      /* a statement denies it, whatever others allow */
};
enum iam_verdict iam_policy_decide(const struct iam_policy *policy,
                                   const struct iam_request *request);

/* ---- iam_condition.c: within the room ---- */

struct json_t;
/* Check the object @condition of a statement. ERR_INVALID with @problem. */
int iam__check_condition(const struct json_t *condition, char problem[IAM_PROBLEM_SIZE]);
/* Does @request meet all of @condition (NULL: yes)? */
bool iam__is_met(const struct json_t *condition, const struct iam_request *request);
/* "*": any octets, "?": any one. */
bool iam__matches(const char *pattern, const char *text, bool is_case_ignored);
