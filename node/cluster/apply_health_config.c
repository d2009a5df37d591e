/* node/cluster/apply_health_config.c: the rules of health checks (Route 53's, but for what is said
 * beside them): checked and copied into the stored form. */
#include <string.h>

#include "base/err.h"
#include "base/prefix.h"
#include "cluster/apply_routing.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"

#define INTERVAL_MAX_S 86400u /* Route 53 has 10 and 30 */
#define FAILURE_THRESHOLD_MAX 10u
#define CHILD_PARENTS_MAX 256u

static bool is_https(enum state_check_type type)
{
    return type == STATE_CHECK_HTTPS || type == STATE_CHECK_HTTPS_STR_MATCH;
}

static bool is_string_match(enum state_check_type type)
{
    return type == STATE_CHECK_HTTP_STR_MATCH || type == STATE_CHECK_HTTPS_STR_MATCH;
}

static int take_text(struct apply *apply, const char *what, const char *text, char *out,
                     size_t size)
{
    int rc = apply__check_shown(apply, what, text, size);

    if (rc == 0)
        memcpy(out, text, strlen(text) + 1);
    return rc;
}

/* Private addresses too: Quartet checks what is in its own networks. */
static int check_address(struct apply *apply, const char *text)
{
    struct prefix prefix;
    const char *reason;

    if (text[0] == 0)
        return 0;
    if (strchr(text, '/') || prefix_parse(text, &prefix, &reason) != 0)
        return apply__refuse(apply, ERR_INVALID, "%s is not an IPv4 or IPv6 address", text);
    return 0;
}

static int check_host(struct apply *apply, const struct state_check_config *config)
{
    uint8_t name[DNS_NAME_MAX];

    if (config->ip_address[0] == 0 && config->fully_qualified_domain_name[0] == 0)
        return apply__refuse(apply, ERR_INVALID,
                             "a %s check needs an IP address or a fully qualified domain name",
                             state_check_type_name(config->type));
    if (config->fully_qualified_domain_name[0] != 0 &&
        dns_name_parse(config->fully_qualified_domain_name, NULL, name) < 2)
        return apply__refuse(apply, ERR_INVALID, "%.100s is not a domain name",
                             config->fully_qualified_domain_name);
    return check_address(apply, config->ip_address);
}

static int check_http(struct apply *apply, const struct state_check_config *config)
{
    if (config->type == STATE_CHECK_TCP && config->resource_path[0] != 0)
        return apply__refuse(apply, ERR_INVALID, "a TCP check has no resource path");
    if (config->resource_path[0] != 0 && config->resource_path[0] != '/')
        return apply__refuse(apply, ERR_INVALID, "a resource path starts with '/'");
    if (is_string_match(config->type) != (config->search_string[0] != 0))
        return apply__refuse(apply, ERR_INVALID,
                             is_string_match(config->type)
                                 ? "a check that matches a string needs a search string"
                                 : "a search string is only for HTTP_STR_MATCH and "
                                   "HTTPS_STR_MATCH");
    if (config->enable_sni && !is_https(config->type))
        return apply__refuse(apply, ERR_INVALID, "SNI is only for HTTPS checks");
    if (config->verify_certificate && !is_https(config->type))
        return apply__refuse(apply, ERR_INVALID, "only HTTPS checks can verify a certificate");
    return 0;
}

static int check_endpoint(struct apply *apply, const struct state_check_config *config)
{
    if (config->child_count > 0 || config->health_threshold > 0)
        return apply__refuse(apply, ERR_INVALID,
                             "children and a health threshold are only for CALCULATED checks");
    if (config->port == 0)
        return apply__refuse(apply, ERR_INVALID, "the port is not 1 to 65535");
    if (config->request_interval_s == 0 || config->request_interval_s > INTERVAL_MAX_S)
        return apply__refuse(apply, ERR_INVALID, "the request interval is not 1 to %u s",
                             INTERVAL_MAX_S);
    if (config->failure_threshold == 0 || config->failure_threshold > FAILURE_THRESHOLD_MAX)
        return apply__refuse(apply, ERR_INVALID, "the failure threshold is not 1 to %u",
                             FAILURE_THRESHOLD_MAX);
    int rc = check_host(apply, config);
    return rc != 0 ? rc : check_http(apply, config);
}

static bool has_child(const struct state_check_config *config, uint32_t count, const char *id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(config->children[i], id) == 0)
            return true;
    }
    return false;
}

static int count_parent(void *user, const char *parent_id)
{
    (void)parent_id;
    ++*(uint32_t *)user;
    return 0;
}

/* A child that comes in exists, is not calculated itself, and has room for one more parent. */
static int check_child(struct apply *apply, const char *id)
{
    struct state_check child;
    uint32_t parents = 0;
    int rc = apply__check_uuid(apply, "the id of a child", id);

    if (rc == 0)
        rc = state_get_check(apply__kv(apply), id, &child);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no health check %s to be a child", id);
    if (rc == 0 && child.config.type == STATE_CHECK_CALCULATED)
        return apply__refuse(apply, ERR_INVALID,
                             "%s is a CALCULATED check, which cannot be a child", id);
    if (rc == 0)
        rc = state_list_parents(apply__kv(apply), id, count_parent, &parents);
    if (rc == 0 && parents >= CHILD_PARENTS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "%s is the child of %u checks already", id, parents);
    return rc;
}

/* Children that @old had may be gone by now. */
static int check_children(struct apply *apply, const struct state_check_config *config,
                          const struct state_check_config *old)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < config->child_count; i++) {
        const char *id = config->children[i];
        if (has_child(config, i, id))
            rc = apply__refuse(apply, ERR_INVALID, "%.36s is a child twice", id);
        else if (!old || !has_child(old, old->child_count, id))
            rc = check_child(apply, id);
    }
    return rc;
}

static int check_calculated(struct apply *apply, const struct state_check_config *config,
                            const struct state_check_config *old)
{
    if (config->ip_address[0] != 0 || config->fully_qualified_domain_name[0] != 0 ||
        config->port != 0 || config->resource_path[0] != 0 || config->search_string[0] != 0 ||
        config->request_interval_s != 0 || config->failure_threshold != 0 ||
        config->measure_latency || config->enable_sni || config->verify_certificate ||
        config->region_count != 0)
        return apply__refuse(apply, ERR_INVALID,
                             "a CALCULATED check has no endpoint: only children, a health "
                             "threshold, inverted and disabled");
    if (config->health_threshold > STATE_CHECK_CHILDREN_MAX)
        return apply__refuse(apply, ERR_INVALID, "the health threshold is not 0 to %u",
                             STATE_CHECK_CHILDREN_MAX);
    return check_children(apply, config, old);
}

static int check_change(struct apply *apply, const struct state_check_config *config,
                        const struct state_check_config *old)
{
    const char *what = NULL;

    if (config->type != old->type)
        what = "type";
    else if (config->request_interval_s != old->request_interval_s)
        what = "request interval";
    else if (config->measure_latency != old->measure_latency)
        what = "latency measuring";
    else if ((config->ip_address[0] == 0) != (old->ip_address[0] == 0))
        return apply__refuse(apply, ERR_INVALID,
                             "whether a check has an IP address is settled when it is created: "
                             "create another one");
    if (what)
        return apply__refuse(apply, ERR_INVALID,
                             "the %s is settled when a check is created: create another one", what);
    return 0;
}

static int take_texts(struct apply *apply, const Cmd__HealthCheckConfig *from,
                      struct state_check_config *out)
{
    int rc = take_text(apply, "the IP address", from->ip_address, out->ip_address,
                       sizeof(out->ip_address));

    if (rc == 0)
        rc = take_text(apply, "the resource path", from->resource_path, out->resource_path,
                       STATE_CHECK_TEXT_SIZE);
    if (rc == 0)
        rc = take_text(apply, "the domain name", from->fully_qualified_domain_name,
                       out->fully_qualified_domain_name, STATE_CHECK_TEXT_SIZE);
    if (rc == 0)
        rc = take_text(apply, "the search string", from->search_string, out->search_string,
                       STATE_CHECK_TEXT_SIZE);
    return rc;
}

static int take_children(struct apply *apply, const Cmd__HealthCheckConfig *from,
                         struct state_check_config *out)
{
    int rc = 0;

    if (from->n_children > STATE_CHECK_CHILDREN_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a check has at most %u children",
                             STATE_CHECK_CHILDREN_MAX);
    for (size_t i = 0; rc == 0 && i < from->n_children; i++)
        rc = take_text(apply, "the id of a child", from->children[i], out->children[i],
                       STATE_UUID_SIZE);
    out->child_count = (uint32_t)from->n_children;
    return rc;
}

static int take_regions(struct apply *apply, const Cmd__HealthCheckConfig *from,
                        struct state_check_config *out)
{
    int rc = 0;

    if (from->n_regions > STATE_CHECK_REGIONS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a check has at most %u regions",
                             STATE_CHECK_REGIONS_MAX);
    for (size_t i = 0; rc == 0 && i < from->n_regions; i++) {
        if (from->regions[i][0] == 0)
            return apply__refuse(apply, ERR_INVALID, "a region's name is empty");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(from->regions[i], from->regions[j]) == 0)
                return apply__refuse(apply, ERR_INVALID, "region %.64s is there twice",
                                     from->regions[i]);
        }
        rc = take_text(apply, "a region's name", from->regions[i], out->regions[i],
                       STATE_SETTING_NAME_SIZE);
    }
    out->region_count = (uint32_t)from->n_regions;
    return rc;
}

static int take_numbers(struct apply *apply, const Cmd__HealthCheckConfig *from,
                        struct state_check_config *out)
{
    unsigned type = state_check_type_find(from->type);

    if (type == 0)
        return apply__refuse(apply, ERR_INVALID,
                             "%.40s is no type: HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP "
                             "and CALCULATED are",
                             from->type);
    if (from->port > UINT16_MAX)
        return apply__refuse(apply, ERR_INVALID, "the port is not 1 to 65535");
    out->type = (enum state_check_type)type;
    out->port = (uint16_t)from->port;
    out->request_interval_s = from->request_interval_s;
    out->failure_threshold = from->failure_threshold;
    out->health_threshold = from->health_threshold;
    out->measure_latency = from->measure_latency;
    out->is_inverted = from->is_inverted;
    out->is_disabled = from->is_disabled;
    out->enable_sni = from->enable_sni;
    out->verify_certificate = from->verify_certificate;
    return 0;
}

int apply__take_health_config(struct apply *apply, const struct Cmd__HealthCheckConfig *from,
                              const struct state_check_config *old, struct state_check_config *out)
{
    if (!from)
        return apply__refuse(apply, ERR_INVALID, "the health check has no configuration");
    memset(out, 0, sizeof(*out));
    int rc = take_numbers(apply, from, out);
    if (rc == 0)
        rc = take_texts(apply, from, out);
    if (rc == 0)
        rc = take_children(apply, from, out);
    if (rc == 0)
        rc = take_regions(apply, from, out);
    if (rc == 0 && old)
        rc = check_change(apply, out, old);
    if (rc != 0)
        return rc;
    return out->type == STATE_CHECK_CALCULATED ? check_calculated(apply, out, old)
                                               : check_endpoint(apply, out);
}

bool apply__is_same_config(const struct state_check_config *a, const struct state_check_config *b)
{
    bool is_same = a->type == b->type && a->port == b->port &&
                   a->request_interval_s == b->request_interval_s &&
                   a->failure_threshold == b->failure_threshold &&
                   a->health_threshold == b->health_threshold &&
                   a->measure_latency == b->measure_latency && a->is_inverted == b->is_inverted &&
                   a->is_disabled == b->is_disabled && a->enable_sni == b->enable_sni &&
                   a->verify_certificate == b->verify_certificate &&
                   a->child_count == b->child_count && a->region_count == b->region_count &&
                   strcmp(a->ip_address, b->ip_address) == 0 &&
                   strcmp(a->resource_path, b->resource_path) == 0 &&
                   strcmp(a->fully_qualified_domain_name, b->fully_qualified_domain_name) == 0 &&
                   strcmp(a->search_string, b->search_string) == 0;

    for (uint32_t i = 0; is_same && i < a->child_count; i++)
        is_same = strcmp(a->children[i], b->children[i]) == 0;
    for (uint32_t i = 0; is_same && i < a->region_count; i++)
        is_same = strcmp(a->regions[i], b->regions[i]) == 0;
    return is_same;
}
