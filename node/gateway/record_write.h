/* node/gateway/record_write.h: a record set of the node as Route 53 lists it (route53.md 5). */
#pragma once

struct Cmd__RecordSet;
struct xml_writer;

/* <ResourceRecordSet>, its members in Route 53's order. @text: room for one value,
 * ROUTE53_VALUE_TEXT_SIZE octets. 0; ERR_INVALID (no record set), ERR_NOMEM. */
int record_write(struct xml_writer *xml, const struct Cmd__RecordSet *set, char *text);
