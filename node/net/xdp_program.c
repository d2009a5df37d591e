/* node/net/xdp_program.c: a program attached by netlink becomes one attached by a link, which the
 * kernel (5.9 and later) takes down with its last descriptor. */
#include "net/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <unistd.h>

bool xdp_program_is_there(int interface_index)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, attached);
    return bpf_xdp_query(interface_index, 0, &attached) == 0 &&
           attached.attach_mode != XDP_ATTACHED_NONE;
}

static __u32 mode_of(const struct bpf_xdp_query_opts *attached)
{
    return attached->attach_mode == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

void xdp_program_drop(int interface_index)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, attached);
    if (bpf_xdp_query(interface_index, 0, &attached) == 0 && attached.prog_id != 0)
        (void)bpf_xdp_detach(interface_index, mode_of(&attached), NULL);
}

int xdp_program_hold(int interface_index)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, attached);
    int code = bpf_xdp_query(interface_index, 0, &attached);
    if (code != 0)
        return code;
    if (attached.prog_id == 0)
        return -ENOENT;
    const __u32 mode = mode_of(&attached);
    LIBBPF_OPTS(bpf_link_create_opts, link, .flags = mode);
    int program_fd = bpf_prog_get_fd_by_id(attached.prog_id);
    code = bpf_xdp_detach(interface_index, mode, NULL);
    if (program_fd < 0)
        return program_fd;
    if (code == 0)
        code = bpf_link_create(program_fd, interface_index, BPF_XDP, &link);
    close(program_fd);
    return code;
}

void xdp_program_hush(void)
{
    (void)libbpf_set_print(NULL);
}
