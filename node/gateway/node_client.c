#include "gateway/node_client.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <uv.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/frame.h"
#include "base/log.h"
#include "proto/control.pb-c.h"

#define CONTROL_VERSION 1
#define READ_LEN_MIN (64u << 10)
#define KEPT_LEN_MAX (1u << 20)       /* of the buffers, over a time without work */
#define REPLY_MEMORY_MAX (128u << 20) /* of one reply, unpacked */
#define SWEEP_MS 250u
#define NONE UINT16_MAX

/* A request under way. Its number on the wire is its place here and a count, so that a late reply
 * is not taken for that of the next one in its place. All wait equally long: the list is in the
 * order of deadlines. */
struct waiting {
    uint32_t number;
    uint16_t previous, next; /* in the list of those under way, or (next) of free places */
    uint64_t deadline_mono_ms;
    node_reply_cb cb; /* NULL: the place is free */
    void *user;
};

struct buffer {
    uint8_t *octets;
    size_t len, capacity;
};

enum link_state { LINK_NONE, LINK_CONNECTING, LINK_UP, LINK_CLOSING };

struct node_client {
    uv_loop_t *loop;
    uv_pipe_t pipe;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t retry, sweep;
    uv_prepare_t flush; /* what one turn of the loop asks leaves in one write */
    enum link_state state;
    bool is_writing, is_closing, was_told;
    unsigned open_handles;
    uint32_t retry_ms, count;
    struct buffer input, output, sent;
    struct arena *arena; /* of the reply at hand */
    struct waiting waiting[NODE_CLIENT_REQUESTS_MAX];
    uint16_t first, last, first_free;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    node_client_close_cb closed;
    void *closed_user;
};

static void start_connecting(struct node_client *client);

/* ---- requests under way ---- */

static uint16_t take_place(struct node_client *client, node_reply_cb cb, void *user)
{
    uint16_t place = client->first_free;

    if (place == NONE)
        return NONE;
    struct waiting *waiting = &client->waiting[place];
    client->first_free = waiting->next;
    *waiting = (struct waiting){
        .number = client->count++ * NODE_CLIENT_REQUESTS_MAX + place,
        .previous = client->last,
        .next = NONE,
        .deadline_mono_ms = clock_mono_ms() + NODE_CLIENT_TIMEOUT_MS + NODE_CLIENT_GRACE_MS,
        .cb = cb,
        .user = user,
    };
    if (client->last == NONE)
        client->first = place;
    else
        client->waiting[client->last].next = place;
    client->last = place;
    return place;
}

static void end_waiting(struct node_client *client, uint16_t place, const Ctl__Reply *reply,
                        int code)
{
    struct waiting *waiting = &client->waiting[place];
    node_reply_cb cb = waiting->cb;

    ASSERT(cb != NULL);
    if (waiting->previous == NONE)
        client->first = waiting->next;
    else
        client->waiting[waiting->previous].next = waiting->next;
    if (waiting->next == NONE)
        client->last = waiting->previous;
    else
        client->waiting[waiting->next].previous = waiting->previous;
    waiting->cb = NULL;
    waiting->next = client->first_free;
    client->first_free = place;
    cb(waiting->user, reply, code);
}

static void fail_all(struct node_client *client, int code)
{
    while (client->first != NONE)
        end_waiting(client, client->first, NULL, code);
}

static void on_sweep(uv_timer_t *timer)
{
    struct node_client *client = timer->data;
    uint64_t now = clock_mono_ms();

    while (client->first != NONE && client->waiting[client->first].deadline_mono_ms <= now)
        end_waiting(client, client->first, NULL, ERR_TIMEOUT);
}

/* ---- the connection ---- */

static void empty(struct buffer *buffer)
{
    buffer->len = 0;
    if (buffer->capacity > KEPT_LEN_MAX) {
        free(buffer->octets);
        *buffer = (struct buffer){0};
    }
}

static bool reserve(struct buffer *buffer, size_t len)
{
    if (buffer->len + len <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : READ_LEN_MIN;
    while (capacity < buffer->len + len)
        capacity *= 2;
    uint8_t *grown = realloc(buffer->octets, capacity);
    if (!grown)
        return false;
    buffer->octets = grown;
    buffer->capacity = capacity;
    return true;
}

static void on_retry(uv_timer_t *timer)
{
    start_connecting(timer->data);
}

static void on_all_closed(struct node_client *client)
{
    node_client_close_cb cb = client->closed;
    void *user = client->closed_user;

    free(client->input.octets);
    free(client->output.octets);
    free(client->sent.octets);
    arena_free(client->arena);
    free(client);
    if (cb)
        cb(user);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct node_client *client = handle->data;

    if (--client->open_handles == 0)
        on_all_closed(client);
}

static void on_pipe_closed(uv_handle_t *handle)
{
    struct node_client *client = handle->data;

    client->state = LINK_NONE;
    client->is_writing = false;
    if (client->is_closing) {
        on_handle_closed(handle);
        return;
    }
    client->open_handles--;
    uv_timer_start(&client->retry, on_retry, client->retry_ms, 0);
    client->retry_ms *= 2;
    if (client->retry_ms > NODE_CLIENT_RETRY_MS_MAX)
        client->retry_ms = NODE_CLIENT_RETRY_MS_MAX;
}

/* End the connection; what waits for it fails. */
static void disconnect(struct node_client *client, const char *reason)
{
    if (client->state == LINK_NONE || client->state == LINK_CLOSING)
        return;
    if (!client->was_told && !client->is_closing)
        log_warn("gateway", "node_away socket=%s reason=\"%s\"", client->path, reason);
    client->was_told = true;
    client->state = LINK_CLOSING;
    empty(&client->input);
    empty(&client->output);
    uv_close((uv_handle_t *)&client->pipe, on_pipe_closed);
    fail_all(client, ERR_UNAVAILABLE);
}

static void flush_output(struct node_client *client);

static void on_written(uv_write_t *write, int status)
{
    struct node_client *client = write->data;

    client->is_writing = false;
    empty(&client->sent);
    if (status < 0)
        disconnect(client, uv_strerror(status));
    else
        flush_output(client);
}

static void flush_output(struct node_client *client)
{
    uv_stream_t *stream = (uv_stream_t *)&client->pipe;

    if (client->state != LINK_UP || client->is_writing || client->output.len == 0)
        return;
    uv_buf_t all = uv_buf_init((char *)client->output.octets, (unsigned)client->output.len);
    int sent = uv_try_write(stream, &all, 1);
    if (sent == (int)client->output.len) {
        empty(&client->output);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    struct buffer rest = client->output;
    client->output = client->sent;
    client->sent = rest;
    uv_buf_t left = uv_buf_init((char *)rest.octets + done, (unsigned)(rest.len - done));
    client->write.data = client;
    if ((sent < 0 && sent != UV_EAGAIN) ||
        uv_write(&client->write, stream, &left, 1, on_written) != 0) {
        empty(&client->sent);
        disconnect(client, "it does not take requests");
        return;
    }
    client->is_writing = true;
}

static void on_flush(uv_prepare_t *prepare)
{
    flush_output(prepare->data);
}

/* ---- replies ---- */

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void release(void *arena, void *pointer)
{
    (void)arena, (void)pointer;
}

static void take_reply(struct node_client *client, uint32_t number, const uint8_t *octets,
                       size_t len)
{
    ProtobufCAllocator allocator = {allocate, release, client->arena};
    uint16_t place = (uint16_t)(number % NODE_CLIENT_REQUESTS_MAX);

    if (!client->waiting[place].cb || client->waiting[place].number != number)
        return; /* it was given up */
    const Ctl__Reply *reply = ctl__reply__unpack(&allocator, len, octets);
    bool is_good = reply && reply->version == CONTROL_VERSION;
    end_waiting(client, place, is_good ? reply : NULL, is_good ? 0 : ERR_CORRUPT);
    arena_reset(client->arena);
}

/* false: the node has sent what is no reply. Callbacks may end the connection. */
static bool take_replies(struct node_client *client)
{
    struct buffer *input = &client->input;
    size_t offset = 0;

    while (client->state == LINK_UP && input->len - offset >= FRAME_HEADER_LEN) {
        uint32_t len, number;
        frame_decode(input->octets + offset, &len, &number);
        if (len > FRAME_REPLY_LEN_MAX)
            return false;
        if (input->len - offset < FRAME_HEADER_LEN + len)
            break;
        take_reply(client, number, input->octets + offset + FRAME_HEADER_LEN, len);
        offset += FRAME_HEADER_LEN + len;
    }
    if (client->state != LINK_UP)
        return true;
    input->len -= offset;
    if (input->len == 0)
        empty(input);
    else
        memmove(input->octets, input->octets + offset, input->len);
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct node_client *client = handle->data;
    struct buffer *input = &client->input;
    size_t wanted = READ_LEN_MIN;

    (void)suggested;
    if (input->len >= FRAME_HEADER_LEN) {
        uint32_t len, number;
        frame_decode(input->octets, &len, &number);
        if (FRAME_HEADER_LEN + len > input->len + wanted)
            wanted = FRAME_HEADER_LEN + len - input->len;
    }
    if (!reserve(input, wanted)) {
        *out = uv_buf_init(NULL, 0); /* ends the connection */
        return;
    }
    *out =
        uv_buf_init((char *)input->octets + input->len, (unsigned)(input->capacity - input->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct node_client *client = stream->data;

    (void)buffer;
    if (len < 0) {
        disconnect(client, len == UV_EOF ? "it closed the connection" : uv_strerror((int)len));
        return;
    }
    client->input.len += (size_t)len;
    if (!take_replies(client))
        disconnect(client, "a reply is too long");
}

/* ---- connecting ---- */

static void on_connect(uv_connect_t *connect, int status)
{
    struct node_client *client = connect->data;

    if (client->state != LINK_CONNECTING)
        return; /* closed meanwhile */
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read);
    if (status != 0) {
        disconnect(client, uv_strerror(status));
        return;
    }
    client->state = LINK_UP;
    client->retry_ms = NODE_CLIENT_RETRY_MS_MIN;
    client->was_told = false;
    log_info("gateway", "node_connected socket=%s", client->path);
}

static void start_connecting(struct node_client *client)
{
    client->state = LINK_CONNECTING;
    client->open_handles++;
    ASSERT(uv_pipe_init(client->loop, &client->pipe, 0) == 0);
    client->pipe.data = client->connect.data = client;
    uv_pipe_connect(&client->connect, &client->pipe, client->path, on_connect);
}

int node_client_open(struct uv_loop_s *loop, const char *path, struct node_client **out)
{
    struct node_client *client;
    size_t len = strlen(path);

    if (len >= sizeof(client->path))
        return ERR_LIMIT;
    client = calloc(1, sizeof(*client));
    if (!client)
        return ERR_NOMEM;
    client->arena = arena_new(REPLY_MEMORY_MAX);
    if (!client->arena) {
        free(client);
        return ERR_NOMEM;
    }
    memcpy(client->path, path, len + 1);
    client->loop = loop;
    client->retry_ms = NODE_CLIENT_RETRY_MS_MIN;
    client->first = client->last = NONE;
    for (unsigned i = 0; i < NODE_CLIENT_REQUESTS_MAX; i++)
        client->waiting[i].next = (uint16_t)(i + 1 < NODE_CLIENT_REQUESTS_MAX ? i + 1 : NONE);
    ASSERT(uv_timer_init(loop, &client->retry) == 0);
    ASSERT(uv_timer_init(loop, &client->sweep) == 0);
    ASSERT(uv_prepare_init(loop, &client->flush) == 0);
    client->retry.data = client->sweep.data = client->flush.data = client;
    client->open_handles = 3;
    uv_timer_start(&client->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_prepare_start(&client->flush, on_flush);
    start_connecting(client);
    *out = client;
    return 0;
}

void node_client_close(struct node_client *client, node_client_close_cb cb, void *user)
{
    client->is_closing = true;
    client->closed = cb;
    client->closed_user = user;
    disconnect(client, "stopping");
    uv_close((uv_handle_t *)&client->retry, on_handle_closed);
    uv_close((uv_handle_t *)&client->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&client->flush, on_handle_closed);
}

bool node_client_is_connected(const struct node_client *client)
{
    return client->state == LINK_UP;
}

/* ---- asking ---- */

static int send_request(struct node_client *client, Ctl__Request *request, uint16_t place)
{
    struct buffer *output = &client->output;

    request->version = CONTROL_VERSION;
    request->timeout_ms = NODE_CLIENT_TIMEOUT_MS;
    size_t len = ctl__request__get_packed_size(request);
    if (len > FRAME_REQUEST_LEN_MAX)
        return ERR_LIMIT;
    if (output->len + len > NODE_CLIENT_UNSENT_LEN_MAX)
        return ERR_BUSY;
    if (!reserve(output, FRAME_HEADER_LEN + len))
        return ERR_NOMEM;
    frame_encode(output->octets + output->len, (uint32_t)len, client->waiting[place].number);
    ctl__request__pack(request, output->octets + output->len + FRAME_HEADER_LEN);
    output->len += FRAME_HEADER_LEN + len;
    return 0;
}

void node_client_ask(struct node_client *client, struct Ctl__Request *request, node_reply_cb cb,
                     void *user)
{
    if (client->state != LINK_UP && client->state != LINK_CONNECTING) {
        cb(user, NULL, ERR_UNAVAILABLE);
        return;
    }
    uint16_t place = take_place(client, cb, user);
    if (place == NONE) {
        cb(user, NULL, ERR_BUSY);
        return;
    }
    int rc = send_request(client, request, place);
    if (rc != 0)
        end_waiting(client, place, NULL, rc);
}
