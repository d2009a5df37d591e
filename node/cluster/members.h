/* node/cluster/members.h: the table of members as state has it. Loop thread. */
#pragma once

#include "cluster/internal.h"

/* Read the table again from state; reports of members that stay are kept. Tells the driver the
 * addresses and administrators' programs the admin addresses. */
void members_reload(struct cluster *cluster);
struct member *members_find(struct cluster *cluster, uint64_t id); /* or NULL */
/* Name for people: the member's, or its id. @out: at least 65 octets; returned. */
const char *members_name(struct cluster *cluster, uint64_t id, char out[65]);
/* Milliseconds since @member was last heard by this leader in any way; UINT64_MAX: never. */
uint64_t members_silent_ms(const struct cluster *cluster, const struct member *member,
                           uint64_t now_mono_ms);
struct Cmd__MemberContext;
/* What this node tells about itself. Points into @cluster and @dns, which has room for
 * CLUSTER_ADDRESSES_MAX. */
struct ProtobufCBinaryData;
void members_describe_self(struct cluster *cluster, struct Cmd__MemberContext *out,
                           struct ProtobufCBinaryData *dns);
/* Update what state says about this node when it differs from its configuration or certificate.
 * true: that was proposed. */
bool members_update_self(struct cluster *cluster);
/* Tell administrators' programs how to reach members: DATADIR/admin.conf. */
void members_write_admin(struct cluster *cluster);
