/* raft/core/error.h: error codes of raft/core and raft/io; disjoint from node/base/err.h. */
#pragma once

enum raft_error {
    RAFT_ENOMEM = -2001,      /* out of memory; nothing changed */
    RAFT_ENOTLEADER = -2002,  /* only the leader takes this; see raft_leader() */
    RAFT_EBUSY = -2003,       /* a bound is reached or a change is under way: try again */
    RAFT_EINVALID = -2004,    /* the request breaks a rule (unknown member, last voter, …) */
    RAFT_ELIMIT = -2005,      /* over a stated size */
    RAFT_ECORRUPT = -2006,    /* stored or received octets fail their check */
    RAFT_EIO = -2007,         /* storage failed; the caller must stop */
    RAFT_ENOENT = -2008,      /* no such member, entry or snapshot */
    RAFT_ECOMPACTED = -2009,  /* the entry is behind the start of the log */
    RAFT_EADDR = -2010,       /* an address cannot be bound or parsed */
    RAFT_ETIMEDOUT = -2011,   /* no outcome in time */
    RAFT_ECLOSED = -2012,     /* shutting down */
    RAFT_EVERSION = -2013,    /* a format version that this program does not know */
    RAFT_EDENIED = -2014,     /* the peer's proof of identity does not hold */
    RAFT_ENOQUORUM = -2015,   /* too few voters answer for what would be: nothing changed */
    RAFT_ESUPERSEDED = -2016, /* the cluster was recovered without what this member has committed */
};

/* A short lower-case English text, static; never NULL. Any thread. */
const char *raft_error_text(int code);
