/* raft/io/driver_peers.c: who the others are and what arrives from them. */
#include "raft/io/driver_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(RAFT_DRIVER_ADDRESS_LEN == CODEC_ADDRESS_LEN_MAX + 1, "same room for an address");

static void on_message(void *user, const struct raft_message *msg)
{
    struct raft_driver *driver = user;
    struct raft_event event = {.kind = RAFT_EVENT_MESSAGE, .message = msg};
    driver->received_count++;
    driver__step(driver, &event);
    driver__pump(driver);
}

static void on_app(void *user, raft_id from, const uint8_t *data, size_t len)
{
    struct raft_driver *driver = user;
    const struct raft_app *app = &driver->options.app;
    if (!driver__is_stopped(driver))
        app->app_message(app->user, from, data, len);
}

static void on_unreachable(void *user, raft_id peer)
{
    struct raft_driver *driver = user;
    struct raft_event event = {.kind = RAFT_EVENT_UNREACHABLE, .peer = peer};
    driver->dropped_count++;
    driver__step(driver, &event);
    driver__pump(driver);
}

/* The application's list, and behind it those guests that are not in it. */
static int set_members(struct raft_driver *driver)
{
    struct transport_member all[RAFT_MEMBERS_MAX];
    uint32_t count = driver->address_count;
    memcpy(all, driver->addresses, count * sizeof(*all));
    for (uint32_t i = 0; i < driver->guest_count && count < RAFT_MEMBERS_MAX; i++)
        all[count++] = driver->guests[i].member;
    struct transport transport = driver->net.transport;
    return transport.ops->set_members(transport.self, all, count);
}

static bool is_listed(const struct raft_driver *driver, raft_id id)
{
    for (uint32_t i = 0; i < driver->address_count; i++)
        if (driver->addresses[i].id == id)
            return true;
    return false;
}

static void remove_guest(struct raft_driver *driver, uint32_t index)
{
    driver->guests[index] = driver->guests[--driver->guest_count];
}

int raft_driver_set_addresses(struct raft_driver *driver,
                              const struct raft_driver_address *addresses, uint32_t count)
{
    struct transport_member before[RAFT_MEMBERS_MAX];
    uint32_t before_count = driver->address_count;
    if (count > RAFT_MEMBERS_MAX)
        return RAFT_ELIMIT;
    memcpy(before, driver->addresses, before_count * sizeof(*before));
    driver->address_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (addresses[i].id == driver->options.id)
            continue;
        struct transport_member *member = &driver->addresses[driver->address_count++];
        member->id = addresses[i].id;
        snprintf(member->address, sizeof(member->address), "%s", addresses[i].peer);
    }
    for (uint32_t i = driver->guest_count; i > 0; i--)
        if (is_listed(driver, driver->guests[i - 1].member.id))
            remove_guest(driver, i - 1);
    int code = set_members(driver);
    if (code != 0) {
        memcpy(driver->addresses, before, before_count * sizeof(*before));
        driver->address_count = before_count;
    }
    return code;
}

/* A node with the cluster's keys that is not in our list: hear it for a while. */
static void on_stranger(void *user, raft_id from, const char *address)
{
    struct raft_driver *driver = user;
    if (driver__is_stopped(driver) || address[0] == '\0' || is_listed(driver, from))
        return;
    uint32_t i = 0;
    while (i < driver->guest_count && driver->guests[i].member.id != from)
        i++;
    if (i == DRIVER_GUESTS_MAX)
        return;
    if (i == driver->guest_count)
        driver->guest_count++;
    struct driver_guest *guest = &driver->guests[i];
    guest->member.id = from;
    guest->until_ms = driver__now(driver) + DRIVER_GUEST_MS;
    snprintf(guest->member.address, sizeof(guest->member.address), "%s", address);
    driver__log(driver, RAFT_LOG_INFO, "stranger_heard id=%016" PRIx64 " address=%s", from,
                address);
    if (set_members(driver) != 0)
        remove_guest(driver, i); /* its own claim cannot be parsed, or no memory */
}

static void on_repaired(void *user, raft_id peer, uint64_t after_ms)
{
    struct raft_driver *driver = user;
    if (peer == driver->options.id)
        driver__log(driver, RAFT_LOG_WARN, "port_opened_anew after_ms=%" PRIu64, after_ms);
    else
        driver__log(driver, RAFT_LOG_INFO,
                    "link_dialled_anew peer=%016" PRIx64 " silent_ms=%" PRIu64, peer, after_ms);
}

void driver__guests_tick(struct raft_driver *driver)
{
    uint64_t now_ms = driver__now(driver);
    uint32_t before = driver->guest_count;
    for (uint32_t i = driver->guest_count; i > 0; i--)
        if (driver->guests[i - 1].until_ms <= now_ms)
            remove_guest(driver, i - 1);
    if (driver->guest_count != before)
        set_members(driver); /* on failure the link stays until the next change */
}

int raft_driver_send_app(struct raft_driver *driver, raft_id to, const void *data, size_t len)
{
    struct transport transport = driver->net.transport;
    if (driver__is_stopped(driver))
        return RAFT_ECLOSED;
    return transport.ops->send_app(transport.self, to, data, len);
}

const struct transport_handler driver__handler = {.message = on_message,
                                                  .app = on_app,
                                                  .unreachable = on_unreachable,
                                                  .stranger = on_stranger,
                                                  .repaired = on_repaired};
