/* Stands in for NVIDIA's libnvbufsurface.so in tests, by what its header says. Pixels lie inverted where the CPU does not
 * come, are copied when they are mapped and turned over when that is synchronised; the copy is freed when it is unmapped,
 * so that a checker of memory sees who still reads it. */

#include <stddef.h>
#include <string.h>

extern void *g_malloc(size_t);
extern void g_free(void *);

typedef struct {
    unsigned gpu, batch_size, filled;
    unsigned char contiguous;
    int memory;
    char *list;
    /* ours: bytes of an entry */
    size_t entry;
} Surface;

typedef struct {
    unsigned width, height, pitch;
    int color, layout;
    unsigned long long descriptor;
    unsigned size;
    unsigned char *data;
    unsigned planes, widths[4], heights[4], pitches[4], offsets[4], sizes[4], bytes[4];
    void *reserved[16];
    unsigned char *mapped[4];
} Entry;

/* What a test sets and asks: which call fails (1 mapping, 2 synchronising), planes that are mapped, calls that are wrong. */
int standin_refuse, standin_mapped, standin_wrong;

static Entry *entry(Surface *surface, int index, int plane)
{
    if (!surface || index < 0 || (unsigned)index >= surface->filled || plane != -1) {
        __atomic_add_fetch(&standin_wrong, 1, __ATOMIC_SEQ_CST);
        return NULL;
    }
    return (Entry *)(surface->list + (size_t)index * surface->entry);
}

int NvBufSurfaceMap(Surface *surface, int index, int plane, int kind)
{
    Entry *e = entry(surface, index, plane);
    if (!e || kind != 0 || standin_refuse == 1 || (surface->memory != 4 && surface->memory != 5 && surface->memory != 0))
        return -1;
    for (unsigned i = 0; i < e->planes; i++) {
        if (e->mapped[i])
            __atomic_add_fetch(&standin_wrong, 1, __ATOMIC_SEQ_CST);
        e->mapped[i] = g_malloc(e->sizes[i]);
        memcpy(e->mapped[i], e->data + e->offsets[i], e->sizes[i]);
        __atomic_add_fetch(&standin_mapped, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}

int NvBufSurfaceSyncForCpu(Surface *surface, int index, int plane)
{
    Entry *e = entry(surface, index, plane);
    if (!e || standin_refuse == 2)
        return -1;
    for (unsigned i = 0; i < e->planes; i++)
        for (unsigned j = 0; j < e->sizes[i]; j++)
            e->mapped[i][j] = (unsigned char)~e->data[e->offsets[i] + j];
    return 0;
}

int NvBufSurfaceUnMap(Surface *surface, int index, int plane)
{
    Entry *e = entry(surface, index, plane);
    if (!e)
        return -1;
    for (unsigned i = 0; i < e->planes; i++) {
        if (!e->mapped[i])
            __atomic_add_fetch(&standin_wrong, 1, __ATOMIC_SEQ_CST);
        g_free(e->mapped[i]);
        e->mapped[i] = NULL;
        __atomic_sub_fetch(&standin_mapped, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}
