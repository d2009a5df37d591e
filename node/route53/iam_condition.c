/* node/route53/iam_condition.c: conditions of statements. An operator compares the values that a
 * request has for a key with those of the document:
 *
 *   OPERATOR                 one value in the request; any in the document
 *   ForAllValues:OPERATOR    every value in the request; true when there is none
 *   ForAnyValue:OPERATOR     some value in the request; false when there is none
 *   …IfExists                true when there is none
 *
 * Without a value in the request a plain operator is false, and a negated one true. */
#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/prefix.h"
#include "route53/iam.h"

#define SHOWN_MAX 64 /* octets of the document's own text in a message */

enum set { SET_NONE, SET_ALL, SET_ANY };
enum kind { KIND_TEXT, KIND_ADDRESS, KIND_BOOL };
struct comparison {
    const char *name;
    enum kind kind;
    bool is_negated, is_like, is_case_ignored;
};
static const struct comparison comparisons[] = {
    {"StringEquals", KIND_TEXT, false, false, false},
    {"StringNotEquals", KIND_TEXT, true, false, false},
    {"StringEqualsIgnoreCase", KIND_TEXT, false, false, true},
    {"StringNotEqualsIgnoreCase", KIND_TEXT, true, false, true},
    {"StringLike", KIND_TEXT, false, true, false},
    {"StringNotLike", KIND_TEXT, true, true, false},
    {"IpAddress", KIND_ADDRESS, false, false, false},
    {"NotIpAddress", KIND_ADDRESS, true, false, false},
    {"Bool", KIND_BOOL, false, false, true},
};
static const struct key {
    const char *name;
    enum kind kind;
    bool is_many;
} keys[] = {
    {IAM_KEY_RECORD_NAMES, KIND_TEXT, true},      {IAM_KEY_RECORD_TYPES, KIND_TEXT, true},
    {IAM_KEY_ACTIONS, KIND_TEXT, true},           {IAM_KEY_VPCS, KIND_TEXT, true},
    {IAM_KEY_SOURCE_IP, KIND_ADDRESS, false},     {IAM_KEY_USER_NAME, KIND_TEXT, false},
    {IAM_KEY_SECURE_TRANSPORT, KIND_BOOL, false},
};

struct test { /* an operator as it stands in a document */
    enum set set;
    const struct comparison *comparison;
    bool is_if_exists;
};

/* false: there is no such operator. */
static bool take_test(const char *text, struct test *out)
{
    static const char all[] = "ForAllValues:", any[] = "ForAnyValue:", if_exists[] = "IfExists";

    *out = (struct test){.set = SET_NONE};
    if (strncmp(text, all, strlen(all)) == 0) {
        out->set = SET_ALL;
        text += strlen(all);
    } else if (strncmp(text, any, strlen(any)) == 0) {
        out->set = SET_ANY;
        text += strlen(any);
    }
    for (unsigned i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        size_t len = strlen(comparisons[i].name);
        if (strncmp(text, comparisons[i].name, len) != 0)
            continue;
        out->is_if_exists = strcmp(text + len, if_exists) == 0;
        if (out->is_if_exists || text[len] == '\0') {
            out->comparison = &comparisons[i];
            return true;
        }
    }
    return false;
}

/* Names of keys have no case. NULL: there is no such key. */
static const struct key *find_key(const char *name)
{
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcasecmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static size_t list_len(const json_t *list)
{
    return json_is_array(list) ? json_array_size(list) : 1;
}

static const json_t *list_at(const json_t *list, size_t index)
{
    return json_is_array(list) ? json_array_get(list, index) : list;
}

/* ---- checking a document ---- */

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

static int check_value(const struct key *key, const json_t *value, char problem[IAM_PROBLEM_SIZE])
{
    const char *text = json_string_value(value), *reason;
    struct prefix prefix;

    if (key->kind == KIND_BOOL && json_is_boolean(value))
        return 0;
    if (!text)
        return refuse(problem, "the values of %s must be texts", key->name);
    if (strstr(text, "${"))
        return refuse(problem, "%s has a variable (%.*s); variables are not known here", key->name,
                      SHOWN_MAX, text);
    if (key->kind == KIND_BOOL && strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        return refuse(problem, "the value of %s must be true or false", key->name);
    if (key->kind == KIND_ADDRESS && prefix_parse(text, &prefix, &reason) != 0)
        return refuse(problem, "%s has '%.*s', which is no address or CIDR block: %s", key->name,
                      SHOWN_MAX, text, reason);
    return 0;
}

static int check_test(const char *name, const struct test *test, const char *key_name,
                      const json_t *values, char problem[IAM_PROBLEM_SIZE])
{
    const struct key *key = find_key(key_name);
    int rc = 0;

    if (!key)
        return refuse(problem, "the condition key '%.*s' is not known here", SHOWN_MAX, key_name);
    if (key->kind != test->comparison->kind)
        return refuse(problem, "%.*s is not for %s", SHOWN_MAX, name, key->name);
    if (key->is_many && test->set == SET_NONE)
        return refuse(problem,
                      "%s has many values: write \"ForAllValues:%s\" (each of them) or "
                      "\"ForAnyValue:%s\" (one of them)",
                      key->name, name, name);
    if (list_len(values) == 0)
        return refuse(problem, "%s has an empty list of values", key->name);
    for (size_t i = 0; rc == 0 && i < list_len(values); i++)
        rc = check_value(key, list_at(values, i), problem);
    return rc;
}

int iam__check_condition(const struct json_t *condition, char problem[IAM_PROBLEM_SIZE])
{
    const char *name, *key;
    json_t *tested, *values;
    struct test test;

    if (!json_is_object(condition))
        return refuse(problem, "Condition must be an object");
    json_object_foreach((json_t *)(uintptr_t)condition, name, tested)
    {
        if (!take_test(name, &test))
            return refuse(problem, "the operator '%.*s' is not known here", SHOWN_MAX, name);
        if (!json_is_object(tested))
            return refuse(problem, "%.*s must be an object", SHOWN_MAX, name);
        json_object_foreach(tested, key, values)
        {
            int rc = check_test(name, &test, key, values, problem);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

/* ---- deciding ---- */

bool iam__matches(const char *pattern, const char *text, bool is_case_ignored)
{
    const char *star = NULL, *again = NULL; /* behind the last '*'; where its octets end */

    while (*text) {
        bool is_same = is_case_ignored ? strncasecmp(pattern, text, 1) == 0 : *pattern == *text;
        if (*pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (*pattern != '\0' && (*pattern == '?' || is_same)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool is_in(const char *block, const char *address)
{
    struct prefix prefix, one;
    const char *reason;

    if (prefix_parse(block, &prefix, &reason) != 0 || prefix_parse(address, &one, &reason) != 0 ||
        prefix.is_ipv6 != one.is_ipv6 || prefix.len > one.len)
        return false;
    for (unsigned bit = 0; bit < prefix.len; bit++) {
        if ((prefix.octets[bit / 8] ^ one.octets[bit / 8]) & (0x80u >> (bit % 8)))
            return false;
    }
    return true;
}

static bool is_same(const struct comparison *comparison, const json_t *wanted, const char *value)
{
    const char *text = json_string_value(wanted);

    if (!text)
        text = json_is_true(wanted) ? "true" : "false";
    if (comparison->kind == KIND_ADDRESS)
        return is_in(text, value);
    if (comparison->is_like)
        return iam__matches(text, value, comparison->is_case_ignored);
    return (comparison->is_case_ignored ? strcasecmp(text, value) : strcmp(text, value)) == 0;
}

/* One value of the request against all of the document's. */
static bool passes(const struct comparison *comparison, const json_t *wanted, const char *value)
{
    for (size_t i = 0; i < list_len(wanted); i++) {
        if (is_same(comparison, list_at(wanted, i), value))
            return !comparison->is_negated;
    }
    return comparison->is_negated;
}

static const struct iam_values *find_values(const struct iam_request *request, const char *key)
{
    for (size_t i = 0; i < request->value_count; i++) {
        if (strcasecmp(request->values[i].key, key) == 0 && request->values[i].count > 0)
            return &request->values[i];
    }
    return NULL;
}

static bool holds(const struct test *test, const json_t *wanted, const struct iam_values *values)
{
    if (!values)
        return test->is_if_exists || test->set == SET_ALL ||
               (test->set == SET_NONE && test->comparison->is_negated);
    for (size_t i = 0; i < values->count; i++) {
        bool is_passed = passes(test->comparison, wanted, values->values[i]);
        if (is_passed != (test->set != SET_ANY))
            return is_passed;
    }
    return test->set != SET_ANY;
}

bool iam__is_met(const struct json_t *condition, const struct iam_request *request)
{
    const char *name, *key;
    json_t *tested, *wanted;
    struct test test;

    if (!condition)
        return true;
    json_object_foreach((json_t *)(uintptr_t)condition, name, tested)
    {
        if (!take_test(name, &test))
            return false; /* it was checked: never */
        json_object_foreach(tested, key, wanted)
        {
            if (!holds(&test, wanted, find_values(request, key)))
                return false;
        }
    }
    return true;
}
