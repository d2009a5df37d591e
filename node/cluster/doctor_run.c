/* cluster_doctor(): the state is looked through on a worker, while apply goes on. A snapshot that
 * comes to be installed meanwhile waits for it (store_lock). */
#include <stdlib.h>

#include <uv.h>

#include "cluster/doctor.h"
#include "cluster/internal.h"
#include "store/store.h"

struct examination {
    struct cluster *cluster;
    struct doctor_facts facts;
    uv_work_t work;
    doctor_cb cb;
    void *user;
    struct doctor_report *report;
    int code;
};

static void examine(uv_work_t *work)
{
    struct examination *examination = work->data;
    struct cluster *cluster = examination->cluster;

    pthread_rwlock_rdlock(&cluster->store_lock);
    examination->code =
        doctor_examine(store_kv(cluster->store), &examination->facts, &examination->report);
    pthread_rwlock_unlock(&cluster->store_lock);
}

static void on_examined(uv_work_t *work, int status)
{
    struct examination *examination = work->data;
    struct cluster *cluster = examination->cluster;

    cluster->is_examining = false;
    examination->cb(examination->user, status == 0 ? examination->code : ERR_CLOSED,
                    examination->report);
    doctor_report_free(examination->report);
    free(examination);
    cluster__wake(cluster); /* a close may wait for this */
}

int cluster_doctor(struct cluster *cluster, const struct doctor_facts *facts, doctor_cb cb,
                   void *user)
{
    if (!cluster->store || cluster->stop != CLUSTER_STOP_NONE)
        return ERR_UNAVAILABLE;
    if (cluster->is_examining)
        return ERR_BUSY;
    struct examination *examination = calloc(1, sizeof(*examination));
    if (!examination)
        return ERR_NOMEM;
    *examination =
        (struct examination){.cluster = cluster, .facts = *facts, .cb = cb, .user = user};
    examination->work.data = examination;
    if (uv_queue_work(cluster->loop, &examination->work, examine, on_examined) != 0) {
        free(examination);
        return ERR_NOMEM;
    }
    cluster->is_examining = true;
    return 0;
}
