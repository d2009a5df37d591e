/* node/net/socket.h: making bound sockets, and addresses as text. Internal to net/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_error;

/* A datagram socket bound to @address, sharing it with the other workers (SO_REUSEPORT) and, where
 * the address is a wildcard, telling for each datagram which address was asked. The caller owns the
 * descriptor. 0 or more, or an ERR_* with *@error filled. */
int socket_open_udp(const struct sockaddr_storage *address, struct net_error *error);
/* A stream socket that listens on @address alone, with @backlog. As above. */
int socket_open_tcp(const struct sockaddr_storage *address, int backlog, struct net_error *error);

/* Is @fd one that socket_open_udp() (SOCK_DGRAM) or socket_open_tcp() (SOCK_STREAM) would make for
 * @address? Its options are set anew, as this version wants them. */
bool socket_fits(int fd, const struct sockaddr_storage *address, int type);

/* The port of an IPv4 or IPv6 address, and setting it; host order. */
uint16_t socket_get_port(const struct sockaddr_storage *address);
void socket_set_port(struct sockaddr_storage *address, uint16_t port);
/* Is it 0.0.0.0 or [::]? */
bool socket_is_wildcard(const struct sockaddr_storage *address);
