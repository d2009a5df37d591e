/* node/gateway/ops_dnssec.c: key-signing keys. Answers are not signed in this version, so signing
 * of a zone cannot be enabled. */
#include "gateway/operations.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define DNSKEY_MAX 512u
#define DNSKEY_HEAD_LEN 4u /* flags, protocol, algorithm */
#define DS_MAX 64u
#define DIGEST_SHA256 2u
#define NAME_MAX_LEN 128u
#define ZONE_ID_MAX 32u

static void fail_reply(struct gateway_call *call)
{
    gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
}

/* ---- one key ---- */

struct key_texts {
    unsigned flags, protocol, algorithm;
    char digest[2 * DS_MAX + 1]; /* upper case */
    char public_key[BASE64_SIZE(DNSKEY_MAX)];
};

/* false: the node sent no such key. */
static bool read_key(const Ctl__Key *key, struct key_texts *out)
{
    if (key->dnskey.len <= DNSKEY_HEAD_LEN || key->dnskey.len > DNSKEY_MAX ||
        key->ds_sha256.len > DS_MAX)
        return false;
    out->flags = (unsigned)key->dnskey.data[0] << 8 | key->dnskey.data[1];
    out->protocol = key->dnskey.data[2];
    out->algorithm = key->dnskey.data[3];
    hex_format_upper(key->ds_sha256.data, key->ds_sha256.len, out->digest);
    base64_format(key->dnskey.data + DNSKEY_HEAD_LEN, key->dnskey.len - DNSKEY_HEAD_LEN,
                  out->public_key);
    return true;
}

static void write_key(struct xml_writer *xml, const char *element, const Ctl__Key *key,
                      const struct key_texts *texts)
{
    xml_open(xml, element);
    xml_text(xml, "Name", key->name);
    xml_text(xml, "KmsArn", key->kms_arn);
    xml_number(xml, "Flag", texts->flags);
    xml_text(xml, "SigningAlgorithmMnemonic", "ECDSAP256SHA256");
    xml_number(xml, "SigningAlgorithmType", texts->algorithm);
    xml_text(xml, "DigestAlgorithmMnemonic", "SHA-256");
    xml_number(xml, "DigestAlgorithmType", DIGEST_SHA256);
    xml_number(xml, "KeyTag", key->key_tag);
    xml_text(xml, "DigestValue", texts->digest);
    xml_text(xml, "PublicKey", texts->public_key);
    xml_format(xml, "DSRecord", "%" PRIu32 " %u %u %s", key->key_tag, texts->algorithm,
               DIGEST_SHA256, texts->digest);
    xml_format(xml, "DNSKEYRecord", "%u %u %u %s", texts->flags, texts->protocol, texts->algorithm,
               texts->public_key);
    xml_text(xml, "Status", key->is_active ? "ACTIVE" : "INACTIVE");
    xml_time(xml, "CreatedDate", key->created_wall_ms);
    xml_time(xml, "LastModifiedDate", key->modified_wall_ms);
    xml_close(xml);
}

/* ---- create ---- */

static const char *body_text(struct gateway_call *call, const char *element, const char *member,
                             size_t len_min, size_t len_max)
{
    const char *text = xml_child_text(gateway_body(call), element);

    if (!text)
        gateway_breach(call, member, NULL, "Member must not be null");
    else if (strlen(text) < len_min)
        gateway_breach(call, member, text, "Member must have length greater than or equal to %zu",
                       len_min);
    else if (strlen(text) > len_max)
        gateway_breach(call, member, text, "Member must have length less than or equal to %zu",
                       len_max);
    return text;
}

static const char *bare_id(const char *text)
{
    const char *slash = text ? strrchr(text, '/') : NULL;

    return slash ? slash + 1 : text;
}

static void on_created(struct gateway_call *call, const Ctl__Reply *reply)
{
    const char *name = xml_child_text(gateway_body(call), "Name");
    const Ctl__Key *key = NULL;
    struct key_texts texts;

    for (size_t i = 0; reply->key_list && i < reply->key_list->n_keys; i++) {
        if (strcmp(reply->key_list->keys[i]->name, name) == 0)
            key = reply->key_list->keys[i];
    }
    if (!key || !read_key(key, &texts)) {
        fail_reply(call);
        return;
    }
    gateway_location(call, "/keysigningkey/%s/%s", reply->key_list->zone_id, key->name);
    gateway_write_change(call, reply, NULL);
    write_key(gateway_xml(call), "KeySigningKey", key, &texts);
    gateway_answer(call);
}

static void create_key(struct gateway_call *call)
{
    const char *reference = body_text(call, "CallerReference", "callerReference", 1, 128);
    const char *zone = body_text(call, "HostedZoneId", "hostedZoneId", 1, ZONE_ID_MAX + 16);
    const char *arn =
        body_text(call, "KeyManagementServiceArn", "keyManagementServiceArn", 1, 2048);
    const char *name = body_text(call, "Name", "name", 3, NAME_MAX_LEN);
    const char *status = body_text(call, "Status", "status", 5, 150);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyCreate create = CTL__KEY_CREATE__INIT;

    if (!gateway_is_valid(call))
        return;
    create.is_active = strcmp(status, "ACTIVE") == 0;
    if (!create.is_active && strcmp(status, "INACTIVE") != 0) {
        gateway_fail(call, "InvalidKeySigningKeyStatus",
                     "The key-signing key (KSK) status is not valid: it is ACTIVE or INACTIVE");
        return;
    }
    create.zone = (char *)bare_id(zone);
    create.name = (char *)name;
    create.caller_reference = (char *)reference;
    create.kms_arn = (char *)arn;
    request.kind_case = CTL__REQUEST__KIND_KEY_CREATE;
    request.key_create = &create;
    gateway_ask(call, &request, on_created);
}

/* ---- activate, deactivate, delete ---- */

static void on_changed(struct gateway_call *call, const Ctl__Reply *reply)
{
    gateway_write_change(call, reply, NULL);
    gateway_answer(call);
}

static void check_name(struct gateway_call *call)
{
    const char *name = gateway_label(call, 1);

    if (strlen(name) > NAME_MAX_LEN)
        gateway_breach(call, "name", name, "Member must have length less than or equal to %u",
                       NAME_MAX_LEN);
}

static void update_key(struct gateway_call *call, bool is_active)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyUpdate update = CTL__KEY_UPDATE__INIT;

    check_name(call);
    if (!gateway_is_valid(call))
        return;
    update.zone = (char *)gateway_label(call, 0);
    update.name = (char *)gateway_label(call, 1);
    update.is_active = is_active;
    request.kind_case = CTL__REQUEST__KIND_KEY_UPDATE;
    request.key_update = &update;
    gateway_ask(call, &request, on_changed);
}

static void activate_key(struct gateway_call *call)
{
    update_key(call, true);
}

static void deactivate_key(struct gateway_call *call)
{
    update_key(call, false);
}

static void delete_key(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyDelete deletion = CTL__KEY_DELETE__INIT;

    check_name(call);
    if (!gateway_is_valid(call))
        return;
    deletion.zone = (char *)gateway_label(call, 0);
    deletion.name = (char *)gateway_label(call, 1);
    request.kind_case = CTL__REQUEST__KIND_KEY_DELETE;
    request.key_delete = &deletion;
    gateway_ask(call, &request, on_changed);
}

/* ---- the zone's signing ---- */

static void ask_keys(struct gateway_call *call,
                     void (*next)(struct gateway_call *call, const Ctl__Reply *reply))
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyList list = CTL__KEY_LIST__INIT;

    list.zone = (char *)gateway_label(call, 0);
    request.kind_case = CTL__REQUEST__KIND_KEY_LIST;
    request.key_list = &list;
    gateway_ask(call, &request, next);
}

static void on_keys(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__KeyListReply *list = reply->key_list;
    struct xml_writer *xml = gateway_xml(call);
    struct key_texts texts;

    if (!list) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "Status");
    xml_text(xml, "ServeSignature", list->is_signing ? "SIGNING" : "NOT_SIGNING");
    xml_close(xml);
    xml_open(xml, "KeySigningKeys");
    for (size_t i = 0; i < list->n_keys; i++) {
        if (!read_key(list->keys[i], &texts)) {
            fail_reply(call);
            return;
        }
        write_key(xml, "member", list->keys[i], &texts);
    }
    xml_close(xml);
    gateway_answer(call);
}

static void get_dnssec(struct gateway_call *call)
{
    ask_keys(call, on_keys);
}

static void on_keys_to_enable(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__KeyListReply *list = reply->key_list;
    bool has_active = false;

    for (size_t i = 0; list && i < list->n_keys; i++)
        has_active |= list->keys[i]->is_active;
    if (!has_active)
        gateway_fail(call, "KeySigningKeyWithActiveStatusNotFound",
                     "A key-signing key (KSK) with ACTIVE status wasn't found.");
    else
        gateway_fail(call, "InvalidArgument",
                     "DNSSEC signing of answers is not available in this version: the zone's "
                     "key-signing keys are kept, but must not be published as DS records");
}

static void enable_dnssec(struct gateway_call *call)
{
    ask_keys(call, on_keys_to_enable);
}

static void on_keys_to_disable(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_fail(call, "DNSSECNotFound", "The hosted zone doesn't have any DNSSEC resources.");
}

static void disable_dnssec(struct gateway_call *call)
{
    ask_keys(call, on_keys_to_disable);
}

const struct gateway_operation gateway_dnssec_operations[] = {
    {"CreateKeySigningKey", "POST", "/keysigningkey", "CreateKeySigningKeyRequest", 201,
     create_key},
    {"ActivateKeySigningKey", "POST", "/keysigningkey/{HostedZoneId}/{Name}/activate", NULL, 200,
     activate_key},
    {"DeactivateKeySigningKey", "POST", "/keysigningkey/{HostedZoneId}/{Name}/deactivate", NULL,
     200, deactivate_key},
    {"DeleteKeySigningKey", "DELETE", "/keysigningkey/{HostedZoneId}/{Name}", NULL, 200,
     delete_key},
    {"EnableHostedZoneDNSSEC", "POST", "/hostedzone/{Id}/enable-dnssec", NULL, 200, enable_dnssec},
    {"DisableHostedZoneDNSSEC", "POST", "/hostedzone/{Id}/disable-dnssec", NULL, 200,
     disable_dnssec},
    {"GetDNSSEC", "GET", "/hostedzone/{Id}/dnssec", NULL, 200, get_dnssec},
    {0},
};
