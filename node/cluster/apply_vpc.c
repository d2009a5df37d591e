/* node/cluster/apply_vpc.c: views, and which private zones they see. A VPC need not be told of
 * before zones are associated with it: without a view no client is in it. All VPCs are of one
 * owner, so an association needs no authorization; those are kept for those who ask. */
#include "cluster/apply_vpc.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/prefix.h"
#include "cluster/apply_zone.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_limit.h"
#include "store/state_vpc.h"

#define AUTHORIZATIONS_MAX 1000u /* of a zone */

/* ---- what comes from outside ---- */

static bool is_vpc_id(const char *text)
{
    static const char allowed[] = "0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz_-";
    const size_t len = strlen(text);

    return len > 0 && len < STATE_VPC_ID_SIZE && strspn(text, allowed) == len;
}

static int check_vpc_id(struct apply *apply, const char *text)
{
    return is_vpc_id(text)
               ? 0
               : apply__refuse_as(apply, ERR_INVALID, "InvalidVPCId", "The VPC ID is invalid.");
}

static int take_vpc(struct apply *apply, const Cmd__Vpc *from, struct state_vpc *out)
{
    int rc = check_vpc_id(apply, from ? from->id : "");

    if (rc != 0)
        return rc;
    rc = apply__check_text(apply, "the VPC's region", from->region, sizeof(out->region));
    if (rc != 0)
        return rc;
    memcpy(out->id, from->id, strlen(from->id) + 1);
    memcpy(out->region, from->region, strlen(from->region) + 1);
    return 0;
}

static int take_network(struct apply *apply, const ProtobufCBinaryData *from,
                        struct state_network *out)
{
    const size_t address_len = from->len > 0 ? from->len - 1 : 0;
    struct prefix prefix = {.is_ipv6 = address_len == 16};
    char text[PREFIX_TEXT_SIZE];

    if ((address_len != 4 && address_len != 16) || from->data[0] > address_len * 8)
        return apply__refuse(apply, ERR_INVALID, "a network is malformed");
    memcpy(prefix.octets, from->data + 1, address_len);
    prefix.len = from->data[0];
    for (unsigned bit = prefix.len; bit < address_len * 8; bit++) {
        if (prefix.octets[bit / 8] & (0x80u >> (bit % 8))) {
            prefix_format(&prefix, text);
            return apply__refuse(apply, ERR_INVALID, "network %s has bits set past its length",
                                 text);
        }
    }
    memcpy(out->octets, from->data, from->len);
    out->len = (uint8_t)from->len;
    return 0;
}

/* ---- effects ---- */

static int tell_view(struct apply *apply, enum apply_effect_kind kind,
                     const struct state_view *view)
{
    struct apply_effect effect = {.kind = kind, .slot = view->slot};

    effect.setting = arena_copy(apply->scratch, view->vpc_id, strlen(view->vpc_id));
    return effect.setting ? apply__tell(apply, &effect) : ERR_NOMEM;
}

/* Nobody is told of a VPC without a view: no client is in it. */
static int tell_link(struct apply *apply, enum apply_effect_kind kind,
                     const struct state_zone *zone, const char *vpc_id)
{
    struct apply_effect effect = {.kind = kind, .content = zone->content};
    struct state_view view;
    int rc = state_get_view(apply__kv(apply), vpc_id, &view);

    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    effect.slot = view.slot;
    effect.zone_id = arena_copy(apply->scratch, zone->id, strlen(zone->id));
    effect.name = arena_copy(apply->scratch, zone->name, dns_name_len(zone->name));
    return effect.zone_id && effect.name ? apply__tell(apply, &effect) : ERR_NOMEM;
}

/* ---- views ---- */

static int compare_networks(const void *a, const void *b)
{
    const struct state_network *left = a, *right = b;

    if (left->len != right->len)
        return left->len < right->len ? -1 : 1;
    return memcmp(left->octets, right->octets, left->len);
}

struct others { /* the other views, beside the one that is put */
    const struct state_view *view;
    uint64_t slots[(STATE_VIEWS_MAX + 63) / 64]; /* bits: taken */
    uint32_t view_count, network_count;
    bool has_equal;
    struct state_network equal;
    char equal_vpc_id[STATE_VPC_ID_SIZE];
};

static int on_other(void *user, const struct state_view *view)
{
    struct others *others = user;

    if (strcmp(view->vpc_id, others->view->vpc_id) == 0)
        return 0;
    others->view_count++;
    others->network_count += view->network_count;
    others->slots[view->slot / 64] |= UINT64_C(1) << (view->slot % 64);
    for (uint32_t i = 0; i < view->network_count && !others->has_equal; i++) {
        others->has_equal =
            bsearch(&view->networks[i], others->view->networks, others->view->network_count,
                    sizeof(view->networks[0]), compare_networks) != NULL;
        others->equal = view->networks[i];
        memcpy(others->equal_vpc_id, view->vpc_id, sizeof(view->vpc_id));
    }
    return 0;
}

static int refuse_equal(struct apply *apply, const struct others *others)
{
    struct prefix prefix = {.is_ipv6 = others->equal.len > 5, .len = others->equal.octets[0]};
    char text[PREFIX_TEXT_SIZE];

    memcpy(prefix.octets, others->equal.octets + 1, others->equal.len - 1u);
    prefix_format(&prefix, text);
    return apply__refuse(apply, ERR_EXISTS, "network %s is in the view of VPC %s already", text,
                         others->equal_vpc_id);
}

static int check_others(struct apply *apply, const struct state_view *view, struct others *others)
{
    int rc = state_list_views(apply__kv(apply), on_other, others);

    if (rc != 0)
        return rc;
    if (others->has_equal)
        return refuse_equal(apply, others);
    if (others->view_count >= STATE_VIEWS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "there are %u views: delete some", STATE_VIEWS_MAX);
    if (others->network_count + view->network_count > STATE_NETWORKS_MAX)
        return apply__refuse(apply, ERR_LIMIT, "all views together have at most %u networks",
                             STATE_NETWORKS_MAX);
    return 0;
}

static uint32_t free_slot(const struct others *others)
{
    uint32_t slot = 0;

    while (others->slots[slot / 64] >> (slot % 64) & 1)
        slot++;
    ASSERT(slot < STATE_VIEWS_MAX);
    return slot;
}

/* Networks in order, each once. */
static int take_networks(struct apply *apply, const Cmd__PutView *command, struct state_view *view)
{
    uint32_t kept = 0;

    if (command->n_networks == 0 || command->n_networks > STATE_VIEW_NETWORKS_MAX)
        return apply__refuse(apply, ERR_INVALID, "a view has 1 to %u networks",
                             STATE_VIEW_NETWORKS_MAX);
    view->network_count = (uint32_t)command->n_networks;
    for (size_t i = 0; i < command->n_networks; i++) {
        int rc = take_network(apply, &command->networks[i], &view->networks[i]);
        if (rc != 0)
            return rc;
    }
    qsort(view->networks, view->network_count, sizeof(view->networks[0]), compare_networks);
    for (uint32_t i = 0; i < view->network_count; i++) {
        if (kept == 0 || compare_networks(&view->networks[kept - 1], &view->networks[i]) != 0)
            view->networks[kept++] = view->networks[i];
    }
    view->network_count = kept;
    return 0;
}

static int put_view(struct apply *apply, const Cmd__PutView *command)
{
    struct state_view *old = arena_alloc(apply->scratch, sizeof(*old));
    struct state_view *view = arena_alloc(apply->scratch, sizeof(*view));
    struct others others = {.view = view};
    int rc = check_vpc_id(apply, command->vpc_id);

    if (!old || !view)
        return ERR_NOMEM;
    if (rc != 0)
        return rc;
    memset(view, 0, sizeof(*view));
    memcpy(view->vpc_id, command->vpc_id, strlen(command->vpc_id) + 1);
    rc = take_networks(apply, command, view);
    if (rc == 0)
        rc = check_others(apply, view, &others);
    if (rc != 0)
        return rc;
    rc = state_get_view(apply__kv(apply), view->vpc_id, old);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    const bool is_new = rc == ERR_NOT_FOUND;
    view->slot = is_new ? free_slot(&others) : old->slot;
    state_put_view(apply->overlay, view);
    return tell_view(apply, is_new ? APPLY_VIEW_ADDED : APPLY_VIEW_CHANGED, view);
}

static int note_zone(void *user, const char *zone_id)
{
    (void)zone_id;
    *(bool *)user = true;
    return 1;
}

static int delete_view(struct apply *apply, const Cmd__DeleteView *command)
{
    struct state_view view;
    bool is_used = false;
    int rc = check_vpc_id(apply, command->vpc_id);

    if (rc == 0)
        rc = state_get_view(apply__kv(apply), command->vpc_id, &view);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, rc, "VPC %s has no view", command->vpc_id);
    if (rc == 0)
        rc = state_list_vpc_zones(apply__kv(apply), view.vpc_id, "", note_zone, &is_used);
    if (rc == 0 && is_used)
        rc = apply__refuse(apply, ERR_CONFLICT,
                           "zones are associated with VPC %s: disassociate or delete them first",
                           view.vpc_id);
    if (rc != 0)
        return rc;
    state_delete_view(apply->overlay, view.vpc_id);
    return tell_view(apply, APPLY_VIEW_CHANGED, &view);
}

/* ---- associations ---- */

static int count_vpc(void *user, const struct state_vpc *vpc)
{
    (void)vpc;
    ++*(uint32_t *)user;
    return 0;
}

static int associate(struct apply *apply, const struct state_zone *zone,
                     const struct state_vpc *vpc)
{
    state_put_association(apply->overlay, zone, vpc);
    return tell_link(apply, APPLY_ZONE_LINKED, zone, vpc->id);
}

int apply__join_vpc(struct apply *apply, const struct state_zone *zone, const struct Cmd__Vpc *from)
{
    char other[STATE_ID_SIZE];
    struct state_vpc vpc;
    int rc = take_vpc(apply, from, &vpc);

    if (rc == 0)
        rc = state_find_vpc_zone(apply__kv(apply), vpc.id, zone->name, other);
    if (rc == 0)
        return apply__refuse_as(
            apply, ERR_CONFLICT, "ConflictingDomainExists",
            "A conflicting domain is already associated with the given VPC or Delegation Set.");
    return rc == ERR_NOT_FOUND ? associate(apply, zone, &vpc) : rc;
}

struct leaving {
    struct apply *apply;
    const struct state_zone *zone;
};

static int on_leave(void *user, const struct state_vpc *vpc)
{
    struct leaving *leaving = user;

    state_delete_association(leaving->apply->overlay, leaving->zone, vpc->id);
    return tell_link(leaving->apply, APPLY_ZONE_UNLINKED, leaving->zone, vpc->id);
}

static int on_forget(void *user, const struct state_vpc *vpc)
{
    struct leaving *leaving = user;

    state_delete_authorization(leaving->apply->overlay, leaving->zone->id, vpc->id);
    return 0;
}

int apply__leave_vpcs(struct apply *apply, const struct state_zone *zone)
{
    struct leaving leaving = {apply, zone};
    int rc = state_list_associations(apply__kv(apply), zone->id, "", on_leave, &leaving);

    return rc != 0 ? rc
                   : state_list_authorizations(apply__kv(apply), zone->id, "", on_forget, &leaving);
}

static int check_association(struct apply *apply, const struct state_zone *zone,
                             const struct state_vpc *vpc)
{
    char other[STATE_ID_SIZE], name[DNS_NAME_TEXT_SIZE];
    uint32_t count = 0;
    int rc;

    if (!zone->is_private)
        return apply__refuse_as(apply, ERR_CONFLICT, "PublicZoneVPCAssociation",
                                "A VPC can't be associated with a public hosted zone.");
    rc = state_find_vpc_zone(apply__kv(apply), vpc->id, zone->name, other);
    if (rc == 0) {
        dns_name_format_octal(zone->name, name);
        return apply__refuse_as(apply, ERR_CONFLICT, "ConflictingDomainExists",
                                "The VPC that you chose, %s in region %s, is already associated "
                                "with another private hosted zone that has an overlapping name "
                                "space, %s.",
                                vpc->id, vpc->region, name);
    }
    if (rc == ERR_NOT_FOUND)
        rc = state_list_associations(apply__kv(apply), zone->id, "", count_vpc, &count);
    return rc != 0 ? rc : apply__check_limit(apply, STATE_LIMIT_VPCS, count, "LimitsExceeded");
}

static int disassociate(struct apply *apply, const struct state_zone *zone,
                        const struct state_vpc *vpc)
{
    struct state_vpc stored;
    uint32_t count = 0;
    int rc = state_get_association(apply__kv(apply), zone->id, vpc->id, &stored);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "VPCAssociationNotFound",
                                "The specified VPC and hosted zone are not currently associated.");
    if (rc == 0)
        rc = state_list_associations(apply__kv(apply), zone->id, "", count_vpc, &count);
    if (rc == 0 && count < 2)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "LastVPCAssociation",
                              "The VPC that you're trying to disassociate from the private hosted "
                              "zone is the last VPC that is associated with the hosted zone.");
    if (rc != 0)
        return rc;
    state_delete_association(apply->overlay, zone, vpc->id);
    return tell_link(apply, APPLY_ZONE_UNLINKED, zone, vpc->id);
}

/* ---- authorizations ---- */

static int authorize(struct apply *apply, const struct state_zone *zone,
                     const struct state_vpc *vpc)
{
    struct state_vpc stored;
    uint32_t count = 0;
    int rc;

    if (!zone->is_private)
        return apply__refuse_as(apply, ERR_CONFLICT, "InvalidInput",
                                "zone %s is public: every VPC sees it", zone->id);
    rc = state_get_authorization(apply__kv(apply), zone->id, vpc->id, &stored);
    if (rc == ERR_NOT_FOUND)
        rc = state_list_authorizations(apply__kv(apply), zone->id, "", count_vpc, &count);
    if (rc == 0 && count >= AUTHORIZATIONS_MAX)
        rc = apply__refuse_as(apply, ERR_LIMIT, "TooManyVPCAssociationAuthorizations",
                              "a zone has at most %u authorizations for VPCs", AUTHORIZATIONS_MAX);
    if (rc == 0)
        state_put_authorization(apply->overlay, zone->id, vpc);
    return rc;
}

static int deauthorize(struct apply *apply, const struct state_zone *zone,
                       const struct state_vpc *vpc)
{
    struct state_vpc stored;
    int rc = state_get_authorization(apply__kv(apply), zone->id, vpc->id, &stored);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, rc, "VPCAssociationAuthorizationNotFound",
                                "The VPC that you specified is not authorized to be associated "
                                "with the hosted zone.");
    if (rc == 0)
        state_delete_authorization(apply->overlay, zone->id, vpc->id);
    return rc;
}

/* ---- commands ---- */

/* What changes who is answered what is a change like any other: it is in the journal, and in sync
 * when all nodes serve it. */
static int journal(struct apply *apply, struct state_zone *zone, const Cmd__ChangeVpc *command)
{
    struct state_change change;

    zone->changed_index = apply->index;
    apply__write_zone(apply, zone);
    apply__start_change(apply, zone, STATE_CHANGE_VPC, command->change_id, &change);
    memcpy(change.comment, command->comment, strlen(command->comment) + 1);
    return apply__journal(apply, &change, NULL);
}

static int change_vpc(struct apply *apply, const Cmd__ChangeVpc *command)
{
    const bool is_association =
        command->operation == CMD__VPC_OPERATION__VPC_OPERATION_ASSOCIATE ||
        command->operation == CMD__VPC_OPERATION__VPC_OPERATION_DISASSOCIATE;
    struct state_zone zone;
    struct state_vpc vpc;
    int rc = apply__read_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = take_vpc(apply, command->vpc, &vpc);
    if (rc == 0)
        rc = apply__check_text(apply, "comment", command->comment, STATE_COMMENT_SIZE);
    if (rc == 0 && is_association)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc != 0)
        return rc;
    switch (command->operation) {
    case CMD__VPC_OPERATION__VPC_OPERATION_ASSOCIATE:
        rc = check_association(apply, &zone, &vpc);
        if (rc == 0)
            rc = associate(apply, &zone, &vpc);
        break;
    case CMD__VPC_OPERATION__VPC_OPERATION_DISASSOCIATE:
        rc = disassociate(apply, &zone, &vpc);
        break;
    case CMD__VPC_OPERATION__VPC_OPERATION_AUTHORIZE: rc = authorize(apply, &zone, &vpc); break;
    case CMD__VPC_OPERATION__VPC_OPERATION_DEAUTHORIZE: rc = deauthorize(apply, &zone, &vpc); break;
    default: return apply__refuse(apply, ERR_INVALID, "a change of a VPC has no operation");
    }
    return rc == 0 && is_association ? journal(apply, &zone, command) : rc;
}

int apply__vpc(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_PUT_VIEW: return put_view(apply, command->put_view);
    case CMD__COMMAND__KIND_DELETE_VIEW: return delete_view(apply, command->delete_view);
    case CMD__COMMAND__KIND_CHANGE_VPC: return change_vpc(apply, command->change_vpc);
    default: return ERR_VERSION;
    }
}
