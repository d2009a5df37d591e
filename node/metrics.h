/* node/metrics.h: figures of the parts of a node that its control does not know: DNS sockets,
 * the log of queries and dnstap. Loop thread. */
#pragma once

struct cluster;
struct dnstap;
struct metrics;
struct net;
struct node_metrics; /* what is kept from one reading to the next */
struct querylog;

struct node_metrics *node_metrics_new(void); /* NULL: no memory */
void node_metrics_free(struct node_metrics *kept);

/* Their families. @net, @log and @tap may be NULL. */
void node_metrics_write(struct node_metrics *kept, struct net *net, struct querylog *log,
                        struct dnstap *tap, struct cluster *cluster, struct metrics *metrics);
