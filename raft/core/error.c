/* raft/core/error.c: texts of error codes, and what a failed assertion does. */
#include "raft/core/error.h"

#include <stdio.h>
#include <stdlib.h>

#include "raft/core/assert.h"

const char *raft_error_text(int code)
{
    switch ((enum raft_error)code) {
    case RAFT_ENOMEM: return "out of memory";
    case RAFT_ENOTLEADER: return "this node does not lead";
    case RAFT_EBUSY: return "busy, try again";
    case RAFT_EINVALID: return "the request breaks a rule";
    case RAFT_ELIMIT: return "over a size limit";
    case RAFT_ECORRUPT: return "corrupt data";
    case RAFT_EIO: return "storage failed";
    case RAFT_ENOENT: return "no such thing";
    case RAFT_ECOMPACTED: return "behind the start of the log";
    case RAFT_EADDR: return "bad address";
    case RAFT_ETIMEDOUT: return "timed out";
    case RAFT_ECLOSED: return "shutting down";
    case RAFT_EVERSION: return "unknown format version";
    case RAFT_EDENIED: return "identity not proven";
    case RAFT_ENOQUORUM: return "too few voters answer";
    case RAFT_ESUPERSEDED: return "the cluster was recovered without this member";
    }
    return code == 0 ? "no error" : "unknown error";
}

void raft__assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
    abort();
}
