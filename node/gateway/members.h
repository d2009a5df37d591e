/* node/gateway/members.h: members of a request against what the model says of them. Breaches are
 * noted (gateway_breach()), not answered: gateway_is_valid() fails the call for all of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gateway_call;
struct xml_element;

/* Length bounds in characters of UTF-8. @text NULL: the member is not there, which is a breach when
 * @least is not 0. Returns @text, or "" for NULL. */
const char *member_text(struct gateway_call *call, const char *member, const char *text,
                        unsigned least, unsigned most);
/* The same, only of [0-9A-Za-z_-], which @pattern says in the model's words. */
const char *member_word(struct gateway_call *call, const char *member, const char *text,
                        unsigned most, const char *pattern);
/* A number within bounds; @standard for a member that is not there, or in breach. */
int64_t member_number(struct gateway_call *call, const char *member, const char *text,
                      int64_t least, int64_t most, int64_t standard);
bool member_bool(struct gateway_call *call, const char *member, const char *text, bool standard);
/* One of @values, which are separated by ", ". NULL @text: not there, which is a breach. */
const char *member_enum(struct gateway_call *call, const char *member, const char *text,
                        const char *values);
/* How many items a list has. @list NULL: 0 items. */
unsigned member_list(struct gateway_call *call, const char *member, const struct xml_element *list,
                     unsigned least, unsigned most);

/* An id without a prefix such as "/hostedzone/". Borrowed from @id. */
const char *member_id(const char *id);
