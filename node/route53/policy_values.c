/* node/route53/policy_values.c: members of traffic policy documents. Numbers and booleans may be
 * texts ("10", "true"), and texts that are "" count as not there: both are seen in the wild. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "route53/policy_internal.h"

#define NUMBER_LEN_MAX 32u

int policy__get_text(struct route53__reader *reader, const json_t *object, const char *key,
                     size_t len_max, const char **out)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value) && json_string_length(value) == 0)
        return 0;
    int rc = route53__get_text(reader, object, key, len_max, out);
    if (rc == 0 && json_is_string(value) &&
        strlen(json_string_value(value)) != json_string_length(value))
        rc = route53__fail(reader, ERR_INVALID, key, "a text has no NUL in it");
    return rc;
}

int policy__get_bool(struct route53__reader *reader, const json_t *object, const char *key,
                     bool *out)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    if (!text)
        return route53__get_bool(reader, object, key, out);
    if (text[0] == '\0')
        return 0;
    if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        return route53__fail(reader, ERR_INVALID, key, "expected true or false, found '%.40s'",
                             text);
    *out = strcasecmp(text, "true") == 0;
    return 0;
}

/* Decimal: a sign, digits, maybe a point and digits. */
static bool parse_number(const char *text, double *out)
{
    size_t len = strlen(text);
    char *end;

    if (len == 0 || len > NUMBER_LEN_MAX || strspn(text, "+-.0123456789") != len)
        return false;
    *out = strtod(text, &end);
    return end == text + len;
}

int policy__get_hundredths(struct route53__reader *reader, const json_t *object, const char *key,
                           const int64_t bounds[2], int64_t *out, bool *has)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    double number = json_number_value(value);

    if (!value || json_is_null(value) || (text && text[0] == '\0'))
        return 0;
    if (text ? !parse_number(text, &number) : !json_is_number(value))
        return route53__fail(reader, ERR_INVALID, key, "expected a number");
    if (!(number * 100 >= (double)bounds[0] && number * 100 <= (double)bounds[1]))
        return route53__fail(reader, ERR_INVALID, key,
                             "expected a number from %lld to %lld, found %.40g",
                             (long long)bounds[0] / 100, (long long)bounds[1] / 100, number);
    *out = llround(number * 100);
    *has = true;
    return 0;
}

int policy__get_integer(struct route53__reader *reader, const json_t *object, const char *key,
                        const int64_t bounds[2], int64_t *out, bool *has)
{
    const int64_t hundredths_bounds[] = {bounds[0] * 100, bounds[1] * 100};
    int64_t hundredths = 0;
    bool has_number = false;
    int rc =
        policy__get_hundredths(reader, object, key, hundredths_bounds, &hundredths, &has_number);

    if (rc != 0 || !has_number)
        return rc;
    if (hundredths % 100 != 0)
        return route53__fail(reader, ERR_INVALID, key, "expected a whole number");
    *out = hundredths / 100;
    *has = true;
    return 0;
}
