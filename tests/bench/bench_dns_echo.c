/* links: testlib
 *
 * bench_dns_echo ADDRESS PORT: sends each datagram back with its QR bit set, 64 at a time. It does
 * no DNS: what a nameserver needs beyond this, on the same sockets, is what its own work costs. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define SIZE 512

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static struct sockaddr_in peers[BATCH];
static uint8_t octets[BATCH][SIZE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(const char *address, const char *port)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    const int size = 4 << 20;
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (inet_pton(AF_INET, address, &own.sin_addr) != 1 || *end != '\0' || number > 65535) {
        fprintf(stderr, "usage: bench_dns_echo ADDRESS PORT\n");
        exit(2);
    }
    own.sin_port = htons((uint16_t)number);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    return fd;
}

static void turn(int fd)
{
    for (unsigned i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
        parts[i].iov_len = SIZE;
    }
    int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (got < 0)
        die("recvmmsg");
    for (int i = 0; i < got; i++) {
        parts[i].iov_len = messages[i].msg_len;
        octets[i][2] |= 0x80;
    }
    for (int sent = 0; sent < got;) {
        int more = sendmmsg(fd, messages + sent, (unsigned)(got - sent), 0);
        sent += more > 0 ? more : 1; /* what cannot be sent is lost */
    }
}

int main(int argc, char **argv)
{
    int fd = open_socket(argc == 3 ? argv[1] : "", argc == 3 ? argv[2] : "");
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i].iov_base = octets[i];
        messages[i].msg_hdr.msg_name = &peers[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;)
        turn(fd);
}
