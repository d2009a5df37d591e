/* cluster_verify(): all of the state is read again on a worker, while apply goes on. A snapshot
 * that comes to be installed meanwhile waits for it (store_lock). */
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "cluster/internal.h"
#include "store/store.h"

struct verify {
    struct cluster *cluster;
    uv_work_t work;
    cluster_done_cb cb;
    void *user;
    int code;
};

static void read_all(uv_work_t *work)
{
    struct verify *verify = work->data;

    pthread_rwlock_rdlock(&verify->cluster->store_lock);
    verify->code = store_verify(verify->cluster->store);
    pthread_rwlock_unlock(&verify->cluster->store_lock);
}

static void on_read(uv_work_t *work, int status)
{
    struct verify *verify = work->data;
    struct cluster *cluster = verify->cluster;
    int code = status == 0 ? verify->code : ERR_CLOSED;

    cluster->is_verifying = false;
    if (code == 0)
        verify->cb(verify->user, 0, "all of the state was read, and is whole");
    else if (code == ERR_CORRUPT)
        verify->cb(verify->user, code,
                   "this node's state is damaged, its log says where: stop it, remove its data "
                   "directory, and join it anew with a new token; the other nodes are unaffected");
    else
        verify->cb(verify->user, code, err_text(code));
    free(verify);
    cluster__wake(cluster); /* a close may wait for this */
}

int cluster_verify(struct cluster *cluster, cluster_done_cb cb, void *user)
{
    if (!cluster->store || cluster->stop != CLUSTER_STOP_NONE)
        return ERR_UNAVAILABLE;
    if (cluster->is_verifying)
        return ERR_BUSY;
    struct verify *verify = calloc(1, sizeof(*verify));
    if (!verify)
        return ERR_NOMEM;
    *verify = (struct verify){.cluster = cluster, .cb = cb, .user = user};
    verify->work.data = verify;
    if (uv_queue_work(cluster->loop, &verify->work, read_all, on_read) != 0) {
        free(verify);
        return ERR_NOMEM;
    }
    cluster->is_verifying = true;
    return 0;
}
