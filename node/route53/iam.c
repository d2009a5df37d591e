/* node/route53/iam.c: documents and statements; iam_condition.c has the conditions. */
#include "route53/iam.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/text.h"

#define NAME_LEN_MAX 64 /* octets of the document's own text in a message */

struct iam_policy {
    json_t *document; /* checked: a statement or a list of them under "Statement" */
};

static int refuse(char problem[IAM_PROBLEM_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(char problem[IAM_PROBLEM_SIZE], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(problem, IAM_PROBLEM_SIZE, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* ---- lists of texts: one text, or an array ---- */

static size_t list_len(const json_t *list)
{
    return json_is_array(list) ? json_array_size(list) : 1;
}

static const char *list_text(const json_t *list, size_t index)
{
    return json_string_value(json_is_array(list) ? json_array_get(list, index) : list);
}

static bool is_action(const char *text)
{
    size_t service_len = strcspn(text, ":");

    return strcmp(text, "*") == 0 ||
           (service_len > 0 && text[service_len] == ':' && text[service_len + 1] != '\0' &&
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
                service_len &&
            strspn(text + service_len + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789*?") == strlen(text + service_len + 1));
}

/* arn:partition:service:region:account:resource */
static bool is_resource(const char *text)
{
    unsigned colons = 0;

    for (const char *at = text; *at; at++)
        colons += *at == ':';
    return strcmp(text, "*") == 0 || (strncmp(text, "arn:", 4) == 0 && colons >= 5);
}

/* @is_good NULL: any text. */
static int check_list(const json_t *list, const char *name, bool (*is_good)(const char *text),
                      char problem[IAM_PROBLEM_SIZE])
{
    if (list_len(list) == 0)
        return refuse(problem, "%s is an empty list", name);
    for (size_t i = 0; i < list_len(list); i++) {
        const char *text = list_text(list, i);
        if (!text)
            return refuse(problem, "%s must be a text or a list of texts", name);
        if (strstr(text, "${"))
            return refuse(problem, "%s has a variable (%.*s); variables are not known here", name,
                          NAME_LEN_MAX, text);
        if (!is_good(text))
            return refuse(problem, "%s has '%.*s', which is neither \"*\" nor such as %s", name,
                          NAME_LEN_MAX, text,
                          is_good == is_action ? "\"route53:GetHostedZone\""
                                               : "\"arn:aws:route53:::hostedzone/Z1\"");
    }
    return 0;
}

/* Exactly one of @name and "Not@name" is there, and it is good. */
static int check_either(const json_t *statement, const char *const names[2],
                        bool (*is_good)(const char *text), char problem[IAM_PROBLEM_SIZE])
{
    const json_t *plain = json_object_get(statement, names[0]),
                 *negated = json_object_get(statement, names[1]);

    if (!plain == !negated)
        return refuse(problem, "a statement needs %s or %s, and not both", names[0], names[1]);
    return check_list(plain ? plain : negated, plain ? names[0] : names[1], is_good, problem);
}

/* ---- statements ---- */

static int check_members(const json_t *object, const char *const *known, const char *where,
                         char problem[IAM_PROBLEM_SIZE])
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *const *name = known;
        while (*name && strcmp(*name, key) != 0)
            name++;
        if (*name)
            continue;
        if (strcmp(key, "Principal") == 0 || strcmp(key, "NotPrincipal") == 0)
            return refuse(problem, "%s is not for a key's policy: the key is who it is about", key);
        return refuse(problem, "'%.*s' is not known in %s", NAME_LEN_MAX, key, where);
    }
    return 0;
}

static int check_statement(const json_t *statement, char problem[IAM_PROBLEM_SIZE])
{
    static const char *const known[] = {"Sid",      "Effect",      "Action",    "NotAction",
                                        "Resource", "NotResource", "Condition", NULL};
    static const char *const actions[] = {"Action", "NotAction"}, *const resources[] = {
                                                                      "Resource", "NotResource"};

    if (!json_is_object(statement))
        return refuse(problem, "it is no object");
    int rc = check_members(statement, known, "a statement", problem);
    const json_t *sid = json_object_get(statement, "Sid"),
                 *condition = json_object_get(statement, "Condition");
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    if (rc == 0 && (!effect || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)))
        rc = refuse(problem, "Effect must be \"Allow\" or \"Deny\"");
    if (rc == 0 && sid && !json_is_string(sid))
        rc = refuse(problem, "Sid must be a text");
    if (rc == 0)
        rc = check_either(statement, actions, is_action, problem);
    if (rc == 0)
        rc = check_either(statement, resources, is_resource, problem);
    return rc == 0 && condition ? iam__check_condition(condition, problem) : rc;
}

/* ---- documents ---- */

static size_t statement_count(const json_t *document)
{
    return list_len(json_object_get(document, "Statement"));
}

static const json_t *statement_at(const json_t *document, size_t index)
{
    const json_t *statements = json_object_get(document, "Statement");

    return json_is_array(statements) ? json_array_get(statements, index) : statements;
}

static int check_top(const json_t *document, char problem[IAM_PROBLEM_SIZE])
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};
    const json_t *version = json_object_get(document, "Version"),
                 *id = json_object_get(document, "Id");
    int rc = check_members(document, known, "a policy", problem);

    if (rc != 0)
        return rc;
    const char *text = json_string_value(version);
    if (version && (!text || (strcmp(text, "2012-10-17") != 0 && strcmp(text, "2008-10-17") != 0)))
        return refuse(problem, "Version must be \"2012-10-17\"");
    if (id && !json_is_string(id))
        return refuse(problem, "Id must be a text");
    if (!json_object_get(document, "Statement"))
        return refuse(problem, "a policy needs Statement");
    size_t count = statement_count(document);
    if (count == 0)
        return refuse(problem, "Statement is an empty list, which would allow nothing");
    if (count > IAM_STATEMENTS_MAX) {
        refuse(problem, "a policy has at most %u statements", IAM_STATEMENTS_MAX);
        return ERR_LIMIT;
    }
    return 0;
}

static int check_document(const json_t *document, char problem[IAM_PROBLEM_SIZE])
{
    char found[IAM_PROBLEM_SIZE];
    int rc = check_top(document, problem);

    for (size_t i = 0; rc == 0 && i < statement_count(document); i++) {
        const json_t *statement = statement_at(document, i);
        rc = check_statement(statement, found);
        const char *sid = json_string_value(json_object_get(statement, "Sid"));
        if (rc != 0)
            refuse(problem, "statement %zu%s%.*s%s: %.300s", i + 1, sid ? " (" : "", NAME_LEN_MAX,
                   sid ? sid : "", sid ? ")" : "", found);
    }
    return rc;
}

int iam_policy_parse(const char *text, struct iam_policy **out, char problem[IAM_PROBLEM_SIZE])
{
    json_error_t error;

    if (strlen(text) > IAM_POLICY_LEN_MAX) {
        refuse(problem, "a policy has at most %u octets", IAM_POLICY_LEN_MAX);
        return ERR_LIMIT;
    }
    struct iam_policy *policy = malloc(sizeof(*policy));
    if (!policy)
        return ERR_NOMEM;
    policy->document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    int rc = 0;
    if (!policy->document)
        rc = refuse(problem, "it is no JSON: line %d: %s", error.line, error.text);
    else if (!json_is_object(policy->document))
        rc = refuse(problem, "a policy is a JSON object");
    else
        rc = check_document(policy->document, problem);
    if (rc == 0) {
        *out = policy;
        return 0;
    }
    if (!text_is_printable(problem))
        text_make_printable(problem);
    iam_policy_free(policy);
    return rc;
}

void iam_policy_free(struct iam_policy *policy)
{
    if (!policy)
        return;
    json_decref(policy->document);
    free(policy);
}

/* ---- deciding ---- */

static bool lists(const json_t *list, const char *text, bool is_case_ignored)
{
    for (size_t i = 0; i < list_len(list); i++) {
        if (iam__matches(list_text(list, i), text, is_case_ignored))
            return true;
    }
    return false;
}

static bool is_about(const json_t *statement, const struct iam_request *request)
{
    const json_t *action = json_object_get(statement, "Action"),
                 *resource = json_object_get(statement, "Resource");
    bool has_action = action
                          ? lists(action, request->action, true)
                          : !lists(json_object_get(statement, "NotAction"), request->action, true);

    if (!has_action)
        return false;
    return resource ? lists(resource, request->resource, false)
                    : !lists(json_object_get(statement, "NotResource"), request->resource, false);
}

enum iam_verdict iam_policy_decide(const struct iam_policy *policy,
                                   const struct iam_request *request)
{
    enum iam_verdict verdict = IAM_NOT_ALLOWED;

    for (size_t i = 0; i < statement_count(policy->document); i++) {
        const json_t *statement = statement_at(policy->document, i);
        if (!is_about(statement, request) ||
            !iam__is_met(json_object_get(statement, "Condition"), request))
            continue;
        if (strcmp(json_string_value(json_object_get(statement, "Effect")), "Deny") == 0)
            return IAM_DENIED;
        verdict = IAM_ALLOWED;
    }
    return verdict;
}
