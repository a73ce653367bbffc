/* Stands in for NVIDIA's libnvds_meta.so in tests: the functions that we call, by what NVIDIA's headers say of them, and
 * some to make batches by. What is released is really freed, so that a checker of memory sees who still uses it. Nothing
 * of GLib's is included: its functions are those of the process. */

#include <stddef.h>

typedef struct List {
    void *data;
    struct List *next, *prev;
} List;

extern void *g_malloc0(size_t);
extern void g_free(void *);
extern List *g_list_append(List *, void *);
extern List *g_list_remove(List *, const void *);
extern void g_list_free(List *);
extern void g_rec_mutex_init(void *);
extern void g_rec_mutex_clear(void *);
extern void g_rec_mutex_lock(void *);
extern void g_rec_mutex_unlock(void *);

typedef struct {
    int type;
    unsigned most, size, empty, full;
    List *empty_list, *full_list;
    void *copy, *release;
} Pool;

typedef struct Batch Batch;

typedef struct {
    Batch *batch;
    int type;
    void *context, *copy, *release;
} Base;

struct Batch {
    Base base;
    unsigned max_frames, num_frames;
    Pool *frames, *objects, *classifiers, *displays, *users, *labels;
    List *frame_list, *user_list;
    void *mutex[2];
    long long misc[4], reserved[4];
};

typedef struct {
    Base base;
    unsigned num_labels;
    int component;
    List *labels;
    const char *type;
} Classifier;

typedef struct {
    Base base;
    unsigned num_classes;
    char result[128];
    char *long_result;
    unsigned class_id, label_id;
    float probability;
} Label;

/* What a test sets and asks: objects that may be taken, calls without the lock, batches that were not destroyed. */
int standin_left = 1 << 30, standin_unlocked, standin_batches;

static int held;
/* Offset of the label of an object, which lies between its texts and its answers of classifiers. */
#define LABEL(batch) ((size_t)(batch)->misc[1])
#define TEXT(object) (*(char **)((char *)(object) + LABEL((object)->batch) - 104))
#define ANSWERS(object) (*(List **)((char *)(object) + LABEL((object)->batch) + 128))
#define OBJECTS(frame) (*(List **)((char *)(frame) + 104))
#define COUNT(frame) (*(unsigned *)((char *)(frame) + 96))

void nvds_acquire_meta_lock(Batch *batch)
{
    g_rec_mutex_lock(batch->mutex);
    __atomic_add_fetch(&held, 1, __ATOMIC_SEQ_CST);
}

void nvds_release_meta_lock(Batch *batch)
{
    __atomic_sub_fetch(&held, 1, __ATOMIC_SEQ_CST);
    g_rec_mutex_unlock(batch->mutex);
}

static void check(void)
{
    if (__atomic_load_n(&held, __ATOMIC_SEQ_CST) < 1)
        __atomic_add_fetch(&standin_unlocked, 1, __ATOMIC_SEQ_CST);
}

static void *take(Batch *batch, Pool *pool)
{
    check();
    if (__atomic_sub_fetch(&standin_left, 1, __ATOMIC_SEQ_CST) < 0)
        return NULL;
    Base *made = g_malloc0(pool->size);
    made->batch = batch;
    made->type = pool->type;
    pool->full_list = g_list_append(pool->full_list, made);
    pool->full++;
    return made;
}

static void give_back(Pool *pool, void *element)
{
    pool->full_list = g_list_remove(pool->full_list, element);
    pool->full--;
    g_free(element);
}

void *nvds_acquire_frame_meta_from_pool(Batch *batch) { return take(batch, batch->frames); }
void *nvds_acquire_obj_meta_from_pool(Batch *batch) { return take(batch, batch->objects); }
void *nvds_acquire_classifier_meta_from_pool(Batch *batch) { return take(batch, batch->classifiers); }
void *nvds_acquire_label_info_meta_from_pool(Batch *batch) { return take(batch, batch->labels); }

void nvds_add_frame_meta_to_batch(Batch *batch, Base *frame)
{
    check();
    batch->frame_list = g_list_append(batch->frame_list, frame);
    batch->num_frames++;
}

void nvds_add_obj_meta_to_frame(Base *frame, Base *object, Base *parent)
{
    check();
    OBJECTS(frame) = g_list_append(OBJECTS(frame), object);
    COUNT(frame)++;
    *(Base **)((char *)object + 40) = parent;
}

void nvds_add_classifier_meta_to_object(Base *object, Classifier *classifier)
{
    check();
    ANSWERS(object) = g_list_append(ANSWERS(object), classifier);
}

void nvds_add_label_info_meta_to_classifier(Classifier *classifier, Label *label)
{
    check();
    classifier->labels = g_list_append(classifier->labels, label);
    classifier->num_labels++;
}

static void release_object(Batch *batch, Base *object)
{
    for (List *l = ANSWERS(object); l; l = l->next) {
        Classifier *classifier = l->data;
        for (List *m = classifier->labels; m; m = m->next) {
            g_free(((Label *)m->data)->long_result);
            give_back(batch->labels, m->data);
        }
        g_list_free(classifier->labels);
        give_back(batch->classifiers, classifier);
    }
    g_list_free(ANSWERS(object));
    g_free(TEXT(object));
    give_back(batch->objects, object);
}

void nvds_remove_obj_meta_from_frame(Base *frame, Base *object)
{
    check();
    OBJECTS(frame) = g_list_remove(OBJECTS(frame), object);
    COUNT(frame)--;
    release_object(frame->batch, object);
}

static Pool *pool(int type, unsigned size)
{
    Pool *made = g_malloc0(sizeof(Pool));
    made->type = type;
    made->most = 1024;
    made->size = size;
    return made;
}

/* A batch whose objects and frames have these sizes, and objects their label there. */
Batch *standin_create(unsigned object, unsigned frame, unsigned label)
{
    Batch *batch = g_malloc0(sizeof(Batch));
    batch->base.batch = batch;
    batch->base.type = 1;
    batch->max_frames = 16;
    batch->frames = pool(2, frame);
    batch->objects = pool(3, object);
    batch->displays = pool(4, 7040);
    batch->classifiers = pool(5, sizeof(Classifier));
    batch->labels = pool(6, sizeof(Label));
    batch->users = pool(7, 48);
    g_rec_mutex_init(batch->mutex);
    batch->misc[1] = label;
    __atomic_add_fetch(&standin_batches, 1, __ATOMIC_SEQ_CST);
    return batch;
}

void standin_destroy(Batch *batch)
{
    for (List *l = batch->frame_list; l; l = l->next) {
        List *objects = OBJECTS(l->data);
        for (List *m = objects; m; m = m->next)
            release_object(batch, m->data);
        g_list_free(objects);
        give_back(batch->frames, l->data);
    }
    g_list_free(batch->frame_list);
    Pool *pools[] = { batch->frames, batch->objects, batch->classifiers, batch->labels, batch->displays, batch->users };
    for (unsigned i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
        /* what was taken and never added */
        while (pools[i]->full_list)
            give_back(pools[i], pools[i]->full_list->data);
        g_free(pools[i]);
    }
    g_rec_mutex_clear(batch->mutex);
    g_free(batch);
    __atomic_sub_fetch(&standin_batches, 1, __ATOMIC_SEQ_CST);
}
