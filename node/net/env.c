#include "net/env.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mix.h"
#include "base/random.h"
#include "net/net.h"
#include "net/rrl.h"

#include <string.h>

static int copy_text(const char *text, char out[QUERY_TEXT_MAX + 1])
{
    const size_t len = text != NULL ? strlen(text) : 0;
    if (len > QUERY_TEXT_MAX)
        return ERR_INVALID;
    memcpy(out, text != NULL ? text : "", len + 1);
    return 0;
}

static int init_limit(struct net_env *out, const struct net_options *options)
{
    struct rrl_secret secret;
    if (options->rrl == NULL)
        return 0;
    random_bytes(&secret, sizeof secret);
    out->rrl_mode = options->is_rrl_log_only ? UDP_LIMIT_LOG_ONLY : UDP_LIMIT_ACT;
    return rrl_new(options->rrl, &secret, &out->rrl);
}

int net_env_init(struct net_env *out, const struct net_options *options)
{
    memset(out, 0, sizeof *out);
    int code = copy_text(options->identity, out->identity);
    if (code == 0)
        code = copy_text(options->version, out->version);
    if (code != 0)
        return code;
    out->publisher = options->publisher;
    out->log = options->log;
    out->tap = options->tap;
    out->texts = (struct query_texts){.identity = out->identity, .version = out->version};
    out->has_cookies = options->cookie_key != NULL;
    if (out->has_cookies)
        memcpy(out->cookie_key, options->cookie_key, sizeof out->cookie_key);
    return init_limit(out, options);
}

void net_env_fini(struct net_env *env)
{
    rrl_free(env->rrl);
    env->rrl = NULL;
}

/* The next number of a splitmix64 generator. Draws spread load and keep no secret, so one that can
 * be guessed by who sees many of them will do; seeded apart, no two threads draw alike. */
static uint64_t draw(uint64_t *chance)
{
    if (*chance == 0)
        *chance = random_id();
    return mix64(*chance += MIX64_STEP);
}

struct query_env net_env_begin(const struct net_env *env, enum query_proto proto,
                               struct net_thread_env *own)
{
    own->now_wall_ms = clock_wall_coarse_ms();
    const uint32_t now_s = (uint32_t)(own->now_wall_ms / 1000);
    if (env->has_cookies)
        dns_cookie_secrets_update(&own->secrets, env->cookie_key, now_s);
    return (struct query_env){
        .proto = proto,
        .now_s = now_s,
        .cookies = env->has_cookies ? &own->secrets : NULL,
        .texts = &env->texts,
        .draw = draw(&own->chance),
    };
}
