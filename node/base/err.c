#include "base/err.h"

const char *err_text(int code)
{
    switch (code) {
    case 0: return "success";
    case ERR_NOMEM: return "out of memory";
    case ERR_INVALID: return "invalid input";
    case ERR_LIMIT: return "limit exceeded";
    case ERR_EXISTS: return "already exists";
    case ERR_NOT_FOUND: return "not found";
    case ERR_IO: return "input/output error";
    case ERR_CORRUPT: return "corrupt data";
    case ERR_VERSION: return "unknown format version";
    case ERR_BUSY: return "busy, try again";
    case ERR_TIMEOUT: return "timed out, outcome unknown";
    case ERR_DENIED: return "access denied";
    case ERR_UNAVAILABLE: return "unavailable";
    case ERR_CONFLICT: return "not possible in the current state";
    case ERR_DIVERGED: return "state differs from the cluster's";
    case ERR_CLOSED: return "closed";
    case ERR_UNSUPPORTED: return "not supported";
    case ERR_FEATURE: return "not before 'quartet upgrade finalize'";
    default: return "unknown error";
    }
}
