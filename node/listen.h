/* node/listen.h: DNS sockets as the configuration file wants them. */
#pragma once

struct config;
struct dnstap;
struct latency_samples;
struct net;
struct querylog;
struct zone_publisher;

/* Open the sockets and say so in the log. EX_OK: the caller owns *@out (net_close); else an exit
 * status of sysexits.h, and the log says why. @publisher, @latency, @log and @tap (net.h) outlive
 * the sockets. Main thread. */
int listen_open(const struct config *config, const struct zone_publisher *publisher,
                struct latency_samples *latency, struct querylog *log, struct dnstap *tap,
                struct net **out);
