/* node/control/call.h: one request at work, from its octets to its reply. A handler ends its call
 * exactly once, by call_reply() or call_fail(), now or from a later callback; the call is gone
 * then. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apply_result;
struct cluster;
struct control;
struct kv;
struct state_zone;
struct Cmd__Command;
struct Ctl__Reply;
struct Ctl__Request;

/* Where the reply goes: called once, @reply borrowed. */
typedef void (*call_answer_cb)(void *user, const uint8_t *reply, size_t len);

struct call {
    struct control *control;
    struct cluster *cluster;
    const struct Ctl__Request *request; /* decoded; kind is the handler's */
    call_answer_cb answer;
    void *answer_user;
    void (*read_done)(struct call *call); /* after the read barrier */
    void (*applied)(struct call *call, const struct apply_result *result);
    struct {             /* a reply made before the read barrier has ended: call_read_early() */
        uint8_t *octets; /* NULL: none */
        size_t len;
        bool is_being_made;
    } early;
    bool is_gateway; /* came by the gateways' socket */
    uint64_t deadline_mono_ms;
    uint64_t subject_index; /* a handler's own: the log index waited for */
    char change_id[24];     /* a handler's own */
    char zone_id[24];       /* a handler's own */
    char object_id[40];     /* a handler's own */
    char secret[48];        /* a handler's own; wiped with the call */
};

/* Decode hostile octets and run the handler. */
void call_start(struct control *control, const uint8_t *request, size_t len, call_answer_cb answer,
                void *user);
/* The same for a gateway: what its API does not need is answered with ERR_DENIED. */
void call_start_gateway(struct control *control, const uint8_t *request, size_t len,
                        call_answer_cb answer, void *user);

/* Send @reply (version is filled in) and end the call. */
void call_reply(struct call *call, struct Ctl__Reply *reply);
/* Success with a sentence. */
void call_done(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Failure: @code with a sentence that says what is wrong and what to do next. */
void call_fail(struct call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with Route 53's @error code for it (static text). */
void call_fail_as(struct call *call, int code, const char *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Failure of a command, with all that its result says. */
void call_fail_result(struct call *call, const struct apply_result *result);
/* Failure of a cluster call or of reading state; @doing completes "cannot …". */
void call_fail_code(struct call *call, int code, const char *doing);

/* Go on with @next once local state includes all that was committed before (a linearizable read).
 */
void call_read(struct call *call, void (*next)(struct call *call));
/* The same for a @next that only reads the state and replies before it returns: it runs at once,
 * while the other members are asked, and its reply is sent if state was current; if not, @next runs
 * again. */
void call_read_early(struct call *call, void (*next)(struct call *call));
/* Have @command applied, once, then @next; refusals and failures end the call by themselves. */
void call_propose(struct call *call, struct Cmd__Command *command,
                  void (*next)(struct call *call, const struct apply_result *result));
/* The same for one chunk of an import. */
void call_propose_bulk(struct call *call, struct Cmd__Command *command,
                       void (*next)(struct call *call, const struct apply_result *result));
uint32_t call_timeout_left_ms(const struct call *call);
/* State to read in this turn of the loop. */
const struct kv *call_state(const struct call *call);
/* A new change's id, drawn by chance behind the time, into @out (STATE_ID_SIZE octets). */
void call_draw_change_id(char *out);
/* The zone that @text names, by id or by name. true; false: the call has failed. */
bool call_find_zone(struct call *call, const char *text, struct state_zone *out);
