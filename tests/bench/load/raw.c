/* tests/bench/load/raw.c: queries as Ethernet frames, for servers that are quicker than UDP sockets
 * could ask. Sent through an AF_XDP socket. Replies are counted by a BPF program on a packet socket
 * as they enter the interface; only a sample of them gets to this program, which checks it. The
 * replies must go to a hardware address that is not the interface's, so that the kernel drops them
 * early: in the sender's context that would be, at the cost of the server. Linux 5.5, IPv4, root.
 */
#include "bench/load/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FRAMES 4096u
#define FRAME_SIZE 2048u
#define HEADERS_LEN 42u /* Ethernet, IPv4, UDP */
#define PORT_FIRST 20000u
#define PORTS 16u
#define REPLY_MAX 2048u
#define BIND_TRIES 100u
#define BIND_PAUSE_MS 20

struct ring {
    uint32_t *producer, *consumer;
    void *entries;
};
struct raw {
    int xsk, packet;
    uint8_t *frames;
    struct ring tx, done;
    uint8_t headers[HEADERS_LEN]; /* of every frame; lengths, checksum and port are put in */
    uint32_t header_sum;
    volatile uint64_t *classes; /* written by the BPF program */
    struct mmsghdr receives[LOAD_BATCH];
    struct iovec parts[LOAD_BATCH];
    uint8_t replies[LOAD_BATCH][REPLY_MAX];
};

/* ---- receiving ---- */

static int bpf(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int open_map(struct raw *raw)
{
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY,
                          .key_size = 4,
                          .value_size = LOAD_CLASSES * sizeof(uint64_t),
                          .max_entries = 1,
                          .map_flags = BPF_F_MMAPABLE};
    int fd = bpf(BPF_MAP_CREATE, &map);
    if (fd < 0)
        load_die("BPF map");
    void *memory = mmap(NULL, LOAD_CLASSES * sizeof(uint64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        load_die("BPF map");
    raw->classes = memory;
    return fd;
}

/* The instructions below, by what they do; r6 is the frame, r0 what a load reads. */
#define LOAD_FRAME(size, offset)                                                                   \
    {                                                                                              \
        .code = BPF_LD | BPF_ABS | (size), .imm = (offset)                                         \
    }
#define OPERATE(operation, to, value)                                                              \
    {                                                                                              \
        .code = BPF_ALU64 | BPF_K | (operation), .dst_reg = (to), .imm = (value)                   \
    }
#define OPERATE_BY(operation, to, from)                                                            \
    {                                                                                              \
        .code = BPF_ALU64 | BPF_X | (operation), .dst_reg = (to), .src_reg = (from)                \
    }
#define JUMP_IF(condition, value, over)                                                            \
    {                                                                                              \
        .code = BPF_JMP | BPF_K | (condition), .off = (over), .imm = (value)                       \
    }

/* Counts replies by load_class and passes on those whose id has none of the bits of the mask. A
 * frame too short for a load ends the program there, dropped. */
static int open_program(int map, const struct load_options *options)
{
    const int32_t own_address = (int32_t)ntohl(options->own_address.s_addr);
    enum { DROP = 32 }; /* index of the last but one */
    const struct bpf_insn code[] = {
        OPERATE_BY(BPF_MOV, 6, 1),
        LOAD_FRAME(BPF_B, 14), /* version, header length */
        JUMP_IF(BPF_JNE, 0x45, DROP - 3),
        LOAD_FRAME(BPF_B, 23), /* protocol */
        JUMP_IF(BPF_JNE, IPPROTO_UDP, DROP - 5),
        LOAD_FRAME(BPF_H, 34), /* source port */
        JUMP_IF(BPF_JNE, ntohs(options->server.sin_port), DROP - 7),
        LOAD_FRAME(BPF_W, 30), /* to whom */
        {.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 1, .imm = own_address},
        {.code = BPF_JMP | BPF_JNE | BPF_X, .src_reg = 1, .off = DROP - 10},
        LOAD_FRAME(BPF_B, 45), /* the octet of the RCODE: r7 = 2 * RCODE */
        OPERATE_BY(BPF_MOV, 7, 0),
        OPERATE(BPF_AND, 7, 15),
        OPERATE(BPF_LSH, 7, 1),
        LOAD_FRAME(BPF_B, 44), /* of TC, to bit 5 */
        OPERATE(BPF_AND, 0, 2),
        OPERATE(BPF_LSH, 0, 4),
        OPERATE_BY(BPF_OR, 7, 0),
        LOAD_FRAME(BPF_H, 48), /* number of answers: bit 0 */
        JUMP_IF(BPF_JEQ, 0, 1),
        OPERATE(BPF_OR, 7, 1),
        OPERATE(BPF_LSH, 7, 3), /* r1 = where the counter is */
        {.code = BPF_LD | BPF_DW | BPF_IMM,
         .dst_reg = 1,
         .src_reg = BPF_PSEUDO_MAP_VALUE,
         .imm = map},
        {0},
        OPERATE_BY(BPF_ADD, 1, 7),
        OPERATE(BPF_MOV, 2, 1),
        {.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = 1, .src_reg = 2, .imm = BPF_ADD},
        LOAD_FRAME(BPF_H, 42), /* id */
        OPERATE(BPF_AND, 0, (int32_t)options->sample_mask),
        JUMP_IF(BPF_JNE, 0, DROP - 30),
        OPERATE(BPF_MOV, 0, 0xffff),
        {.code = BPF_JMP | BPF_EXIT},
        OPERATE(BPF_MOV, 0, 0),
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                              .insns = (uint64_t)(uintptr_t)code,
                              .insn_cnt = sizeof(code) / sizeof(code[0]),
                              .license = (uint64_t)(uintptr_t) "GPL"};
    int fd = bpf(BPF_PROG_LOAD, &program);
    if (fd < 0)
        load_die("BPF program");
    return fd;
}

static void open_receiving(struct raw *raw, const struct load_options *options)
{
    const int size = 8 << 20;
    int program = open_program(open_map(raw), options);
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_protocol = htons(ETH_P_IP),
                                        .sll_ifindex = (int)if_nametoindex(options->interface)};

    /* The filter comes before the binding, so that no other frame gets in. */
    raw->packet = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (raw->packet < 0 ||
        setsockopt(raw->packet, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) != 0 ||
        setsockopt(raw->packet, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0 ||
        bind(raw->packet, (const struct sockaddr *)&address, sizeof(address)) != 0)
        load_die("packet socket");
    for (unsigned i = 0; i < LOAD_BATCH; i++) {
        raw->parts[i] = (struct iovec){raw->replies[i], REPLY_MAX};
        raw->receives[i].msg_hdr.msg_iov = &raw->parts[i];
        raw->receives[i].msg_hdr.msg_iovlen = 1;
    }
}

static void raw_receive(void *self, struct load_run *run)
{
    struct raw *raw = self;
    uint64_t answered = 0;
    int count;

    do {
        count = recvmmsg(raw->packet, raw->receives, LOAD_BATCH, MSG_DONTWAIT, NULL);
        int64_t now_ns = load_now_ns();
        for (int i = 0; i < count; i++)
            if (raw->receives[i].msg_len >= HEADERS_LEN)
                load_received(run, raw->replies[i] + HEADERS_LEN,
                              raw->receives[i].msg_len - HEADERS_LEN, now_ns, true);
    } while (count == (int)LOAD_BATCH);
    for (unsigned i = 0; i < LOAD_CLASSES; i++) {
        run->counts.classes[i] = raw->classes[i];
        answered += run->counts.classes[i];
    }
    run->counts.answered = answered;
}

/* ---- sending ---- */

static void map_ring(int fd, const struct xdp_ring_offset *offsets, uint64_t at, size_t entry,
                     struct ring *out)
{
    void *memory = mmap(NULL, offsets->desc + FRAMES * entry, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_POPULATE, fd, (off_t)at);
    if (memory == MAP_FAILED)
        load_die("AF_XDP ring");
    *out = (struct ring){(uint32_t *)((uint8_t *)memory + offsets->producer),
                         (uint32_t *)((uint8_t *)memory + offsets->consumer),
                         (uint8_t *)memory + offsets->desc};
}

static void open_sending(struct raw *raw, const struct load_options *options)
{
    const int size = (int)FRAMES, sndbuf = 16 << 20;
    struct xdp_mmap_offsets offsets;
    socklen_t len = sizeof(offsets);

    raw->xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    raw->frames = mmap(NULL, (size_t)FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (raw->xsk < 0 || raw->frames == MAP_FAILED)
        load_die("AF_XDP socket");
    const struct xdp_umem_reg memory = {.addr = (uint64_t)(uintptr_t)raw->frames,
                                        .len = (uint64_t)FRAMES * FRAME_SIZE,
                                        .chunk_size = FRAME_SIZE};
    const struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
                                         .sxdp_flags = XDP_COPY,
                                         .sxdp_ifindex = if_nametoindex(options->interface)};
    /* Nothing is received here, but a socket without a fill ring cannot be bound. */
    if (setsockopt(raw->xsk, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) != 0 ||
        setsockopt(raw->xsk, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof(size)) != 0 ||
        setsockopt(raw->xsk, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof(size)) != 0 ||
        setsockopt(raw->xsk, SOL_XDP, XDP_TX_RING, &size, sizeof(size)) != 0 ||
        setsockopt(raw->xsk, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf)) != 0 ||
        getsockopt(raw->xsk, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len) != 0)
        load_die("AF_XDP socket");
    map_ring(raw->xsk, &offsets.tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), &raw->tx);
    map_ring(raw->xsk, &offsets.cr, XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t), &raw->done);
    /* The queue of a socket that was just closed is free a moment later. */
    for (unsigned tries = BIND_TRIES;
         bind(raw->xsk, (const struct sockaddr *)&address, sizeof(address)) != 0;) {
        if (errno != EBUSY || --tries == 0)
            load_die("AF_XDP binding");
        (void)poll(NULL, 0, BIND_PAUSE_MS);
    }
}

static void make_headers(struct raw *raw, const struct load_options *options)
{
    uint8_t *at = raw->headers;
    memcpy(at, options->server_mac, 6);
    memcpy(at + 6, options->own_mac, 6);
    at[12] = ETH_P_IP >> 8;
    at[14] = 0x45;
    at[20] = 0x40; /* do not fragment */
    at[22] = 64;
    at[23] = IPPROTO_UDP;
    memcpy(at + 26, &options->own_address, 4);
    memcpy(at + 30, &options->server.sin_addr, 4);
    memcpy(at + 36, &options->server.sin_port, 2);
    raw->header_sum = 0;
    for (unsigned i = 14; i < 34; i += 2)
        raw->header_sum += (uint32_t)at[i] << 8 | at[i + 1];
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The UDP checksum is left out, as IPv4 permits (RFC 768). */
static uint32_t write_frame(const struct raw *raw, const struct load_run *run, unsigned ahead,
                            uint8_t *frame)
{
    size_t len = load_next(run, ahead, frame + HEADERS_LEN);
    uint32_t sum = raw->header_sum + (uint32_t)len + 28;

    memcpy(frame, raw->headers, HEADERS_LEN);
    put16(frame + 16, len + 28);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    put16(frame + 24, ~sum & 0xffff);
    put16(frame + 34, PORT_FIRST + run->counts.sent / LOAD_BATCH % PORTS);
    put16(frame + 38, len + 8);
    return (uint32_t)(HEADERS_LEN + len);
}

/* The kernel copies a frame as it takes it, so a frame may be written anew once that has happened;
 * but what it completes must have room in its ring. */
static void raw_send(void *self, struct load_run *run, unsigned count)
{
    struct raw *raw = self;
    struct xdp_desc *entries = raw->tx.entries;
    uint32_t producer = *raw->tx.producer;
    uint32_t done = __atomic_load_n(raw->done.producer, __ATOMIC_ACQUIRE);

    __atomic_store_n(raw->done.consumer, done, __ATOMIC_RELEASE);
    if (producer - done + count > FRAMES)
        return;
    for (unsigned i = 0; i < count; i++) {
        uint32_t index = (producer + i) % FRAMES;
        uint64_t at = (uint64_t)index * FRAME_SIZE;
        entries[index] = (struct xdp_desc){at, write_frame(raw, run, i, raw->frames + at), 0};
    }
    __atomic_store_n(raw->tx.producer, producer + count, __ATOMIC_RELEASE);
    load_sent(run, count, load_now_ns());
    while (__atomic_load_n(raw->tx.consumer, __ATOMIC_ACQUIRE) != producer + count)
        if (sendto(raw->xsk, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
            errno != EBUSY && errno != ENOBUFS)
            load_die("AF_XDP sending");
}

void load_raw_open(const struct load_run *run, struct load_port *out)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    if (!raw)
        load_die("memory");
    if (if_nametoindex(run->options->interface) == 0)
        load_die(run->options->interface);
    open_receiving(raw, run->options);
    open_sending(raw, run->options);
    make_headers(raw, run->options);
    *out = (struct load_port){raw, raw_send, raw_receive};
}
