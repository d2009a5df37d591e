#include "dnstap/frame.h"

#include <string.h>

#include "base/assert.h"
#include "dnstap/record.h"
#include "proto/dnstap.pb-c.h"

#define SECOND_NS UINT64_C(1000000000)

/* Encoding only reads what it is given; the generated types do not say so. */
static ProtobufCBinaryData bytes(const void *octets, size_t len)
{
    union {
        const void *given;
        void *taken;
    } pointer = {.given = octets};

    return (ProtobufCBinaryData){.len = len, .data = pointer.taken};
}

static void fill_client(Dnstap__Message *message, const struct dnstap_endpoint *client)
{
    if (client->address_len == 0)
        return;
    message->has_socket_family = 1;
    message->socket_family =
        client->address_len == 4 ? DNSTAP__SOCKET_FAMILY__INET : DNSTAP__SOCKET_FAMILY__INET6;
    message->has_query_address = message->has_query_port = 1;
    message->query_address = bytes(client->address, client->address_len);
    message->query_port = client->port;
}

static void fill_server(Dnstap__Message *message, const struct dnstap_endpoint *server)
{
    if (server->address_len == 0)
        return;
    message->has_response_address = message->has_response_port = 1;
    message->response_address = bytes(server->address, server->address_len);
    message->response_port = server->port;
}

/* Whose time it is tells that there is a query; its octets come with it or not. */
static void fill_query(Dnstap__Message *message, const struct dnstap_record *record,
                       bool has_octets)
{
    message->has_query_time_sec = message->has_query_time_nsec = 1;
    message->query_time_sec = record->query_wall_ns / SECOND_NS;
    message->query_time_nsec = (uint32_t)(record->query_wall_ns % SECOND_NS);
    if (!has_octets)
        return;
    message->has_query_message = 1;
    message->query_message = bytes(record->octets, record->query_len);
}

static void fill_response(Dnstap__Message *message, const struct dnstap_record *record)
{
    message->has_response_time_sec = message->has_response_time_nsec = 1;
    message->response_time_sec = record->response_wall_ns / SECOND_NS;
    message->response_time_nsec = (uint32_t)(record->response_wall_ns % SECOND_NS);
    message->has_response_message = 1;
    message->response_message = bytes(record->octets + record->query_len, record->response_len);
}

static void fill_source(Dnstap__Dnstap *dnstap, const struct dnstap_source *source)
{
    dnstap->has_identity = source->identity[0] != '\0';
    dnstap->identity = bytes(source->identity, strlen(source->identity));
    dnstap->has_version = source->version[0] != '\0';
    dnstap->version = bytes(source->version, strlen(source->version));
}

size_t dnstap_frame_encode(const struct dnstap_record *record, enum dnstap_frame_kind kind,
                           const struct dnstap_source *source, uint8_t *out)
{
    static const char cut[] = "query cut";
    Dnstap__Dnstap dnstap = DNSTAP__DNSTAP__INIT;
    Dnstap__Message message = DNSTAP__MESSAGE__INIT;
    const bool is_query = kind == DNSTAP_FRAME_QUERY;

    ASSERT(is_query || record->response_len > 0);
    message.type =
        is_query ? DNSTAP__MESSAGE__TYPE__AUTH_QUERY : DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE;
    message.has_socket_protocol = 1;
    message.socket_protocol =
        record->is_tcp ? DNSTAP__SOCKET_PROTOCOL__TCP : DNSTAP__SOCKET_PROTOCOL__UDP;
    fill_client(&message, &record->client);
    fill_server(&message, &record->server);
    fill_query(&message, record, kind != DNSTAP_FRAME_RESPONSE);
    if (!is_query)
        fill_response(&message, record);
    fill_source(&dnstap, source);
    dnstap.has_extra = record->is_cut && kind != DNSTAP_FRAME_RESPONSE;
    dnstap.extra = bytes(cut, sizeof(cut) - 1);
    dnstap.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
    dnstap.message = &message;
    const size_t len = dnstap__dnstap__pack(&dnstap, out);
    ASSERT(len <= DNSTAP_FRAME_EXTRA_MAX + record->query_len + record->response_len);
    return len;
}
