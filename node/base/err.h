/* node/base/err.h: the one error enum of the node. 0 is success; codes are negative and disjoint
 * from RAFT_E* (raft/core/error.h). Protocol outcomes (NXDOMAIN, "not leader") are result enums,
 * not errors. Codes of third-party libraries are translated in the room that calls the library. */
#pragma once

enum err {
    ERR_NOMEM = -1001,       /* out of memory */
    ERR_INVALID = -1002,     /* input breaks a rule; the message says which */
    ERR_LIMIT = -1003,       /* a stated bound would be exceeded */
    ERR_EXISTS = -1004,      /* already there */
    ERR_NOT_FOUND = -1005,   /* not there */
    ERR_IO = -1006,          /* the operating system or a library failed to read or write */
    ERR_CORRUPT = -1007,     /* stored or received octets fail their check */
    ERR_VERSION = -1008,     /* a format version that this program does not know */
    ERR_BUSY = -1009,        /* a queue is full or another operation is under way: try again */
    ERR_TIMEOUT = -1010,     /* no outcome in time; it may still happen */
    ERR_DENIED = -1011,      /* authentication or permission */
    ERR_UNAVAILABLE = -1012, /* no leader, no quorum, or the peer cannot be reached */
    ERR_CONFLICT = -1013,    /* state does not allow it now (would lose quorum, already joined) */
    ERR_DIVERGED = -1014,    /* replicated state differs from the cluster's */
    ERR_CLOSED = -1015,      /* the object is shutting down */
    ERR_UNSUPPORTED = -1016, /* valid, but not served by this program */
    ERR_FEATURE = -1020,     /* not before `quartet upgrade finalize`: some node is too old */
};

/* A short lower-case English text, static; never NULL, also for unknown codes. Any thread. */
const char *err_text(int code);
