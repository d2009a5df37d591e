/* node/control/dispatch.h: from the kind of a request to its handler. */
#pragma once

struct call;

/* Run the handler of @call's kind, or fail the call with ERR_UNSUPPORTED. Loop thread. */
void dispatch_call(struct call *call);
