/* node/store/state_object.h: keys of KV_OBJECTS, for the many small kinds of things that the Route
 * 53 API keeps. A key is the kind's octet and what the kind's file (state_*.c) says. */
#pragma once

enum state_object { /* stored: never reuse */
                    STATE_OBJECT_ACCESS_KEY = 'A',
                    STATE_OBJECT_DELEGATION_SET = 'D',
                    STATE_OBJECT_TRAFFIC_INSTANCE = 'I',
                    STATE_OBJECT_SIGNING_KEY = 'K',
                    STATE_OBJECT_TRAFFIC_POLICY = 'P',
                    STATE_OBJECT_QUERY_LOGGING = 'Q',
                    STATE_OBJECT_REFERENCE = 'R', /* caller references that were used */
                    STATE_OBJECT_TAGS = 'T',
                    STATE_OBJECT_VIEW = 'V',
                    STATE_OBJECT_VPC = 'W',  /* associations and authorizations */
                    STATE_OBJECT_ZONE = 'Z', /* what zones have that few zones have */
};
