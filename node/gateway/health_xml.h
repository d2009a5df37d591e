/* node/gateway/health_xml.h: health checks in Route 53's XML. */
#pragma once

struct Cmd__HealthCheckConfig;
struct Ctl__HealthReply;
struct gateway_call;
struct xml_element;
struct xml_writer;

/* What may be given of a check. */
#define HEALTH_FIELDS_MAX 17u
struct health_fields {
    const char *names[HEALTH_FIELDS_MAX]; /* fields of the configuration, as control.proto has it */
    unsigned count;
};

/* Fill @config, and which fields it has, from the children of @element. Breaches are noted;
 * @prefix stands before each member's name. What it points to is @element's or the call's. */
void health_read_config(struct gateway_call *call, const struct xml_element *element,
                        const char *prefix, struct Cmd__HealthCheckConfig *config,
                        struct health_fields *fields);
/* Take what <ResetElements> lists as given and empty. */
void health_read_resets(struct gateway_call *call, const struct xml_element *list,
                        struct Cmd__HealthCheckConfig *config, struct health_fields *fields);

/* <HealthCheck>, with all defaults that its type has. */
void health_write(struct xml_writer *xml, const struct Ctl__HealthReply *check);
